//! What every decision promises, whatever was asked of whatever state.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::{Command, CommandKind};
use crate::decide::Decision;
use crate::dispute::{Dispute, Resolved};
use crate::duty::{Duty, Effect};
use crate::event::{EventKind, Subject};
use crate::id::MilestoneId;
use crate::ledger::{Purpose, PurposeKind, Transfer};
use crate::state::{Escrow, MilestoneStatus, OrderStatus};
use crate::time::Timestamp;

/// Fails unless the decision, made at this time, keeps every promise.
pub(super) fn check_decision(before: &Escrow, command: &Command, now: Timestamp, decision: &Decision) {
    let Decision { next, transfers, events, .. } = decision;
    assert_eq!(next.check(), Ok(()));
    let funds = transfers.iter().try_fold(before.funds, |funds, transfer| funds.after(transfer));
    assert_eq!(funds, Ok(next.funds), "the balances are the sum of the transfers");
    assert!(next.updated >= before.updated, "updated never decreases");
    assert!(!events.is_empty() || before == next, "a change without an event");
    assert!(next.owner == before.owner && next.terms == before.terms && next.chain == before.chain);
    check_jobs(before, decision);
    check_time(before, command, now);
    check_events(before, decision);
    check_milestones(before, command.kind(), decision);
    check_frozen(before, command.kind(), next);
    check_resolution(before, decision);
}

/// Every duty has exactly one job, before as after, and no job is left of what is no duty any more.
fn check_jobs(before: &Escrow, decision: &Decision) {
    let mut jobs: BTreeMap<Duty, Timestamp> = before.duties().into_iter().collect();
    assert_eq!(jobs.len(), before.duties().len(), "a duty has two jobs");
    for effect in &decision.effects {
        match effect {
            Effect::Schedule(duty, due) => {
                assert!(jobs.insert(*duty, *due) != Some(*due), "{duty} has its job already")
            }
            Effect::Drop(duty) => assert!(jobs.remove(duty).is_some(), "{duty} has no job to drop"),
        }
    }
    let due: BTreeMap<Duty, Timestamp> = decision.next.duties().into_iter().collect();
    assert_eq!(jobs, due, "the jobs, which are told by effects alone, are the duties");
}

/// What waits for a time is not done before.
fn check_time(before: &Escrow, command: &Command, now: Timestamp) {
    let Some(duty) = duty_of(command) else {
        let is_early =
            matches!(command, Command::Reclaim(_)) && before.reclaimable_from().is_none_or(|from| now < from);
        return assert!(!is_early, "taken back before the time for it");
    };
    let due = before.duties().into_iter().find(|(known, _)| *known == duty).map(|(_, due)| due);
    assert!(due.is_some_and(|due| due <= now), "{duty} was done at {now:?} and is due at {due:?}");
}

/// The duty that a command does, where it is one that waits for its time.
fn duty_of(command: &Command) -> Option<Duty> {
    match command {
        Command::SettlePayment(id) => Some(Duty::AwaitPayment(*id)),
        Command::EndDispute(id) => Some(Duty::EndDispute(*id)),
        Command::DisputeRejection(id) => Some(Duty::DisputeRejection(*id)),
        Command::OpenTimeLock => Some(Duty::OpenTimeLock),
        Command::EndSilence(subject) => Some(Duty::EndSilence(*subject)),
        Command::StartSettlement(id) => Some(Duty::StartSettlement(*id)),
        Command::Finalize => Some(Duty::Finalize),
        Command::Confirm(_)
        | Command::PayByCard(_)
        | Command::AnnounceTransaction(_)
        | Command::ReceivePayment(_)
        | Command::FailPayment(..)
        | Command::Cancel
        | Command::AddMilestone(_)
        | Command::UpdateMilestone(..)
        | Command::DeleteMilestone(_)
        | Command::CompleteMilestone(_)
        | Command::ReleaseMilestone(..)
        | Command::Ship(_)
        | Command::SubmitProof(_)
        | Command::ReleaseOrder(_)
        | Command::ApproveMilestone(_)
        | Command::RejectMilestone(_)
        | Command::RaiseDispute(_)
        | Command::SubmitEvidence(_)
        | Command::ResolveDispute(_)
        | Command::Refund(_)
        | Command::Reclaim(_)
        | Command::ConfirmSettlement(..)
        | Command::FailSettlement(..)
        | Command::ReturnSettlement(..)
        | Command::RetrySettlement(_)
        | Command::FailRefund(..)
        | Command::ConfirmRefund(..) => None,
    }
}

/// Whatever came into being or went from one status to another has an event that says so.
fn check_events(before: &Escrow, decision: &Decision) {
    let Decision { next, events, .. } = decision;
    let told = |kinds: &[EventKind]| events.iter().any(|event| kinds.contains(&event.kind));
    let told_of = |subject| events.iter().any(|event| event.subject == subject);
    assert!(before.state == next.state || told(&[EventKind::IntentStatusChanged]), "the intent moved in silence");
    for milestone in next.milestones() {
        let has_changed = before.milestone(milestone.id) != Some(milestone);
        assert!(!has_changed || told_of(Subject::Milestone(milestone.id)), "a milestone changed in silence");
    }
    for settlement in &next.settlements {
        let was = before.settlement(settlement.id);
        let has_moved = was.is_some_and(|was| was.state != settlement.state);
        assert!(!has_moved || told_of(Subject::Settlement(settlement.id)), "a settlement moved in silence");
        let has_shrunk = was.is_some_and(|was| was.amount != settlement.amount);
        assert!(!has_shrunk || told(&[EventKind::RefundCreated]), "a settlement shrank in silence");
    }
    for refund in next.refunds.iter().filter(|refund| before.refund(refund.id) != Some(refund)) {
        assert!(told_of(Subject::Refund(refund.id)), "a refund changed in silence");
    }
    for dispute in next.disputes().iter().filter(|dispute| before.dispute(dispute.id) != Some(dispute)) {
        assert!(told_of(Subject::Dispute(dispute.id)), "a dispute changed in silence");
    }
    let order_status = |state: &Escrow| state.order.as_ref().map(|order| order.state.status());
    if order_status(before) != order_status(next) {
        let reasons: &[EventKind] = match order_status(next) {
            None | Some(OrderStatus::Pending) => &[],
            Some(OrderStatus::Shipped) => &[EventKind::OrderShipped],
            Some(OrderStatus::Delivered) => &[
                EventKind::ProofSubmitted,
                EventKind::MilestoneCompleted,
                EventKind::MilestoneCanceled,
                EventKind::RefundCreated,
                EventKind::DisputeResolved,
            ],
            Some(OrderStatus::Disputed) => &[EventKind::DisputeRaised],
            Some(OrderStatus::Completed) => &[EventKind::OrderReleased, EventKind::DisputeResolved],
            Some(OrderStatus::Cancelled) => &[EventKind::IntentCanceled],
        };
        assert!(told(reasons), "the order went to {:?} in silence: {events:?}", order_status(next));
    }
}

/// A milestone is released once at most, what has ended stays as it ended, and only the merchant's changes and resolutions
/// change an amount.
fn check_milestones(before: &Escrow, command: CommandKind, decision: &Decision) {
    let Decision { next, transfers, .. } = decision;
    let mut released = BTreeSet::new();
    for transfer in transfers {
        let Purpose::Release(Some(id)) = transfer.purpose else { continue };
        assert!(released.insert(id), "released twice at once");
        let (was, is) = (before.milestone(id).expect("it was there"), next.milestone(id).expect("it stays"));
        assert!(was.is_open() && is.status() == MilestoneStatus::Released, "released twice, or not at all");
        let rest = is.release().and_then(|release| release.refunded).map_or(0, crate::Amount::minor);
        assert_eq!(transfer.amount.minor() + rest, was.amount.minor(), "the share is all that moves");
    }
    for was in before.milestones() {
        let is = next.milestone(was.id).expect("no milestone goes away");
        assert!(was.is_open() || was == is, "what has ended changed: {was:?}");
        let is_paid = is.status() != MilestoneStatus::Released || !was.is_open() || released.contains(&was.id);
        assert!(is_paid, "released without money: {was:?}");
        assert!(was.amount == is.amount || command == CommandKind::UpdateMilestone, "an amount changed by {command}");
    }
}

/// What a dispute froze stays as it is while the dispute is open, and only a resolution ends a dispute.
fn check_frozen(before: &Escrow, command: CommandKind, next: &Escrow) {
    let is_open = |state: &Escrow, dispute: &Dispute| state.dispute(dispute.id).is_some_and(Dispute::is_open);
    for dispute in before.disputes().iter().filter(|dispute| dispute.is_open()) {
        if !is_open(next, dispute) {
            let is_resolution = matches!(command, CommandKind::ResolveDispute | CommandKind::EndDispute);
            assert!(is_resolution, "{command} ended a dispute");
            continue;
        }
        match dispute.milestone {
            Some(id) => assert_eq!(before.milestone(id), next.milestone(id), "{command} moved what is frozen"),
            None => {
                assert_eq!(before.milestones(), next.milestones(), "{command} moved what is frozen");
                // A refund that was on its way may come back; the resolution then decides about it too.
                let may_come_back =
                    command == CommandKind::FailRefund && next.funds.held.minus(before.funds.held).is_ok();
                assert!(before.funds.held == next.funds.held || may_come_back, "{command} moved frozen money");
                let order_state = |state: &Escrow| state.order.as_ref().map(|order| order.state);
                assert_eq!(order_state(before), order_state(next), "{command} moved a frozen order");
            }
        }
    }
}

/// A resolution moves exactly what was frozen.
fn check_resolution(before: &Escrow, decision: &Decision) {
    let Decision { next, transfers, .. } = decision;
    let was_open = |dispute: &&Dispute| before.dispute(dispute.id).is_some_and(Dispute::is_open);
    let mut ended = next.disputes().iter().filter(was_open).filter_map(|dispute| dispute.resolved().zip(Some(dispute)));
    let Some((Resolved { refunded, released, .. }, dispute)) = ended.next() else { return };
    assert!(ended.next().is_none(), "one command decided two disputes");
    let frozen = match dispute.milestone {
        Some(id) => before.milestone(id).expect("it was frozen").amount,
        None => before.funds.held,
    };
    assert_eq!(refunded.plus(*released), Ok(frozen), "the shares of a resolution are what was frozen");
    let is_share = |wanted: Option<MilestoneId>, purpose: Purpose| match wanted {
        Some(_) => purpose == Purpose::Release(wanted),
        None => purpose.kind() == PurposeKind::Release,
    };
    let sum = |wanted: &dyn Fn(Purpose) -> bool| -> i64 {
        let of_kind = |transfer: &&Transfer| wanted(transfer.purpose);
        transfers.iter().filter(of_kind).map(|transfer| transfer.amount.minor()).sum()
    };
    assert_eq!(sum(&|purpose| purpose.kind() == PurposeKind::Refund), refunded.minor(), "refunded as decided");
    assert_eq!(sum(&|purpose| is_share(dispute.milestone, purpose)), released.minor(), "released as decided");
    match dispute.milestone {
        Some(id) => assert!(!next.milestone(id).expect("it stays").is_open(), "the milestone has not ended"),
        None => assert!(next.funds.held.is_zero(), "something is left of a decided order"),
    }
}
