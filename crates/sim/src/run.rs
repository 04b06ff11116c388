//! One run, from a seed to a verdict, and many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::client;
use crate::fates::{Fates, Fault};
use crate::machine::{OUTSIDE, Step, mixed};
use crate::oracle::{self, Rule, Wrong};
use crate::rng::Rng;
use crate::seen::Coverage;
use crate::workload::{self, CLIENTS, Wish};
use crate::world::{Shape, World, locked};

/// How long clients may take while things go wrong, and after that.
const STORM_MS: i64 = 30 * 60_000;
const CALM_MS: i64 = 30 * 60_000;

/// How long it takes, at most, until everything is done that waits for its time: longer than any retry, and than anything agreed.
const REST_MS: i64 = 12 * 60_000;

/// The same where clocks are right, and nothing was tried again and again.
const SHORT_REST_MS: i64 = 4 * 60_000;

/// How often what is held is asked back, until nothing may be any more.
const ROUNDS: usize = 2;

/// How often tasks are polled in a run, at most: a hundred times as often as in most.
const MOST_POLLS: u64 = 5_000_000;

/// Once in how many polls everything that is stored is verified.
const VERIFIED_EVERY: u64 = 997;

/// A run that can be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// From which everything follows.
    pub seed: u64,
    /// Draws other orders of the same tasks.
    pub schedule: u64,
    /// Which wishes of the plan are asked; all, where none are named.
    pub wishes: Option<BTreeSet<usize>>,
    /// What may go wrong; where none are named, what the seed says.
    pub faults: Option<BTreeSet<Fault>>,
    /// Kill the only gateway after so many polls of its tasks, and let nothing else go wrong.
    pub crash_at: Option<u64>,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What must not have happened.
    pub wrongs: Vec<Wrong>,
    /// What else there is to say of it.
    pub totals: Totals,
    /// How often a gateway was killed where it waited.
    pub crashes: u64,
    /// The same for two runs that went the same way.
    pub trace: u64,
}

impl Outcome {
    /// The first rule that was broken.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        self.wrongs.first().map(|wrong| wrong.rule)
    }
}

impl Case {
    /// The case of a seed.
    #[must_use]
    pub const fn of(seed: u64) -> Case {
        Case { seed, schedule: 0, wishes: None, faults: None, crash_at: None }
    }

    /// What may go wrong: of all kinds about two in three, so that each is also seen without the others.
    #[must_use]
    pub fn possible(&self) -> BTreeSet<Fault> {
        if let Some(faults) = &self.faults {
            return faults.clone();
        }
        let mut rng = Rng::new(self.seed, "faults");
        Fault::ALL.iter().copied().filter(|_| !rng.once_in(3)).collect()
    }

    /// What is asked.
    pub(crate) fn plan(&self) -> Vec<Wish> {
        let plan = workload::plan(self.seed);
        plan.into_iter().filter(|wish| self.wishes.as_ref().is_none_or(|kept| kept.contains(&wish.number))).collect()
    }

    /// Those of the wishes to ask that the plan does not have.
    #[must_use]
    pub fn unknown_wishes(&self) -> BTreeSet<usize> {
        let known: BTreeSet<usize> = workload::plan(self.seed).iter().map(|wish| wish.number).collect();
        self.wishes.iter().flatten().copied().filter(|wish| !known.contains(wish)).collect()
    }

    /// Plays it.
    #[must_use]
    pub fn play(&self) -> Outcome {
        let mut shape = Shape::of(self.seed);
        if self.crash_at.is_some() {
            shape.gateways = 1;
        }
        let possible = if self.crash_at.is_some() { BTreeSet::new() } else { self.possible() };
        let world = World::new(self.seed, self.schedule, Fates::new(self.seed, possible), shape);
        let mut run = Run { world, crash_at: self.crash_at, polls: 0, crashes: 0, is_stormy: true, wrongs: Vec::new() };
        run.play(self.plan());
        run.outcome()
    }
}

struct Run {
    world: Arc<World>,
    crash_at: Option<u64>,
    /// Of tasks of gateways.
    polls: u64,
    /// Those that were asked for, not those that are fate.
    crashes: u64,
    /// Whether clients have begun, and are not done.
    is_stormy: bool,
    wrongs: Vec<Wrong>,
}

impl Run {
    fn play(&mut self, plan: Vec<Wish>) {
        self.world.fates.rage();
        for number in 0..CLIENTS {
            let wishes = plan.iter().filter(|wish| wish.client == number).cloned().collect();
            self.spawn(|world| client::run(world, wishes));
        }
        let is_done = self.go_on(STORM_MS);
        self.is_stormy = false;
        self.world.calm();
        let is_done = is_done || self.go_on(CALM_MS);
        if !is_done {
            let what = "somebody got no answer, long after anything went wrong".to_owned();
            self.wrongs.push(Wrong { rule: Rule::Answered, what });
            return;
        }
        self.world.retire();
        self.rest();
        for round in 0..ROUNDS {
            self.spawn(|world| client::close(world, round));
            self.go_on(CALM_MS);
            self.rest();
        }
        self.spawn(client::ask_again);
        self.go_on(CALM_MS);
        self.rest();
        let wrongs = oracle::judge(&self.world);
        self.wrongs.extend(wrongs);
    }

    fn spawn<F>(&self, task: impl FnOnce(Arc<World>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        *locked(&self.world.busy) += 1;
        self.world.machine.spawn(OUTSIDE, Box::pin(task(self.world.clone())));
    }

    /// Goes on until nobody waits for an answer, but no longer than this; `false` when somebody does.
    fn go_on(&mut self, most_ms: i64) -> bool {
        let until_ms = self.world.machine.now_ms() + most_ms;
        while *locked(&self.world.busy) > 0 && self.wrongs.is_empty() && self.world.machine.panics().is_empty() {
            if self.step(until_ms) == Step::Idle {
                return false;
            }
        }
        *locked(&self.world.busy) == 0
    }

    /// Lets time pass until everything that waits for its time is done.
    fn rest(&mut self) {
        let rest_ms = if self.crash_at.is_some() { SHORT_REST_MS } else { REST_MS };
        let until_ms = self.world.machine.now_ms() + rest_ms;
        while self.wrongs.is_empty() && self.step(until_ms) != Step::Idle {}
    }

    fn step(&mut self, until_ms: i64) -> Step {
        let step = self.world.machine.step(until_ms);
        if self.world.machine.polls() > MOST_POLLS {
            self.wrongs.push(Wrong { rule: Rule::NothingStuck, what: "tasks are polled on and on".to_owned() });
        }
        if let Step::Polled(group) = step
            && group != OUTSIDE
        {
            self.polls += 1;
            self.world.tempt(group);
            if self.crash_at == Some(self.polls) && self.is_stormy {
                self.world.crash(0);
                self.crashes += 1;
            }
            if self.polls.is_multiple_of(VERIFIED_EVERY)
                && let Err(wrong) = oracle::verified(&self.world)
            {
                self.wrongs.push(wrong);
            }
        }
        step
    }

    fn outcome(self) -> Outcome {
        let world = self.world;
        let mut wrongs = self.wrongs;
        // The worst first: the others may follow from it.
        wrongs.sort_by_key(|wrong| wrong.rule);
        let answers = locked(&world.asked).iter().map(|asked| asked.answers.len() as u64).sum();
        let told_again = world.bank.books().told_again;
        let totals = Totals {
            runs: 1,
            faults: world.fates.happened(),
            coverage: world.seen.coverage(),
            polls: world.machine.polls(),
            answers,
            told_again,
            simulated_ms: world.machine.now_ms() - crate::world::START_MS,
        };
        let outcome = Outcome { wrongs, totals, crashes: self.crashes, trace: trace(&world) };
        world.end();
        outcome
    }
}

/// What the tasks did when, and what was answered.
fn trace(world: &World) -> u64 {
    let asked = locked(&world.asked);
    let answered = asked.iter().flat_map(|asked| &asked.answers).flat_map(|(_, body)| body);
    answered.fold(world.machine.trace(), |trace, byte| mixed(trace, u64::from(*byte)))
}

/// What one run, or many, came to.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many runs.
    pub runs: u64,
    /// What went wrong, how often.
    pub faults: BTreeMap<Fault, u64>,
    /// What was reached.
    pub coverage: Coverage,
    /// How often tasks were polled.
    pub polls: u64,
    /// How many requests were answered.
    pub answers: u64,
    /// How often the bank was asked again for what it had done already: results that came twice.
    pub told_again: u64,
    /// How long they took in the simulation.
    pub simulated_ms: i64,
}

impl Totals {
    /// Adds what other runs came to.
    pub fn add(&mut self, others: &Totals) {
        self.runs += others.runs;
        self.polls += others.polls;
        self.answers += others.answers;
        self.told_again += others.told_again;
        self.simulated_ms += others.simulated_ms;
        self.coverage.add(&others.coverage);
        for (fault, count) in &others.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }

    /// The kinds of faults that never happened.
    #[must_use]
    pub fn missing_faults(&self) -> Vec<Fault> {
        Fault::ALL.iter().copied().filter(|fault| !self.faults.contains_key(fault)).collect()
    }

    /// The states that were never reached.
    #[must_use]
    pub fn missing_states(&self) -> Vec<String> {
        crate::all_states().into_iter().filter(|state| !self.coverage.states.contains_key(state)).collect()
    }
}
