//! `milepost verify`: checks every invariant over a whole store.

use clap::Args;
use engine::verify::{Broken, Report};
use serde_json::{Value, json};

use crate::config::Sources;
use crate::failure::Failure;
use crate::opening::{self, StoreArgs};
use crate::output::{Out, Style};

/// Check every invariant over the whole store, in use or not
///
/// Recomputes all balances from their transfers, every escrow from its own rules, the hash chain of the events, and that every
/// timed duty has its job. Changes nothing. Exits 1 when something is broken, and names the first rows.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  milepost verify --data ./milepost-data --json")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read, or an invariant does not hold.
pub(crate) async fn run(args: VerifyArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let store = opening::open_read_only(&args.store.folder(sources)?)?;
    let report = engine::verify::verify(store.as_ref()).await.map_err(Failure::unavailable)?;
    show(&report, out)?;
    out.json(&as_json(&report))?;
    if report.is_clean() { Ok(()) } else { Err(Failure::no(broken_in_short(&report))) }
}

/// Writes a report for people.
///
/// # Errors
/// When nobody takes it.
pub(crate) fn show(report: &Report, out: Out) -> Result<(), Failure> {
    for (name, count) in counts(report) {
        out.line(format!("  {name:<12} {count:>12}"))?;
    }
    if report.is_clean() {
        return out.line(out.paint(Style::Green, "all invariants hold"));
    }
    for Broken { invariant, what } in &report.broken {
        out.line(format!("  {} {what}", out.paint(Style::Red, format!("{}:", invariant.name()))))?;
    }
    Ok(())
}

/// A report for machines.
pub(crate) fn as_json(report: &Report) -> Value {
    let broken = |Broken { invariant, what }: &Broken| json!({"invariant": invariant.name(), "what": what});
    let mut value: serde_json::Map<String, Value> =
        counts(report).into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect();
    value.insert("ok".to_owned(), json!(report.is_clean()));
    value.insert("broken_total".to_owned(), json!(report.broken_total));
    value.insert("broken".to_owned(), report.broken.iter().map(broken).collect());
    Value::Object(value)
}

/// What is wrong, in one line.
pub(crate) fn broken_in_short(report: &Report) -> String {
    format!("{} broken, {} of them named", report.broken_total, report.broken.len())
}

fn counts(report: &Report) -> [(&'static str, u64); 8] {
    [
        ("escrows", report.escrows),
        ("milestones", report.milestones),
        ("settlements", report.settlements),
        ("refunds", report.refunds),
        ("transfers", report.transfers),
        ("events", report.events),
        ("jobs", report.jobs),
        ("balances", report.balances),
    ]
}
