//! Every state of a small world, reached by every order of every command.

use std::collections::{BTreeSet, VecDeque};

use super::world::{
    Counter, World, actor, complete, confirm, decimal, milestone_id, new_milestone, pay_by_card, receive, terms,
};
use crate::chain::Hash;
use crate::command::{CardOutcome, Command, MilestonePatch};
use crate::decide::{Ctx, Decision, Settings, decide};
use crate::duty::effects;
use crate::ledger::Rail;
use crate::rejection::Rejection;
use crate::state::Escrow;
use crate::terms::{Mode, PaymentType, Terms};
use crate::time::{Span, Timestamp};

/// In the explored worlds everything is due at once, so that timers may ring at any moment.
const SETTINGS: Settings = Settings {
    settlement_delay: Span::from_ms(0),
    finality_period: Span::from_ms(0),
    sandbox_block_time: Span::from_ms(0),
};

/// A state, a command, and what came of it.
pub(super) struct Step {
    pub(super) before: Escrow,
    pub(super) command: Command,
    pub(super) result: Result<Decision, Rejection>,
}

/// What is tried in a world: everything that can happen to milestones, or everything that can happen to payments. Both at once
/// would be too many states, and neither looks at the other but for whether there is money.
#[derive(Clone, Copy)]
enum Menu {
    Milestones,
    Payments,
}

/// Tries every command on every state that can be reached, and hands every step to `check`.
pub(super) fn explore(mut check: impl FnMut(&Step)) -> usize {
    let worlds = [(Menu::Milestones, milestone_worlds()), (Menu::Payments, payment_worlds())];
    worlds.into_iter().map(|(menu, starts)| explore_from(menu, starts, &mut check)).sum()
}

fn explore_from(menu: Menu, starts: Vec<Escrow>, check: &mut impl FnMut(&Step)) -> usize {
    let mut seen = BTreeSet::new();
    let mut waiting: VecDeque<Escrow> = starts.into();
    while let Some(before) = waiting.pop_front() {
        if !seen.insert(fingerprint(&before)) {
            continue;
        }
        for command in commands(menu, &before) {
            let result = step(&before, command.clone());
            if let Ok(decision) = &result {
                waiting.push_back(decision.next.clone());
            }
            check(&Step { before: before.clone(), command, result });
        }
    }
    seen.len()
}

/// What tells a state from others. How often consents have become void does not: a consent is always tried with the count of the
/// state it meets.
fn fingerprint(state: &Escrow) -> String {
    let mut state = Escrow { revision: 0, ..state.clone() };
    state.payments.iter_mut().for_each(|payment| payment.revision = 0);
    serde_json::to_string(&state).expect("a state can be written")
}

/// Fresh ids follow from the state, so that the same state reached twice is the same.
fn step(before: &Escrow, command: Command) -> Result<Decision, Rejection> {
    let made = before.settlements.len() + before.refunds.len() + before.payments.len();
    let ids = Counter::from(10_000 + 100 * made as u128);
    let by = actor(&command, before.owner.mode);
    decide(before, command, &Ctx { now: Timestamp::from_ms(0), by: &by, ids: &ids, settings: &SETTINGS })
}

fn milestone_worlds() -> Vec<Escrow> {
    let by_hand = Terms { auto_release: false, ..terms() };
    let with_fee = Terms { fee_basis_points: 250, ..terms() };
    let all_fee = Terms { fee_basis_points: 10_000, ..terms() };
    let pull = Terms { payment_type: PaymentType::ConsentedPull, ..terms() };
    let pull_for_the_fee = Terms { payment_type: PaymentType::ConsentedPull, ..all_fee.clone() };
    let all_fee_by_hand = Terms { auto_release: false, ..all_fee.clone() };
    let sandbox = [terms(), by_hand.clone(), with_fee, all_fee, all_fee_by_hand, pull.clone(), pull_for_the_fee];
    let worlds = sandbox.into_iter().map(|terms| World::new(terms, &[]));
    let live = [terms(), by_hand, pull].into_iter().map(|terms| World::in_mode(Mode::Live, terms, &[]));
    worlds.chain(live).map(|world| world.state).collect()
}

fn payment_worlds() -> Vec<Escrow> {
    let pull = Terms { payment_type: PaymentType::ConsentedPull, fee_basis_points: 10_000, ..terms() };
    let split = [(0, "100")];
    let worlds = [Mode::Sandbox, Mode::Live].into_iter().flat_map(|mode| {
        let shares: [(Terms, &[(u32, &str)]); 2] = [(terms(), &split), (pull.clone(), &[])];
        shares.map(|(terms, milestones)| World::in_mode(mode, terms, milestones).state)
    });
    worlds.collect()
}

/// Every command worth trying: on each object there is, and on some that are not there.
fn commands(menu: Menu, state: &Escrow) -> Vec<Command> {
    let mut commands = match menu {
        Menu::Milestones => milestone_commands(state),
        Menu::Payments => payment_commands(state),
    };
    commands.extend([Command::Cancel, Command::Finalize]);
    for settlement in &state.settlements {
        commands.push(Command::StartSettlement(settlement.id));
        commands.push(Command::ConfirmSettlement(settlement.id, "paid".to_owned()));
    }
    commands.extend(state.refunds.iter().map(|refund| Command::ConfirmRefund(refund.id, "repaid".to_owned())));
    commands
}

fn milestone_commands(state: &Escrow) -> Vec<Command> {
    const MOST_MILESTONES: usize = 2;
    let mut commands = Vec::new();
    if state.state.is_unpaid() {
        commands.push(receive(Rail::Evm, None));
    }
    if state.payments.is_empty() {
        commands.push(confirm(state.revision));
        commands.push(Command::AnnounceTransaction(Hash::ZERO));
    }
    commands.push(Command::FailPayment(None, "refused".to_owned()));
    let count = state.milestones().len();
    if count < MOST_MILESTONES {
        let id = 1 + count as u128;
        for (index, amount) in [(0, "30"), (1, "70"), (2, "0.000001"), (3, "100")] {
            commands.push(Command::AddMilestone(new_milestone(id, index, amount)));
        }
    }
    for id in 1..=count as u128 + 1 {
        let smaller = MilestonePatch { amount: Some(decimal("10")), ..MilestonePatch::default() };
        commands.push(Command::UpdateMilestone(milestone_id(id), smaller));
        commands.push(Command::DeleteMilestone(milestone_id(id)));
        commands.push(complete(id));
        commands.push(Command::ReleaseMilestone(milestone_id(id), None));
    }
    commands
}

fn payment_commands(state: &Escrow) -> Vec<Command> {
    const MOST_PAYMENTS: usize = 2;
    const MOST_REFUNDS: usize = 1;
    let transaction = |byte| Command::AnnounceTransaction(Hash::from_bytes([byte; 32]));
    let mut commands = vec![transaction(1), complete(1)];
    if state.payments.len() < MOST_PAYMENTS {
        commands.extend([confirm(state.revision), confirm(state.revision + 1)]);
        commands.extend([CardOutcome::Authorized, CardOutcome::Declined("no".to_owned())].map(pay_by_card));
    }
    if state.refunds.len() < MOST_REFUNDS {
        commands.extend(["99.999999", "100", "100.000001"].map(|amount| receive(Rail::Evm, Some(amount))));
    }
    commands.push(Command::FailPayment(None, "refused".to_owned()));
    for payment in &state.payments {
        commands.push(Command::SettlePayment(payment.id));
        commands.push(Command::FailPayment(Some(payment.id), "refused".to_owned()));
    }
    commands
}

#[test]
fn in_every_state_of_a_small_world_every_command_keeps_the_promises() {
    let states = explore(|step| match &step.result {
        Ok(decision) => check_decision(&step.before, decision),
        Err(rejection) => {
            let is_defect = matches!(rejection, Rejection::Broken(_));
            assert!(!is_defect, "{:?} on {:?}: {rejection}", step.command, step.before);
        }
    });
    println!("{states} states");
    assert!(states > 1_000, "only {states} states were reached");
}

/// What every decision promises, whatever was asked.
pub(super) fn check_decision(before: &Escrow, decision: &Decision) {
    let Decision { next, transfers, events, effects: told } = decision;
    assert_eq!(next.check(), Ok(()));
    let funds = transfers.iter().try_fold(before.funds, |funds, transfer| funds.after(transfer));
    assert_eq!(funds, Ok(next.funds), "the balances are the sum of the transfers");
    assert_eq!(*told, effects(&before.duties(), &next.duties()), "the effects are the change of the duties");
    assert!(next.updated >= before.updated, "updated never decreases");
    let unchanged = Escrow { updated: next.updated, ..before.clone() };
    assert!(!events.is_empty() || unchanged == *next, "a change without an event");
    let changed_status = before.status() != next.status();
    assert!(!changed_status || events.iter().any(|event| event.kind.name() == "payment_intent.status_changed"));
    assert!(next.owner == before.owner && next.terms == before.terms && next.chain == before.chain);
}
