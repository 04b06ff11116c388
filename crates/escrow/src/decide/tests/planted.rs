//! Which defect is found by what: each defect of the domain is put in, and the exploration, the silence of every party and the
//! random histories look for it. Without one, they find nothing.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::counterexample::{Broken, holds};
use super::explore::{Search, Tally, Trial, check_state, explore_theme};
use super::histories::histories;
use super::silence::Emptied;
use super::worlds::themes;
use crate::planted::{Defect, plant};
use crate::state::Escrow;

/// The defects of the domain. Those that are not here are of the shell, and `crates/sim` looks for them.
const OF_THE_DOMAIN: [Defect; 12] = [
    Defect::ShortTransfer,
    Defect::StillHeld,
    Defect::SharesUnchecked,
    Defect::AnyOrder,
    Defect::ReleasedAgain,
    Defect::NothingFrozen,
    Defect::FundedAgain,
    Defect::SilentCompletion,
    Defect::DutyKept,
    Defect::EndlessSilence,
    Defect::BackInTime,
    Defect::TooEarly,
];

/// What each way of looking may cost a defect that it does not find: so many states of every theme, or histories.
const STATES_EXPLORED: usize = 2_000;
const STATES_SILENT: usize = 400;
const HISTORIES: usize = 500;

/// What the histories are drawn from: every byte of the seed.
const SEED: u8 = 42;

/// What looks for a defect, and says after how much it has found one.
struct Look {
    name: &'static str,
    look: fn() -> Option<String>,
}

const LOOKS: [Look; 3] = [
    Look { name: "exploration", look: explored },
    Look { name: "silence", look: kept_silent },
    Look { name: "histories", look: drawn },
];

fn explored() -> Option<String> {
    let mut tally = Tally::default();
    let states = first_broken(STATES_EXPLORED, |state, trials| check_state(state, trials, &mut tally))?;
    Some(format!("state {states}, command {}", tally.tried))
}

fn kept_silent() -> Option<String> {
    let mut emptied = Emptied::default();
    let states = first_broken(STATES_SILENT, |state, _| emptied.check(state))?;
    Some(format!("state {states}"))
}

fn drawn() -> Option<String> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[SEED; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for case in 1..=HISTORIES {
        let history = histories().new_tree(&mut runner).expect("nothing is ever rejected").current();
        let mut steps = 0;
        let played = holds(&[], || {
            let played = history.play_and_see(|_, _, _| {
                steps += 1;
                Ok(())
            });
            played.expect("no promise is broken");
        });
        if played.is_err() {
            return Some(format!("case {case}, step {}", steps + 1));
        }
    }
    None
}

/// Visits the first states of every theme, so many of each, and gives how many it took until something was broken.
fn first_broken(most: usize, mut visit: impl FnMut(&Escrow, &[Trial]) -> Result<(), Broken>) -> Option<usize> {
    let mut states = 0;
    for theme in themes() {
        let (end, mut is_enough) = (states + most, false);
        let explored = explore_theme(&theme, Search::BreadthFirst, &mut |state, trials| {
            is_enough = states == end;
            if is_enough {
                return Err(Broken::by(&[], "the rest is not looked at".to_owned()));
            }
            states += 1;
            visit(state, trials)
        });
        if explored.is_err() && !is_enough {
            return Some(states);
        }
    }
    None
}

#[test]
fn every_defect_of_the_domain_is_found_and_nothing_where_there_is_none() {
    let [first, second, third] = LOOKS.map(|look| look.name);
    let mut table = format!("{:<18} {first:<28} {second:<12} {third}\n", "defect");
    let mut wrong = Vec::new();
    for defect in OF_THE_DOMAIN.map(Some).into_iter().chain([None]) {
        plant(defect);
        let found = LOOKS.map(|look| (look.look)());
        plant(None);
        let name = defect.map_or("none", Defect::name);
        if found.iter().any(Option::is_some) != defect.is_some() {
            wrong.push(name);
        }
        let [first, second, third] = found.map(|found| found.unwrap_or("–".to_owned()));
        table.push_str(&format!("{name:<18} {first:<28} {second:<12} {third}\n"));
    }
    println!(
        "found first by …; looked at: {STATES_EXPLORED} states of each theme, {STATES_SILENT} with somebody silent,"
    );
    println!("{HISTORIES} histories of seed {SEED}\n\n{table}");
    assert!(wrong.is_empty(), "not found, or found where it is not: {wrong:?}");
}
