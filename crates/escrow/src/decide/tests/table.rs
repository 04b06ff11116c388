//! The table in the documentation of `decide` is what `decide` does.

use std::collections::{BTreeMap, BTreeSet};

use super::explore::explore;
use crate::command::CommandKind;
use crate::state::IntentStatus;

type Outcomes = BTreeMap<(CommandKind, IntentStatus), BTreeSet<IntentStatus>>;

#[test]
fn the_table_above_is_what_decide_does() {
    let mut seen: Outcomes = BTreeMap::new();
    explore(|step| {
        let outcomes = seen.entry((step.command.kind(), step.before.status())).or_default();
        outcomes.extend(step.result.iter().map(|decision| decision.next.status()));
    });
    let written = written(&seen);
    assert!(
        documented() == written,
        "the table in decide.rs is another than what decide does:\n{}",
        written.join("\n")
    );
}

/// The table as it has to be.
fn written(seen: &Outcomes) -> Vec<String> {
    let statuses: Vec<&str> = IntentStatus::ALL.iter().map(|status| status.name()).collect();
    let header = format!("//! | command | {} |", statuses.join(" | "));
    let line = format!("//! |{}", "---|".repeat(statuses.len() + 1));
    let rows = CommandKind::ALL.iter().map(|command| {
        let cells: Vec<String> = IntentStatus::ALL.iter().map(|status| cell(seen.get(&(*command, *status)))).collect();
        format!("//! | {command} | {} |", cells.join(" | "))
    });
    [header, line].into_iter().chain(rows).collect()
}

fn cell(reached: Option<&BTreeSet<IntentStatus>>) -> String {
    let names: Vec<&str> = reached.into_iter().flatten().map(|status| status.name()).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(" or ") }
}

/// The table in the source.
fn documented() -> Vec<String> {
    let source = include_str!("../../decide.rs");
    source.lines().filter(|line| line.starts_with("//! |")).map(str::to_owned).collect()
}
