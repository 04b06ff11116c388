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
    let documented = documented();
    for command in CommandKind::ALL {
        for status in IntentStatus::ALL {
            let place = (*command, *status);
            let nothing = BTreeSet::new();
            let happened = seen.get(&place).unwrap_or(&nothing);
            assert_eq!(documented.get(&place), Some(happened), "{command} in {status}");
        }
    }
    assert_eq!(documented.len(), CommandKind::ALL.len() * IntentStatus::ALL.len());
}

/// The table, read from the source it stands in.
fn documented() -> Outcomes {
    let source = include_str!("../../decide.rs");
    let mut rows = source.lines().filter_map(|line| line.strip_prefix("//! | ")).map(|line| {
        let cells: Vec<&str> = line.trim_end_matches('|').split('|').map(str::trim).collect();
        cells
    });
    let header = rows.next().expect("a table");
    let statuses: Vec<IntentStatus> =
        header[1..].iter().map(|name| IntentStatus::from_name(name).expect("a status")).collect();
    let mut outcomes = Outcomes::new();
    for row in rows {
        let command = CommandKind::from_name(row[0]).expect("a command");
        for (status, cell) in statuses.iter().zip(&row[1..]) {
            let reached = cell.split(" or ").filter(|name| *name != "–");
            let reached = reached.map(|name| IntentStatus::from_name(name).expect("a status")).collect();
            outcomes.insert((command, *status), reached);
        }
    }
    outcomes
}
