//! Some seeds of the simulation, always the same ones: `cargo run -p sim -- run` draws others.

use std::collections::BTreeSet;

use sim::{Case, Fault, Totals, story};

use crate::script::Script;

/// Which seeds are played.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=160;

/// A short run, with this seed.
const SHORT: u64 = 10;

/// More places than the short run has at which its gateway waits.
const MOST_PLACES: u64 = 5_000;

#[test]
fn whatever_goes_wrong_nothing_is_lost_doubled_or_stuck_and_everything_has_gone_wrong() {
    let mut totals = Totals::default();
    for seed in SEEDS {
        let case = Case::of(seed);
        let outcome = case.play();
        assert_eq!(outcome.wrongs, [], "shrink it: {} --shrink", case.command());
        totals.add(&outcome.totals);
    }
    println!("{} runs, {} answers, {} polls: {:?}", totals.runs, totals.answers, totals.polls, totals.faults);
    assert_eq!(totals.missing_faults(), [], "what is simulated must happen");
    assert_eq!(totals.missing_states(), [] as [&str; 0], "what is simulated must get everywhere");
}

#[test]
fn a_gateway_may_be_killed_wherever_it_waits() {
    let killed = (1..MOST_PLACES).take_while(|polls| {
        let case = Case { crash_at: Some(*polls), ..Case::of(SHORT) };
        let outcome = case.play();
        assert_eq!(outcome.wrongs, [], "{}", case.command());
        outcome.crashes > 0
    });
    let places = killed.count();
    println!("killed at {places} places");
    assert!(places > 100, "the run has too few places to be killed at");
}

#[test]
fn a_seed_is_the_same_run_again_and_again() {
    for seed in [1, 2, 3] {
        let traces = [Case::of(seed).play().trace, Case::of(seed).play().trace];
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
    let other = Case { schedule: 1, ..Case::of(1) };
    assert_ne!(Case::of(1).play().trace, other.play().trace, "another order is another run");
}

#[test]
fn a_kind_of_fault_that_never_happens_is_missed() {
    let mut totals = Totals::default();
    let kinds = BTreeSet::from([Fault::StoreSlow]);
    totals.add(&Case { faults: Some(kinds), ..Case::of(1) }.play().totals);
    let missing = totals.missing_faults();
    assert!(!missing.contains(&Fault::StoreSlow) && missing.len() == Fault::ALL.len() - 1, "{missing:?}");
}

#[test]
fn what_a_seed_comes_to_is_told_in_the_language_of_scenarios() {
    let case = Case::of(1);
    let told = story(&case, &case.play());
    assert!(told.contains(&case.command()), "it says how to repeat it: {told}");
    Script::read(&told).unwrap_or_else(|error| panic!("{error}\n{told}"));
}
