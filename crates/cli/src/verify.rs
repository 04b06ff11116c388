//! `milepost verify`: checks every invariant over a whole store.

use clap::Args;
use engine::verify::{Broken, Report};
use serde_json::{Value, json};
use server::WireWitness;
use store::{Store, StoreError};

use crate::config::Sources;
use crate::failure::Failure;
use crate::opening::StoreArgs;
use crate::output::{Out, Style};

/// Check every invariant over the whole store, in use or not
///
/// Recomputes all balances from their transfers, every escrow from its own rules, the hash chain of the events, and that every
/// timed duty has its job. Changes nothing. Exits 1 when something is broken, and names the first rows.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost verify --data ./milepost-data --json
  MILEPOST_DATABASE_URL=postgres://milepost:…@db.example/milepost milepost verify")]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be read, or an invariant does not hold.
pub(crate) async fn run(args: VerifyArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let opened = args.store.site(sources)?.open_read_only().await?;
    let report = checked(opened.store.as_ref()).await.map_err(Failure::unavailable);
    opened.store.close().await;
    let report = report?;
    let heading = format!("Checked {}:", opened.site);
    let told = out.line(heading).and_then(|()| show(&report, out)).and_then(|()| out.json(&as_json(&report)));
    verdict(&report, told)
}

/// Checks everything in a store of this gateway, in use or not.
///
/// # Errors
/// When the store cannot be read. What is broken is in the report.
pub(crate) async fn checked(store: &dyn Store) -> Result<Report, StoreError> {
    engine::verify::verify(store, Box::<WireWitness>::default()).await
}

/// Whether a check was passed. What is broken counts even when nobody read to the end what was `told` about it.
///
/// # Errors
/// When something is broken, or nobody takes the report.
pub(crate) fn verdict(report: &Report, told: Result<(), Failure>) -> Result<(), Failure> {
    if report.is_clean() { told } else { Err(Failure::no(broken_in_short(report))) }
}

/// Writes a report for people.
///
/// # Errors
/// When nobody takes it.
pub(crate) fn show(report: &Report, out: Out) -> Result<(), Failure> {
    for (name, count) in report.counts() {
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
        report.counts().into_iter().map(|(name, count)| (name.to_owned(), json!(count))).collect();
    value.insert("ok".to_owned(), json!(report.is_clean()));
    value.insert("broken_total".to_owned(), json!(report.broken_total));
    value.insert("broken".to_owned(), report.broken.iter().map(broken).collect());
    Value::Object(value)
}

/// What is wrong, in one line.
fn broken_in_short(report: &Report) -> String {
    let (total, named) = (report.broken_total, report.broken.len());
    let problems = if total == 1 { "problem" } else { "problems" };
    let rest = if named as u64 == total { String::new() } else { format!("; the first {named} are named") };
    format!("{total} {problems}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::verify::Invariant;

    #[test]
    fn problems_are_counted_and_those_left_out_are_mentioned() {
        let one = || Broken { invariant: Invariant::Rows, what: String::new() };
        for (broken_total, named, text) in
            [(1, 1, "1 problem"), (6, 6, "6 problems"), (25, 20, "25 problems; the first 20 are named")]
        {
            let broken = std::iter::repeat_with(one).take(named).collect();
            assert_eq!(broken_in_short(&Report { broken_total, broken, ..Report::default() }), text);
        }
    }

    #[test]
    fn what_is_broken_counts_even_if_nobody_reads_it() {
        let closed = || Err(Failure::Output(std::io::ErrorKind::BrokenPipe.into()));
        let broken = Report { broken_total: 1, ..Report::default() };
        assert!(matches!(verdict(&broken, closed()), Err(Failure::No(_))));
        assert!(matches!(verdict(&Report::default(), closed()), Err(Failure::Output(_))));
    }
}
