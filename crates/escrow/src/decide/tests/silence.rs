//! No stuck funds: whoever falls silent for ever, timers and the others still empty the escrow.

use std::collections::HashSet;

use proptest::prelude::*;

use super::counterexample::{Broken, holds};
use super::explore::{Search, explore_theme, fingerprint, json, say_progress, whole_as_asked};
use super::histories::histories;
use super::promises::check_decision;
use super::world::{World, approve, complete, refund, release, ring, submit_proof, submit_signed_proof};
use super::worlds::{SETTINGS, Theme, themes};
use crate::authority::Actor;
use crate::command::{Command, Shipping};
use crate::state::Escrow;
use crate::terms::ReleaseType;
use crate::time::Timestamp;

/// Who never acts again. The outside answers well, and whoever is not silent does what is reasonable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silent {
    Payer,
    Merchant,
    /// No dispute is ever decided by anybody, in either case.
    Operator,
    /// Nothing is ever proven, where only the oracle can.
    Oracle,
}

const EVERYBODY: [Silent; 4] = [Silent::Payer, Silent::Merchant, Silent::Operator, Silent::Oracle];

/// More steps than any of these worlds needs.
const MOST_STEPS: usize = 300;

/// What may happen next.
enum Next {
    Move(Actor, Command),
    Timer(Timestamp, Command),
    /// Nothing but waiting for the time at which the payer may take back the rest.
    Wait(Timestamp),
}

/// Lets whoever is not silent, and time, act until nothing is held, or until it is known how it ends. `choose` takes one of so many
/// things that may happen, those that somebody does before the timer that is next.
fn empty(
    world: &mut World,
    silent: Silent,
    mut choose: impl FnMut(usize) -> usize,
    mut is_known: impl FnMut(&World) -> bool,
) -> Result<(), String> {
    for _ in 0..MOST_STEPS {
        if world.state.funds.held.is_zero() || is_known(world) {
            return Ok(());
        }
        let mut possible = possible(world, silent);
        if possible.is_empty() {
            return Err(format!("{silent:?} is silent and nothing happens any more: {}", json(&world.state)));
        }
        let chosen = choose(possible.len()).min(possible.len() - 1);
        let (by, command) = match possible.swap_remove(chosen) {
            Next::Move(by, command) => (by, command),
            Next::Timer(due, command) => {
                world.now_ms = world.now_ms.max(due.ms());
                (Actor::Gateway, command)
            }
            Next::Wait(until) => {
                world.now_ms = until.ms();
                continue;
            }
        };
        let decision = world.ask_as(&by, command.clone()).map_err(|why| format!("{command:?} is due: {why}"))?;
        check_decision(&world.state, &command, Timestamp::from_ms(world.now_ms), &decision);
        world.state = decision.next;
    }
    Err(format!("{silent:?} is silent and it never ends: {}", json(&world.state)))
}

fn possible(world: &World, silent: Silent) -> Vec<Next> {
    let state = &world.state;
    let mut moves = Vec::new();
    if silent != Silent::Merchant {
        moves.extend(merchant_moves(state, silent).into_iter().map(|command| (Actor::Merchant, command)));
    }
    if silent != Silent::Payer {
        moves.extend(payer_moves(state).into_iter().map(|command| (speaker(state), command)));
    }
    let changes = |(by, command): &(Actor, Command)| {
        world.ask_as(by, command.clone()).is_ok_and(|decision| !decision.events.is_empty())
    };
    let moves = moves.into_iter().filter(changes).map(|(by, command)| Next::Move(by, command));
    let timer = state.duties().into_iter().min_by_key(|(_, due)| *due);
    let timer = timer.map(|(duty, due)| Next::Timer(due, ring(duty)));
    let may_reclaim = silent != Silent::Payer && !state.reclaimable().amount.is_zero();
    let wait = state.reclaimable_from().filter(|from| may_reclaim && world.now_ms < from.ms()).map(Next::Wait);
    moves.chain(timer.or(wait)).collect()
}

/// Who speaks for the payer: whoever paid or, for the simulated payer, the merchant.
fn speaker(state: &Escrow) -> Actor {
    state.payer().map_or(Actor::Merchant, Actor::Payer)
}

/// A merchant delivers, and gives back what nothing is delivered for.
fn merchant_moves(state: &Escrow, silent: Silent) -> Vec<Command> {
    let mut moves: Vec<Command> =
        state.milestones().iter().map(|milestone| complete(milestone.id.raw().bits())).collect();
    moves.push(Command::Ship(Shipping::default()));
    let needs_oracle = state.terms.delivery_oracle.is_some();
    if !(needs_oracle && silent == Silent::Oracle) {
        moves.push(if needs_oracle { submit_signed_proof(1) } else { submit_proof(1) });
    }
    // An order that is released whole is delivered rather than given back, where that can be.
    let is_over = state.order.as_ref().is_none_or(|order| order.state.is_over());
    if is_over || state.terms.release_type == ReleaseType::MilestoneLocked {
        moves.push(refund(None));
    }
    moves
}

/// A payer approves and releases what is delivered, and takes back what is not.
fn payer_moves(state: &Escrow) -> Vec<Command> {
    let ids = state.milestones().iter().map(|milestone| milestone.id.raw().bits());
    let mut moves: Vec<Command> = ids.flat_map(|id| [approve(id), release(id)]).collect();
    moves.extend([Command::ReleaseOrder(None), Command::Reclaim(None)]);
    moves
}

/// Which of what may happen is taken: always the first, or always the last.
const POLICIES: [fn(usize) -> usize; 2] = [|_| 0, |count| count - 1];

/// From where an escrow was emptied before: by the state and the time, who was silent, and which policy.
#[derive(Default)]
pub(super) struct Emptied(HashSet<(u64, i64, usize)>);

impl Emptied {
    /// Fails unless the escrow is emptied from this state, whoever is silent.
    pub(super) fn check(&mut self, state: &Escrow) -> Result<(), Broken> {
        if state.funds.held.is_zero() {
            return Ok(());
        }
        let start = fingerprint(state);
        let ways = EVERYBODY.iter().flat_map(|silent| POLICIES.map(|choose| (*silent, choose)));
        for (way, (silent, choose)) in ways.enumerate() {
            // Where nobody but the merchant proves anything, the oracle's silence is the operator's.
            let is_same = silent == Silent::Oracle && state.terms.delivery_oracle.is_none();
            if is_same || self.0.contains(&(start, 0, way)) {
                continue;
            }
            let mut passed = Vec::new();
            let mut world = World::at(state.clone(), SETTINGS);
            holds(&[], || {
                let emptied = empty(&mut world, silent, choose, |world| {
                    let here = (fingerprint(&world.state), world.now_ms, way);
                    passed.push(here);
                    self.0.contains(&here)
                });
                emptied.expect("no money gets stuck");
            })?;
            // Only now, so that going round in a circle is not taken for an end.
            self.0.extend(passed);
        }
        Ok(())
    }
}

fn check_theme(theme: &Theme, search: Search) {
    let (mut emptied, mut states) = (Emptied::default(), 0);
    let explored = explore_theme(theme, search, &mut |state, _| {
        states += 1;
        say_progress(theme, states);
        emptied.check(state)
    });
    explored.unwrap_or_else(|found| panic!("{found}"));
    println!("{:<12} {states:>10} states, emptied in {} steps", theme.name, emptied.0.len());
}

#[test]
fn whoever_is_silent_every_state_of_a_small_world_can_be_emptied() {
    themes().iter().for_each(|theme| check_theme(theme, Search::BreadthFirst));
}

#[test]
fn whoever_is_silent_every_state_of_the_whole_of_a_small_world_can_be_emptied() {
    check_theme(&whole_as_asked(), Search::DepthFirst);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn whoever_is_silent_after_any_history_the_escrow_is_emptied(
        history in histories(),
        silent in prop::sample::select(&EVERYBODY[..]),
        choices in prop::collection::vec(0..8_usize, 1..40),
    ) {
        let mut world = history.play()?;
        let mut choices = choices.into_iter().cycle();
        let emptied = empty(&mut world, silent, |count| choices.next().unwrap_or(0) % count, |_| false);
        prop_assert_eq!(emptied, Ok(()));
    }
}
