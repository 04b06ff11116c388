//! Every state of some small worlds, reached by every order of the commands that matter there, and every command tried in each.
//!
//! What a run tries, it prints, theme by theme. `MILEPOST_MODEL=whole cargo nextest run -p escrow --release whole` also explores
//! the whole of a world in which every command is followed, which takes minutes; else a smaller one is.

use std::cell::OnceCell;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

use super::counterexample::{Broken, Counterexample, holds};
use super::promises::check_decision;
use super::repetition::check_repetition;
use super::world::{
    Counter, Told, World, actor, approve, complete, confirm, decimal, milestone_id, new_milestone, partly, pay_by_card,
    raise, receive, refund, reject, release, resolve, submit_evidence, submit_proof,
};
use super::worlds::{Bounds, SETTINGS, TIMERS_RING, Theme, themes, whole};
use crate::authority::Actor;
use crate::chain::Hash;
use crate::command::{CardOutcome, Command, MilestonePatch, Ruling, Shipping};
use crate::decide::{Ctx, Decision, decide};
use crate::id::{DisputeId, PaymentId, RawId, RefundId, SettlementId};
use crate::ledger::Rail;
use crate::payment::PaymentState;
use crate::rejection::Rejection;
use crate::state::{Escrow, MilestoneState};
use crate::time::Timestamp;

/// Set to `whole`, it has the whole of a small world explored.
pub(super) const MODEL: &str = "MILEPOST_MODEL";

/// What nothing in these worlds is called.
const UNKNOWN: RawId = RawId::from_bits(77);

/// A command worth trying in a state. What came of it is asked for once, by whoever needs it first.
pub(super) struct Trial {
    pub(super) command: Command,
    outcome: OnceCell<Result<Decision, Rejection>>,
}

impl Trial {
    pub(super) fn outcome(&self, state: &Escrow) -> &Result<Decision, Rejection> {
        let by = || actor(&self.command, state.owner.mode);
        self.outcome.get_or_init(|| ask(state, &by(), self.command.clone()))
    }
}

/// How a state was reached from the one that its world begins with: the last command, behind the others.
struct Trail {
    before: Option<Rc<Trail>>,
    command: Command,
}

/// A state that is still to be visited.
struct Waiting<'t> {
    state: Escrow,
    world: &'t World,
    trail: Option<Rc<Trail>>,
}

impl<'t> Waiting<'t> {
    fn in_world(world: &'t World) -> Waiting<'t> {
        Waiting { state: world.state.clone(), world, trail: None }
    }

    /// What happened since the opening of the world. The same commands lead the same way again.
    fn told(&self) -> Vec<Told> {
        let trail = std::iter::successors(self.trail.as_ref(), |trail| trail.before.as_ref());
        let mut commands: Vec<Command> = trail.map(|trail| trail.command.clone()).collect();
        commands.reverse();
        let mut told = self.world.told.clone();
        tell(&mut told, self.world.state.clone(), commands);
        told
    }
}

/// Adds what these commands did, as long as they are accepted, and the first that is not.
pub(super) fn tell(told: &mut Vec<Told>, mut before: Escrow, commands: Vec<Command>) {
    for command in commands {
        let decided = ask(&before, &actor(&command, before.owner.mode), command.clone());
        told.push(Told { before: before.clone(), command });
        let Ok(Decision { next, .. }) = decided else { return };
        before = next;
    }
}

/// Which state is visited next. What is found breadth first was found by the shortest way; what waits meanwhile is a large part of
/// all states. Depth first, it is next to nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    BreadthFirst,
    DepthFirst,
}

/// Visits every state that can be reached in the worlds of all themes, with every command worth trying in it; gives how many there
/// were. A visitor that panics has found a counterexample.
pub(super) fn explore(mut visit: impl FnMut(&Escrow, &[Trial])) -> usize {
    let mut visit = |state: &Escrow, trials: &[Trial]| holds(&[], || visit(state, trials));
    let explored = themes().into_iter().map(|theme| explore_theme(&theme, Search::BreadthFirst, &mut visit));
    explored.map(|states| states.unwrap_or_else(|found| panic!("{found}"))).sum()
}

/// Visits every state that can be reached in the worlds of a theme, and gives how many there were, or the shortest way to one in
/// which something is broken.
///
/// Of what was seen, 64 bits are kept of each state: among ten million, two are taken for one with a chance of one in 300,000.
pub(super) fn explore_theme(
    theme: &Theme,
    search: Search,
    visit: &mut impl FnMut(&Escrow, &[Trial]) -> Result<(), Broken>,
) -> Result<usize, Box<Counterexample>> {
    let found = match (search_theme(theme, search, visit), search) {
        (explored @ Ok(_), _) | (explored @ Err(_), Search::BreadthFirst) => return explored,
        (Err(found), Search::DepthFirst) => found,
    };
    // It was found by some way; a shorter one is met before all that lies beyond it.
    Err(search_theme(theme, Search::BreadthFirst, visit).err().unwrap_or(found))
}

fn search_theme(
    theme: &Theme,
    search: Search,
    visit: &mut impl FnMut(&Escrow, &[Trial]) -> Result<(), Broken>,
) -> Result<usize, Box<Counterexample>> {
    let mut seen: HashSet<u64> = theme.worlds.iter().map(|world| theme.fingerprint(&world.state)).collect();
    let mut waiting: VecDeque<Waiting<'_>> = theme.worlds.iter().map(Waiting::in_world).collect();
    let next = |waiting: &mut VecDeque<_>| match search {
        Search::BreadthFirst => waiting.pop_front(),
        Search::DepthFirst => waiting.pop_back(),
    };
    while let Some(here) = next(&mut waiting) {
        let trials = trials(&here.state);
        visit(&here.state, &trials).map_err(|broken| broken.after(&here.world.opening, here.told(), &here.state))?;
        for trial in trials.iter().filter(|trial| theme.follows(&trial.command)) {
            let Ok(Decision { next, .. }) = trial.outcome(&here.state) else { continue };
            if theme.bounds.contain(next) && seen.insert(theme.fingerprint(next)) {
                let trail = Trail { before: here.trail.clone(), command: trial.command.clone() };
                waiting.push_back(Waiting { state: next.clone(), world: here.world, trail: Some(Rc::new(trail)) });
            }
        }
    }
    Ok(seen.len())
}

/// What tells a state from others. What is only counted does not, for what names a count names that of the state it meets; nor
/// does what things are called that came into being by themselves.
pub(super) fn fingerprint(state: &Escrow) -> u64 {
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
    let now = now_for(&command);
    decide(before, command, &Ctx { now, by, ids: &ids, settings: &SETTINGS })
}

/// When this is asked.
const fn now_for(command: &Command) -> Timestamp {
    if matches!(command, Command::OpenTimeLock) { TIMERS_RING } else { Timestamp::from_ms(0) }
}

/// Every command worth trying in a state.
fn trials(state: &Escrow) -> Vec<Trial> {
    commands(state).into_iter().map(|command| Trial { command, outcome: OnceCell::new() }).collect()
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

/// Checks what every decision promises; told as what these commands came to.
pub(super) fn check_decided(
    before: &Escrow,
    command: &Command,
    told: &[&Command],
    decision: &Decision,
) -> Result<(), Broken> {
    holds(told, || check_decision(before, command, now_for(command), decision))
}

/// How much was tried.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) tried: usize,
    pub(super) accepted: usize,
    /// Accepted, but the same was asked before.
    pub(super) unchanged: usize,
}

impl Tally {
    fn refused(&self) -> usize {
        self.tried - self.accepted
    }
}

/// Tries every command in a state, and everything that is accepted once more.
pub(super) fn check_state(state: &Escrow, trials: &[Trial], tally: &mut Tally) -> Result<(), Broken> {
    for trial in trials {
        tally.tried += 1;
        let command = &trial.command;
        match trial.outcome(state) {
            Ok(decision) => {
                tally.accepted += 1;
                tally.unchanged += usize::from(decision.events.is_empty());
                check_decided(state, command, &[command], decision)?;
                check_repetition(command, decision)?;
            }
            Err(Rejection::Broken(why)) => return Err(Broken::by(&[command], why.clone())),
            Err(_) => {}
        }
    }
    Ok(())
}

/// After how many states there is a sign of life.
const PROGRESS: usize = 100_000;

/// Says how far it has come, now and then.
pub(super) fn say_progress(theme: &Theme, states: usize) {
    if states.is_multiple_of(PROGRESS) {
        eprintln!("{}: {states} states visited", theme.name);
    }
}

/// Explores a theme, and prints how much that was.
fn check_theme(theme: &Theme, search: Search) -> usize {
    let (mut tally, mut visited) = (Tally::default(), 0);
    let explored = explore_theme(theme, search, &mut |state, trials| {
        visited += 1;
        say_progress(theme, visited);
        check_state(state, trials, &mut tally)
    });
    let states = explored.unwrap_or_else(|found| panic!("{found}"));
    let (name, worlds, Tally { tried, accepted, unchanged }) = (theme.name, theme.worlds.len(), &tally);
    let refused = tally.refused();
    println!("{name:<12} {worlds:>6} {states:>10} {tried:>12} {accepted:>12} {unchanged:>12} {refused:>12}");
    states
}

fn print_head() {
    println!("theme        worlds     states        tried     accepted    unchanged      refused");
}

#[test]
fn in_every_state_of_a_small_world_every_command_keeps_the_promises() {
    print_head();
    let states: usize = themes().iter().map(|theme| check_theme(theme, Search::BreadthFirst)).sum();
    assert!(states > 1_000, "only {states} states were reached");
}

#[test]
fn in_every_state_of_the_whole_of_a_small_world_every_command_keeps_the_promises() {
    let theme = whole_as_asked();
    print_head();
    check_theme(&theme, Search::DepthFirst);
}

/// The whole of a small world, or a part of it where nobody asked for all; prints which.
pub(super) fn whole_as_asked() -> Theme {
    let is_asked = std::env::var(MODEL).is_ok_and(|model| model == "whole");
    let (what, bounds) = if is_asked { ("the whole", WHOLE) } else { ("a part, bounded", PART) };
    println!("{what}: every command is followed, up to {bounds:?}");
    println!("not followed, but tried: money that is short or too much, and cards that the processor declines");
    println!("forgotten once it is paid: how");
    whole(bounds)
}

/// What the whole of a small world may have.
const WHOLE: Bounds = Bounds { payments: 2, milestones: 2, refunds: 1, disputes: 1, settlements: 2 };

/// What it has in every run of the tests.
const PART: Bounds = Bounds { payments: 1, milestones: 1, refunds: 1, disputes: 1, settlements: 1 };

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
