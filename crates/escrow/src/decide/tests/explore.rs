//! Every state of some small worlds, reached by every order of the commands that matter there, and every command tried in each.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::promises::check_decision;
use super::world::{
    Counter, World, actor, approve, complete, confirm, decimal, milestone_id, new_milestone, partly, pay_by_card,
    raise, receive, refund, reject, release, resolve, submit_evidence, submit_proof, terms,
};
use crate::authority::Actor;
use crate::chain::Hash;
use crate::command::{CardOutcome, Command, CommandKind, MilestonePatch, Ruling, Shipping};
use crate::decide::{Ctx, Decision, Settings, decide};
use crate::dispute::DefaultResolution;
use crate::id::{DisputeId, PaymentId, RawId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::payment::PaymentState;
use crate::rejection::Rejection;
use crate::state::{Escrow, MilestoneState};
use crate::terms::{Mode, PaymentType, ReleaseType, Terms};
use crate::time::{Span, Timestamp};

/// In the explored worlds everything is due at once, so that timers may ring at any moment.
pub(super) const SETTINGS: Settings = Settings {
    settlement_delay: Span::from_ms(0),
    finality_period: Span::from_ms(0),
    sandbox_block_time: Span::from_ms(0),
    default_resolution: DefaultResolution::BuyerWon,
};

/// When time locks are tried that were not open from the beginning.
const TIMERS_RING: Timestamp = Timestamp::from_ms(1);

/// What nothing in these worlds is called.
const UNKNOWN: RawId = RawId::from_bits(77);

/// Some worlds with a theme: which commands lead on from a state, and how far. Every command is tried in every state; were all of
/// them followed at once, there would be too many states.
struct Theme {
    worlds: Vec<Escrow>,
    followed: &'static [CommandKind],
    bounds: Bounds,
}

/// States with more than this are not followed.
struct Bounds {
    payments: usize,
    milestones: usize,
    refunds: usize,
    disputes: usize,
    settlements: usize,
}

impl Bounds {
    fn contain(&self, state: &Escrow) -> bool {
        state.payments.len() <= self.payments
            && state.milestones().len() <= self.milestones
            && state.refunds.len() <= self.refunds
            && state.disputes().len() <= self.disputes
            && state.settlements.len() <= self.settlements
    }
}

fn themes() -> [Theme; 6] {
    [milestones(), payments(), deliveries(), disputes(), settlements(), crossings()]
}

/// Milestones are added, changed, deleted, done and released before and after the payment.
fn milestones() -> Theme {
    let by_hand = Terms { auto_release: false, ..terms() };
    let all_fee = Terms { fee_basis_points: 10_000, ..terms() };
    let all_fee_by_hand = Terms { auto_release: false, ..all_fee.clone() };
    let sandbox = [terms(), by_hand.clone(), all_fee, all_fee_by_hand];
    let worlds = sandbox.into_iter().map(|terms| World::new(terms, &[]));
    let live = [terms(), by_hand].into_iter().map(|terms| World::in_mode(Mode::Live, terms, &[]));
    Theme {
        worlds: worlds.chain(live).map(|world| world.state).collect(),
        followed: &[
            CommandKind::Confirm,
            CommandKind::ReceivePayment,
            CommandKind::Cancel,
            CommandKind::AddMilestone,
            CommandKind::UpdateMilestone,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::EndSilence,
        ],
        bounds: Bounds { payments: 1, milestones: 2, refunds: 0, disputes: 0, settlements: 2 },
    }
}

/// Money comes in, or fails to.
fn payments() -> Theme {
    let pull = Terms { payment_type: PaymentType::ConsentedPull, ..terms() };
    let pull_for_the_fee = Terms { fee_basis_points: 10_000, ..pull.clone() };
    let for_the_fee = Terms { fee_basis_points: 10_000, ..terms() };
    let proof = Terms { release_type: ReleaseType::DeliveryProof, ..terms() };
    let unlocked = Some(Timestamp::from_ms(0));
    let unlocked = Terms { release_type: ReleaseType::TimeLocked, time_lock_until: unlocked, ..terms() };
    let proof_for_the_fee = Terms { release_type: ReleaseType::AutoRelease, ..for_the_fee.clone() };
    let some: &[(u32, &str)] = &[(0, "30")];
    let split: &[(u32, &str)] = &[(0, "100")];
    let live = [(terms(), some), (pull.clone(), &[])].map(|(terms, split)| World::in_mode(Mode::Live, terms, split));
    let sandbox = [
        (terms(), some),
        (for_the_fee, split),
        (proof, &[]),
        (proof_for_the_fee, &[]),
        (unlocked, &[]),
        (pull, &[]),
        (pull_for_the_fee, &[]),
    ];
    let worlds = sandbox.map(|(terms, split)| World::new(terms, split)).into_iter().chain(live);
    Theme {
        worlds: worlds.map(|world| world.state).collect(),
        followed: &[
            CommandKind::Confirm,
            CommandKind::PayByCard,
            CommandKind::AnnounceTransaction,
            CommandKind::ReceivePayment,
            CommandKind::SettlePayment,
            CommandKind::FailPayment,
            CommandKind::CompleteMilestone,
            CommandKind::Ship,
            CommandKind::Cancel,
            CommandKind::StartSettlement,
            CommandKind::ConfirmSettlement,
            CommandKind::ConfirmRefund,
            CommandKind::Finalize,
        ],
        bounds: Bounds { payments: 2, milestones: 1, refunds: 1, disputes: 0, settlements: 1 },
    }
}

/// An order is released whole: by a proof, by hand, by silence or by time; or it is disputed, or goes back.
fn deliveries() -> Theme {
    let whole = |release_type| Terms { release_type, time_lock_until: Some(Timestamp::from_ms(0)), ..due_at_once() };
    let kinds = [ReleaseType::DeliveryProof, ReleaseType::AutoRelease, ReleaseType::TimeLocked];
    let auto = kinds.map(whole);
    let by_hand = kinds.map(|kind| Terms { auto_release: false, require_delivery: true, ..whole(kind) });
    let approved = kinds.map(|kind| Terms { require_approval: true, ..whole(kind) });
    let locked = Terms { time_lock_until: Some(TIMERS_RING), ..whole(ReleaseType::TimeLocked) };
    let fee_by_hand = Terms { auto_release: false, fee_basis_points: 10_000, ..whole(ReleaseType::DeliveryProof) };
    let all_fee = kinds.map(|kind| Terms { fee_basis_points: 10_000, require_delivery: true, ..whole(kind) });
    let locked_for_the_fee = Terms { fee_basis_points: 10_000, ..locked.clone() };
    let worlds = [&auto[..], &by_hand, &approved, &all_fee, &[locked, fee_by_hand, locked_for_the_fee]].concat();
    let modes = [Mode::Sandbox, Mode::Live].into_iter();
    let worlds =
        modes.flat_map(|mode| worlds.clone().into_iter().map(move |terms| World::in_mode(mode, terms, &[]).state));
    Theme {
        worlds: worlds.collect(),
        followed: &[
            CommandKind::ReceivePayment,
            CommandKind::Cancel,
            CommandKind::Ship,
            CommandKind::SubmitProof,
            CommandKind::ReleaseOrder,
            CommandKind::OpenTimeLock,
            CommandKind::EndSilence,
            CommandKind::RaiseDispute,
            CommandKind::ResolveDispute,
            CommandKind::EndDispute,
            CommandKind::Refund,
            CommandKind::Reclaim,
        ],
        bounds: Bounds { payments: 1, milestones: 0, refunds: 1, disputes: 1, settlements: 2 },
    }
}

/// Two shares and a rest that belongs to neither are done, approved, rejected, disputed, refunded and taken back.
fn disputes() -> Theme {
    let by_hand = Terms { auto_release: false, ..due_at_once() };
    let with_fee = Terms { fee_basis_points: 250, ..by_hand.clone() };
    let approved = Terms { require_approval: true, ..due_at_once() };
    let split: &[(u32, &str)] = &[(0, "30"), (1, "50")];
    let unshipped = [(Mode::Sandbox, due_at_once()), (Mode::Sandbox, by_hand), (Mode::Live, with_fee)];
    let unshipped = unshipped.map(|(mode, terms)| World::in_mode(mode, terms, split).funded());
    let shipped = World::in_mode(Mode::Live, approved, split).funded().after([Command::Ship(Shipping::default())]);
    let worlds = unshipped.into_iter().chain([shipped]).map(|world| world.state);
    Theme {
        worlds: worlds.collect(),
        followed: &[
            CommandKind::Cancel,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::ApproveMilestone,
            CommandKind::RejectMilestone,
            CommandKind::EndSilence,
            CommandKind::RaiseDispute,
            CommandKind::SubmitEvidence,
            CommandKind::ResolveDispute,
            CommandKind::EndDispute,
            CommandKind::DisputeRejection,
            CommandKind::Reclaim,
        ],
        bounds: Bounds { payments: 1, milestones: 2, refunds: 3, disputes: 2, settlements: 3 },
    }
}

/// What was released is paid out, refused, sent back, tried again and refunded.
fn settlements() -> Theme {
    let pull = Terms { payment_type: PaymentType::ConsentedPull, ..due_at_once() };
    let with_fee = Terms { fee_basis_points: 250, ..due_at_once() };
    let split: &[(u32, &str)] = &[(0, "30")];
    let proof = Terms { release_type: ReleaseType::AutoRelease, ..due_at_once() };
    let worlds = [
        (Mode::Sandbox, with_fee, split),
        (Mode::Live, due_at_once(), split),
        (Mode::Sandbox, proof, &[]),
        (Mode::Live, pull, &[]),
    ];
    let worlds = worlds.into_iter().map(|(mode, terms, shares)| World::in_mode(mode, terms, shares).funded().state);
    Theme {
        worlds: worlds.collect(),
        followed: &[
            CommandKind::CompleteMilestone,
            CommandKind::SubmitProof,
            CommandKind::Cancel,
            CommandKind::Refund,
            CommandKind::Reclaim,
            CommandKind::StartSettlement,
            CommandKind::ConfirmSettlement,
            CommandKind::FailSettlement,
            CommandKind::ReturnSettlement,
            CommandKind::RetrySettlement,
            CommandKind::ConfirmRefund,
            CommandKind::FailRefund,
            CommandKind::Finalize,
        ],
        bounds: Bounds { payments: 1, milestones: 1, refunds: 2, disputes: 0, settlements: 3 },
    }
}

/// The first share was released and paid out; everything goes on with the second one, whatever becomes of the first payout.
fn crossings() -> Theme {
    let by_hand = Terms { auto_release: false, ..due_at_once() };
    let start = |mode, is_shipped| {
        let mut world = World::in_mode(mode, by_hand.clone(), &[(0, "30"), (1, "50")]).funded();
        world.settings = SETTINGS;
        if is_shipped {
            world.run(Command::Ship(Shipping::default())).expect("it may be shipped");
        }
        world.run(complete(1)).expect("in order");
        world.run(release(1)).expect("completed");
        let payout = world.state.settlements[0].id;
        world.run(Command::StartSettlement(payout)).expect("due");
        world.state
    };
    Theme {
        worlds: vec![start(Mode::Sandbox, false), start(Mode::Live, true)],
        followed: &[
            CommandKind::AddMilestone,
            CommandKind::DeleteMilestone,
            CommandKind::CompleteMilestone,
            CommandKind::ReleaseMilestone,
            CommandKind::ApproveMilestone,
            CommandKind::RejectMilestone,
            CommandKind::EndSilence,
            CommandKind::RaiseDispute,
            CommandKind::ResolveDispute,
            CommandKind::DisputeRejection,
            CommandKind::Refund,
            CommandKind::Reclaim,
            CommandKind::ConfirmSettlement,
            CommandKind::FailSettlement,
            CommandKind::ReturnSettlement,
            CommandKind::RetrySettlement,
            CommandKind::FailRefund,
        ],
        bounds: Bounds { payments: 1, milestones: 2, refunds: 1, disputes: 1, settlements: 2 },
    }
}

/// What was agreed, with every deadline at once.
fn due_at_once() -> Terms {
    Terms { delivery_period: Span::from_ms(0), dispute_window: Span::from_ms(0), ..terms() }
}

/// Visits every state that can be reached, with every command worth trying in it; gives how many there were.
pub(super) fn explore(mut visit: impl FnMut(&Escrow, &[Command])) -> usize {
    themes().into_iter().map(|theme| explore_theme(theme, &mut visit)).sum()
}

fn explore_theme(theme: Theme, visit: &mut impl FnMut(&Escrow, &[Command])) -> usize {
    let Theme { worlds, followed, bounds } = theme;
    let mut seen: BTreeSet<u64> = worlds.iter().map(fingerprint).collect();
    let mut waiting: VecDeque<Escrow> = worlds.into();
    while let Some(state) = waiting.pop_front() {
        let commands = commands(&state);
        visit(&state, &commands);
        for command in commands.into_iter().filter(|command| followed.contains(&command.kind())) {
            let by = actor(&command, state.owner.mode);
            let Ok(decision) = ask(&state, &by, command) else { continue };
            if bounds.contain(&decision.next) && seen.insert(fingerprint(&decision.next)) {
                waiting.push_back(decision.next);
            }
        }
    }
    seen.len()
}

/// What tells a state from others. What is only counted does not, for what names a count names that of the state it meets; nor
/// does what things are called that came into being by themselves.
fn fingerprint(state: &Escrow) -> u64 {
    let mut state = Escrow { revision: 0, ..state.clone() };
    let name = |place: usize| RawId::from_bits(place as u128);
    let refunds: Vec<RefundId> = state.refunds.iter().map(|refund| refund.id).collect();
    for (place, payment) in state.payments.iter_mut().enumerate() {
        (payment.id, payment.revision) = (PaymentId::new(name(place)), 0);
        if let PaymentState::Unapplied { refund, .. } = &mut payment.state {
            let place = refunds.iter().position(|id| id == refund).expect("it goes back");
            *refund = RefundId::new(name(place));
        }
    }
    for (place, settlement) in state.settlements.iter_mut().enumerate() {
        (settlement.id, settlement.retries) = (SettlementId::new(name(place)), 0);
    }
    for (place, refund) in state.refunds.iter_mut().enumerate() {
        refund.id = RefundId::new(name(place));
    }
    if let Some(order) = &mut state.order {
        order.milestones.iter_mut().for_each(|milestone| milestone.attempts = 0);
        for (place, dispute) in order.disputes.iter_mut().enumerate() {
            dispute.id = DisputeId::new(name(place));
            dispute.evidence.clear();
        }
    }
    let mut hasher = DefaultHasher::new();
    json(&state).hash(&mut hasher);
    hasher.finish()
}

/// The state as people can read it.
pub(super) fn json(state: &Escrow) -> String {
    serde_json::to_string(state).expect("a state can be written")
}

/// Decides for this actor. Fresh ids follow from the state, so that the same state reached twice is the same.
pub(super) fn ask(before: &Escrow, by: &Actor, command: Command) -> Result<Decision, Rejection> {
    let made = before.settlements.len() + before.refunds.len() + before.payments.len() + before.disputes().len();
    let ids = Counter::from(10_000 + 100 * made as u128);
    let now = if matches!(command, Command::OpenTimeLock) { TIMERS_RING } else { Timestamp::from_ms(0) };
    decide(before, command, &Ctx { now, by, ids: &ids, settings: &SETTINGS })
}

/// Every command worth trying: on each object there is, and on one that is not there.
fn commands(state: &Escrow) -> Vec<Command> {
    let mut commands = payment_commands(state);
    commands.extend(order_commands(state));
    // One more than there are.
    for id in 1..=state.milestones().len() as u128 + 1 {
        commands.extend(milestone_commands(id));
    }
    let settlements = state.settlements.iter().map(|settlement| settlement.id);
    for id in settlements.chain([SettlementId::new(UNKNOWN)]) {
        commands.extend([
            Command::StartSettlement(id),
            Command::ConfirmSettlement(id, "paid".to_owned()),
            Command::FailSettlement(id, "refused".to_owned()),
            Command::ReturnSettlement(id, "account closed".to_owned()),
            Command::RetrySettlement(id),
        ]);
    }
    for id in state.refunds.iter().map(|refund| refund.id).chain([RefundId::new(UNKNOWN)]) {
        commands.push(Command::ConfirmRefund(id, "repaid".to_owned()));
        commands.push(Command::FailRefund(id, "card expired".to_owned()));
    }
    commands
}

fn payment_commands(state: &Escrow) -> Vec<Command> {
    let mut commands = vec![
        confirm(state.revision),
        confirm(state.revision + 1),
        pay_by_card(CardOutcome::Authorized),
        pay_by_card(CardOutcome::Declined("no".to_owned())),
        Command::AnnounceTransaction(Hash::ZERO),
        Command::FailPayment(None, "refused".to_owned()),
        Command::Cancel,
        Command::Finalize,
    ];
    commands.extend(["99.999999", "100", "100.000001"].map(|amount| receive(Rail::Evm, Some(amount))));
    for id in state.payments.iter().map(|payment| payment.id).chain([PaymentId::new(UNKNOWN)]) {
        commands.push(Command::SettlePayment(id));
        commands.push(Command::FailPayment(Some(id), "refused".to_owned()));
    }
    commands
}

fn order_commands(state: &Escrow) -> Vec<Command> {
    let next = 1 + state.milestones().len() as u128;
    let shares = [(0, "30"), (1, "70"), (3, "100")];
    let mut commands = shares.map(|(index, share)| Command::AddMilestone(new_milestone(next, index, share))).to_vec();
    commands.extend([
        Command::Ship(Shipping::default()),
        submit_proof(1),
        submit_proof(2),
        Command::ReleaseOrder(None),
        Command::OpenTimeLock,
        Command::EndSilence(None),
        refund(None),
        refund(Some("10")),
        refund(Some("100")),
        Command::Reclaim(None),
    ]);
    commands.extend(dispute_commands(None));
    let disputes = state.disputes().iter().map(|dispute| dispute.id);
    commands.extend(disputes.chain([DisputeId::new(UNKNOWN)]).map(Command::EndDispute));
    commands
}

fn milestone_commands(id: u128) -> Vec<Command> {
    let milestone = milestone_id(id);
    let smaller = MilestonePatch { amount: Some(decimal("10")), ..MilestonePatch::default() };
    let mut commands = vec![
        Command::UpdateMilestone(milestone, smaller),
        Command::DeleteMilestone(milestone),
        complete(id),
        release(id),
        approve(id),
        reject(id),
        Command::EndSilence(Some(milestone)),
        Command::DisputeRejection(milestone),
    ];
    commands.extend(dispute_commands(Some(id)));
    commands
}

fn dispute_commands(milestone: Option<u128>) -> Vec<Command> {
    vec![
        raise(milestone),
        submit_evidence(milestone),
        resolve(milestone, Ruling::MerchantWon),
        resolve(milestone, Ruling::BuyerWon),
        resolve(milestone, partly("12.345678")),
    ]
}

#[test]
fn in_every_state_of_a_small_world_every_command_keeps_the_promises() {
    let states = explore(|state, commands| {
        for command in commands {
            match ask(state, &actor(command, state.owner.mode), command.clone()) {
                Ok(decision) => check_decision(state, command, &decision),
                Err(rejection) => {
                    let is_defect = matches!(rejection, Rejection::Broken(_));
                    assert!(!is_defect, "{command:?} on {}: {rejection}", json(state));
                }
            }
        }
    });
    println!("{states} states");
    assert!(states > 1_000, "only {states} states were reached");
}

#[test]
fn in_every_state_of_a_small_world_what_is_approved_and_next_is_released() {
    explore(|state, _| {
        let lowest = state.milestones().iter().find(|milestone| milestone.is_open());
        let waits = lowest.filter(|milestone| matches!(milestone.state, MilestoneState::Completed(_)));
        assert!(
            !waits.is_some_and(|milestone| state.releases_by_itself(milestone)),
            "nobody releases it: {}",
            json(state)
        );
    });
}
