//! What is asked twice happens once, and of two that ask at once each comes first or second.

use std::collections::BTreeSet;

use super::counterexample::{Broken, holds};
use super::explore::{MODEL, Search, Trial, ask, check_decided, explore_theme};
use super::world::{actor, complete, milestone_id, new_milestone, raise};
use super::worlds::themes;
use crate::command::{Command, CommandKind, NewMilestone};
use crate::decide::Decision;
use crate::dispute::Dispute;
use crate::ledger::{Purpose, Transfer};
use crate::rejection::Rejection;
use crate::state::{Escrow, MilestoneState};

/// What came of the same command, asked again at once in the state that it led to. Money moves once, whatever is asked; and what is
/// no new thing each time changes nothing.
pub(super) fn check_repetition(command: &Command, first: &Decision) -> Result<(), Broken> {
    let Ok(second) = ask_after(first, command, command)? else { return Ok(()) };
    holds(&[command, command], || {
        let is_new = is_new_each_time(command.kind()) || second.events.is_empty();
        assert!(is_new, "the same was done twice: {:?}", second.events);
    })
}

/// Asks for something after something else was decided: the promises are kept, and no money moves twice.
fn ask_after(first: &Decision, one: &Command, other: &Command) -> Result<Result<Decision, Rejection>, Broken> {
    let both = [one, other];
    let second = ask(&first.next, &actor(other, first.next.owner.mode), other.clone());
    match &second {
        Ok(second) => {
            check_decided(&first.next, other, &both, second)?;
            holds(&both, || check_moved_once(first, second))?;
        }
        Err(Rejection::Broken(why)) => return Err(Broken::by(&both, why.clone())),
        Err(_) => {}
    }
    Ok(second)
}

/// Whether the same words, said again, ask for another thing of the kind. Over HTTP the idempotency key tells the two apart.
const fn is_new_each_time(kind: CommandKind) -> bool {
    match kind {
        CommandKind::PayByCard | CommandKind::ReceivePayment | CommandKind::Refund => true,
        CommandKind::Confirm
        | CommandKind::AnnounceTransaction
        | CommandKind::SettlePayment
        | CommandKind::FailPayment
        | CommandKind::Cancel
        | CommandKind::AddMilestone
        | CommandKind::UpdateMilestone
        | CommandKind::DeleteMilestone
        | CommandKind::CompleteMilestone
        | CommandKind::ReleaseMilestone
        | CommandKind::Ship
        | CommandKind::SubmitProof
        | CommandKind::ReleaseOrder
        | CommandKind::ApproveMilestone
        | CommandKind::RejectMilestone
        | CommandKind::RaiseDispute
        | CommandKind::SubmitEvidence
        | CommandKind::ResolveDispute
        | CommandKind::EndDispute
        | CommandKind::DisputeRejection
        | CommandKind::Reclaim
        | CommandKind::OpenTimeLock
        | CommandKind::EndSilence
        | CommandKind::StartSettlement
        | CommandKind::ConfirmSettlement
        | CommandKind::FailSettlement
        | CommandKind::ReturnSettlement
        | CommandKind::RetrySettlement
        | CommandKind::FailRefund
        | CommandKind::ConfirmRefund
        | CommandKind::Finalize => false,
    }
}

/// Of two decisions in a row, neither funds, releases, reserves, pays or refunds what the other has.
fn check_moved_once(first: &Decision, second: &Decision) {
    let moved: BTreeSet<Once> = first.transfers.iter().filter_map(once).collect();
    let again = second.transfers.iter().filter_map(once).find(|once| moved.contains(once));
    assert!(again.is_none(), "moved twice: {again:?}");
}

/// What a transfer does that may be done once in two decisions, by the words of it.
type Once = (&'static str, String);

fn once(transfer: &Transfer) -> Option<Once> {
    match transfer.purpose {
        Purpose::Fund(_) => Some(("fund", String::new())),
        Purpose::Release(milestone) => milestone.map(|id| ("release", id.to_string())),
        Purpose::Fee(milestone) => milestone.map(|id| ("fee", id.to_string())),
        Purpose::Reserve(id) => Some(("reserve", id.to_string())),
        Purpose::Unreserve(id) => Some(("unreserve", id.to_string())),
        Purpose::Settle(id, _) => Some(("settle", id.to_string())),
        Purpose::Unsettle(id, _) => Some(("unsettle", id.to_string())),
        Purpose::Refund(id) | Purpose::RefundPayable(id) => Some(("refund", id.to_string())),
        Purpose::Return(id, _) => Some(("return", id.to_string())),
        Purpose::Restore(id) | Purpose::RestorePayable(id) => Some(("restore", id.to_string())),
        Purpose::Receive(id, _) => Some(("receive", id.to_string())),
        Purpose::SendBack(id, _) => Some(("send back", id.to_string())),
    }
}

/// Every command that is accepted in a state, with every other one that is, in this order and, when their turn comes, in the other.
fn check_pairs(state: &Escrow, trials: &[Trial], pairs: &mut usize) -> Result<(), Broken> {
    let accepted = || trials.iter().filter_map(|trial| Some((&trial.command, trial.outcome(state).as_ref().ok()?)));
    for (place, (one, first)) in accepted().enumerate() {
        for (_, (other, _)) in accepted().enumerate().filter(|(other, _)| *other != place) {
            *pairs += 1;
            let _either_way = ask_after(first, one, &named_apart(one, other))?;
        }
    }
    Ok(())
}

/// The other command, where both create a milestone with an id of its own: whoever asks draws a new one.
fn named_apart(one: &Command, other: &Command) -> Command {
    let (Command::AddMilestone(first), Command::AddMilestone(second)) = (one, other) else { return other.clone() };
    Command::AddMilestone(NewMilestone { id: milestone_id(first.id.raw().bits() + 1), ..second.clone() })
}

/// Of how many states one is looked at with all pairs of commands, in a run of the tests that does not explore the whole.
const ONE_IN: usize = 20;

/// Two commands that are asked in a state, in this order: what came of the first, and of the second in the state after it.
struct Both {
    one: Command,
    other: Command,
    first: Decision,
    second: Result<Decision, Rejection>,
}

impl Both {
    /// `None` where already the first is refused.
    fn asked(state: &Escrow, one: Command, other: Command) -> Result<Option<Both>, Broken> {
        let Ok(first) = ask(state, &actor(&one, state.owner.mode), one.clone()) else { return Ok(None) };
        let second = ask_after(&first, &one, &other)?;
        Ok(Some(Both { one, other, first, second }))
    }

    /// Fails unless the second came to what is expected of it after the first.
    fn check(&self, expected: impl FnOnce(&Escrow, &Result<Decision, Rejection>) -> bool) -> Result<(), Broken> {
        holds(&[&self.one, &self.other], || {
            let second = &self.second;
            assert!(expected(&self.first.next, second), "the second came to what it must not: {second:?}");
        })
    }
}

/// The documented outcomes of what happens at once, in one state. Gives how many pairs there were to look at.
fn check_races(state: &Escrow) -> Result<usize, Broken> {
    let mut races = check_two_creations(state)?;
    for milestone in state.milestones() {
        let id = milestone.id.raw().bits();
        let completed_twice = Both::asked(state, complete(id), complete(id))?;
        let canceled_first = Both::asked(state, Command::Cancel, complete(id))?;
        let canceled_second = Both::asked(state, complete(id), Command::Cancel)?;
        races += [&completed_twice, &canceled_first, &canceled_second].iter().filter(|both| both.is_some()).count();
        if let Some(both) = completed_twice {
            both.check(|after, second| match after.milestone(milestone.id).map(|milestone| &milestone.state) {
                Some(MilestoneState::Released(..)) => *second == Err(Rejection::MilestoneReleased),
                Some(MilestoneState::Completed(_)) => *second == Err(Rejection::MilestoneCompleted),
                Some(MilestoneState::Pending | MilestoneState::Cancelled { .. }) | None => false,
            })?;
        }
        if let Some(both) = canceled_first {
            both.check(|_, second| second.is_err())?;
        }
        if let Some(both) = canceled_second {
            both.check(is_canceled_as_documented)?;
        }
        races += check_disputes(state, id)?;
    }
    Ok(races)
}

/// Two creations of one index: one wins.
fn check_two_creations(state: &Escrow) -> Result<usize, Broken> {
    let next = 1 + state.milestones().len() as u128;
    let add = |id, amount| Command::AddMilestone(new_milestone(id, 1, amount));
    let Some(both) = Both::asked(state, add(next, "1"), add(next + 1, "2"))? else { return Ok(0) };
    both.check(|_, second| *second == Err(Rejection::IndexTaken(1)))?;
    Ok(1)
}

/// Cancel is refused after any release, and while something is disputed; else it refunds all.
fn is_canceled_as_documented(after: &Escrow, second: &Result<Decision, Rejection>) -> bool {
    if after.funds.released.is_zero() && after.disputes().iter().any(Dispute::is_open) {
        matches!(second, Err(Rejection::Disputed(_)))
    } else if after.funds.released.is_zero() {
        second.as_ref().is_ok_and(|decision| decision.next.funds.held.is_zero())
    } else {
        matches!(second, Err(Rejection::CancelAfterRelease | Rejection::IntentStatus { .. }))
    }
}

/// Complete and dispute at once: either order, and what is frozen cannot be completed, nor what is released be disputed.
fn check_disputes(state: &Escrow, id: u128) -> Result<usize, Broken> {
    let mut races = 0;
    for subject in [None, Some(id)] {
        if let Some(both) = Both::asked(state, raise(subject), complete(id))? {
            races += 1;
            both.check(|_, second| second.is_err())?;
        }
        if let Some(both) = Both::asked(state, complete(id), raise(subject))? {
            races += 1;
            both.check(|after, second| second.is_ok() == may_be_disputed(after, subject))?;
        }
    }
    Ok(races)
}

/// Whether something is held for the subject, and no dispute is open about it or, where it is all of it, about anything.
fn may_be_disputed(state: &Escrow, subject: Option<u128>) -> bool {
    let has_open = state.disputes().iter().any(Dispute::is_open);
    let is_over = state.order.as_ref().is_none_or(|order| order.state.is_over());
    let milestone = subject.map(|id| state.milestone(milestone_id(id)));
    let is_free = milestone.map_or(!has_open, |milestone| {
        milestone.is_some_and(|milestone| milestone.is_open() && !state.is_frozen(milestone))
    });
    !is_over && is_free
}

#[test]
fn what_is_asked_at_once_comes_in_either_order_to_what_is_documented_and_moves_no_money_twice() {
    let one_in = if std::env::var_os(MODEL).is_some() { 1 } else { ONE_IN };
    println!("all pairs in one of {one_in} states, documented races in each");
    println!("theme            states        pairs        races");
    for theme in themes() {
        let (mut states, mut pairs, mut races) = (0_usize, 0, 0);
        let explored = explore_theme(&theme, Search::BreadthFirst, &mut |state, trials| {
            states += 1;
            races += check_races(state)?;
            if states.is_multiple_of(one_in) { check_pairs(state, trials, &mut pairs) } else { Ok(()) }
        });
        explored.unwrap_or_else(|found| panic!("{found}"));
        println!("{:<12} {states:>10} {pairs:>12} {races:>12}", theme.name);
    }
}
