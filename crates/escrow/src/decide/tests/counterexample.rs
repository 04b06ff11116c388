//! A promise that does not hold, and the way there, as a scenario.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::explore::{Search, explore_theme, tell};
use super::scenario::scenario;
use super::world::Told;
use super::worlds::{Theme, themes};
use crate::command::{Command, CommandKind};
use crate::dispute::{Dispute, Resolution};
use crate::settlement::SettlementStatus;
use crate::state::Escrow;

/// A promise that does not hold in a state, or after some commands there.
#[derive(Debug)]
pub(super) struct Broken {
    by: Vec<Command>,
    why: String,
}

impl Broken {
    pub(super) fn by(commands: &[&Command], why: String) -> Broken {
        Broken { by: commands.iter().map(|command| (*command).clone()).collect(), why }
    }

    /// With the way to the state.
    pub(super) fn after(self, opening: &Escrow, mut told: Vec<Told>, state: &Escrow) -> Box<Counterexample> {
        tell(&mut told, state.clone(), self.by);
        Box::new(Counterexample { opening: opening.clone(), told, why: self.why })
    }
}

/// Checks something that is about these commands in a state, and fails by panicking.
pub(super) fn holds(commands: &[&Command], check: impl FnOnce()) -> Result<(), Broken> {
    // A check looks at what it is given, and changes nothing.
    catch_unwind(AssertUnwindSafe(check)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        Broken::by(commands, said.unwrap_or_else(|| "something does not hold".to_owned()))
    })
}

/// How a world got from its opening to where something does not hold.
#[derive(Debug)]
pub(super) struct Counterexample {
    opening: Escrow,
    told: Vec<Told>,
    why: String,
}

impl Counterexample {
    /// The steps there, under a title.
    pub(super) fn scenario(&self, title: &str, prose: &str) -> String {
        scenario(title, prose, &self.opening, &self.told)
    }
}

impl std::fmt::Display for Counterexample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Prose begins no line with a space: what is indented is what steps print.
        let why: Vec<&str> = self.why.lines().map(str::trim).collect();
        f.write_str(&self.scenario("A promise that is broken", &why.join("\n")))
    }
}

/// Set, it has the scenario written instead of compared; `crates/sim` then writes what its steps print.
const UPDATE: &str = "UPDATE_SCENARIOS";

const TITLE: &str = "A way that the model found";

const PROSE: &str = "\
The shortest way to a milestone that was rejected, disputed and divided while the payout of the one below it had come back, found by
exploring every state there is (`crates/escrow/src/decide/tests`), where a broken promise is told like this. The steps are written by
the tests of `escrow`, what they print by those of `sim`: `UPDATE_SCENARIOS=1 cargo nextest run -p escrow -p sim`.";

/// The shortest way to a state like this, in the first of the worlds that has one.
fn way_to(theme: &Theme, is_wanted: impl Fn(&Escrow) -> bool) -> Counterexample {
    let explored = explore_theme(theme, Search::BreadthFirst, &mut |state, _| {
        if is_wanted(state) { Err(Broken::by(&[], "it is what is wanted".to_owned())) } else { Ok(()) }
    });
    *explored.expect_err("there is such a state")
}

/// A scenario without what its steps print.
fn without_what_is_printed(scenario: &str) -> String {
    let mut is_told = false;
    let told = scenario.lines().filter(|line| {
        is_told |= line.starts_with("> ");
        !is_told || !line.starts_with(' ')
    });
    told.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_way_through_the_model_is_a_scenario_that_is_played_for_real() {
    let [.., crossings] = themes();
    let found = way_to(&crossings, |state| {
        let is_divided = |dispute: &Dispute| {
            dispute.resolved().is_some_and(|resolved| resolved.resolution == Resolution::PartialRefund)
        };
        state.milestones().iter().any(|milestone| milestone.rejected.is_some())
            && state.disputes().iter().any(is_divided)
            && state.settlements.iter().any(|settlement| settlement.status() == SettlementStatus::Returned)
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sim/scenarios/41-found-by-the-model.txt");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let told = found.scenario(TITLE, PROSE);
    if std::env::var_os(UPDATE).is_some() && without_what_is_printed(&written) != told {
        std::fs::write(&path, told).expect("a scenario can be written");
    } else {
        assert_eq!(without_what_is_printed(&written), told, "{UPDATE}=1 cargo nextest run -p escrow writes it");
    }
}

#[test]
fn a_promise_that_is_broken_is_told_as_a_scenario_by_the_shortest_way() {
    let [milestones, ..] = themes();
    for search in [Search::BreadthFirst, Search::DepthFirst] {
        let explored = explore_theme(&milestones, search, &mut |state, _| {
            holds(&[], || assert!(state.funds.released.is_zero(), "somebody promised that nothing is ever released"))
        });
        assert_eq!(explored.expect_err("a promise that is false").to_string(), NOTHING_IS_EVER_RELEASED);
    }
}

const NOTHING_IS_EVER_RELEASED: &str = "\
# A promise that is broken

somebody promised that nothing is ever released

> create 100.00 USDC milestone-locked auto-release delivery-period 3600s dispute-window 3600s approval-period 1d
> add milestone 0 of 30.00
> complete milestone 0
> status
> ledger
";

#[test]
fn what_a_command_breaks_is_told_with_the_command() {
    let [_, payments, ..] = themes();
    let explored = explore_theme(&payments, Search::BreadthFirst, &mut |state, trials| {
        for trial in trials.iter().filter(|trial| trial.command.kind() == CommandKind::Ship) {
            holds(&[&trial.command], || {
                assert!(trial.outcome(state).is_err(), "somebody promised that nothing is shipped")
            })?;
        }
        Ok(())
    });
    let told = explored.expect_err("a promise that is false").to_string();
    assert!(told.ends_with("with milestones 30.00\n> ship\n> status\n> ledger\n"), "{told}");
}
