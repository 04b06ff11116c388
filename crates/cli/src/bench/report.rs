//! What came of the rounds, for people and machines.

use serde_json::{Map, Value, json};

use super::BenchArgs;
use super::measure::{self, Measured, Summary};
use super::rounds::{COMPLETE, COMPLETE_SPREAD, CONSTANT, Round};
use crate::failure::Failure;
use crate::output::{Column, Out};

/// The columns of a workload.
pub(super) const COLUMNS: [Column; 8] = [
    Column::Left("workload"),
    Column::Right("per second"),
    Column::Right("of constant"),
    Column::Right("p50 ms"),
    Column::Right("p99 ms"),
    Column::Right("p99.9 ms"),
    Column::Right("CPU us each"),
    Column::Right("disk bytes each"),
];

/// What is measured once.
pub(super) struct Once {
    /// How many escrows each commit served: upper bounds and counts.
    pub(super) batches: Vec<(f64, u64)>,
    /// How much memory of its own the process had after the rounds, load generator and all, in bytes.
    pub(super) own_memory: Option<u64>,
    /// How long the gateway takes to start on what was stored, until it answers, in microseconds; not on a database, which starts by itself.
    pub(super) start_us: Option<i64>,
    /// What came of the rounds on the filled store, and how many intents it was filled with.
    pub(super) filled: Option<(u32, Vec<Round>)>,
}

/// Writes it.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(args: &BenchArgs, rounds: &[Round], once: &Once, out: Out) -> Result<(), Failure> {
    let summaries = summaries(rounds);
    out.table(&COLUMNS, &rows(&summaries))?;
    let median = measure::median_bucket(&once.batches);
    out.line(format!(
        "{} connections, {} rounds (medians); the median commit served up to {median} escrows",
        args.connections, args.rounds
    ))?;
    if let Some(round) = rounds.last() {
        out.line(round.means.words())?;
    }
    let (raw, sync) = (median_of(rounds, |round| round.raw.per_second), median_of(rounds, |round| round.raw.sync_ms));
    out.line(format!("the disk takes {raw:.0} records a second, {} a sync, in {sync:.2} ms", args.connections))?;
    let pgbench = of_pgbench(rounds);
    if let Some((one, many)) = pgbench {
        out.line(format!(
            "completions are {one:.2} times those of pgbench for one merchant, {many:.2} times for many"
        ))?;
    }
    let (memory, start) = (once.own_memory.map(measure::mebibytes), once.start_us.map(measure::milliseconds));
    if let Some(memory) = memory {
        out.line(format!("the process has {memory:.0} MiB of memory of its own, load generator and all"))?;
    }
    if let Some(start) = start {
        out.line(format!("a gateway starts on what is stored, and answers, in {start:.0} ms"))?;
    }
    let mut filled_json = Value::Null;
    if let Some((intents, filled_rounds)) = &once.filled {
        let filled = self::summaries(filled_rounds);
        out.line(format!("with {intents} intents more:"))?;
        out.table(&COLUMNS, &rows(&filled))?;
        let part = measure::ratio(
            median_of(filled_rounds, |round| measure::ratio(round.rate(COMPLETE), round.rate(CONSTANT))),
            median_of(rounds, |round| measure::ratio(round.rate(COMPLETE), round.rate(CONSTANT))),
        );
        out.line(format!("completions are {part:.2} of those of the store before"))?;
        filled_json = json!({"intents": intents, "of_before": part, "workloads": workloads(&filled)});
    }
    let buckets = once.batches.iter().map(|(bound, count)| json!({"up_to": bound, "commits": count}));
    let store = if args.database_url.is_some() { "postgres" } else { "sqlite" };
    out.json(&json!({
        "store": store,
        "connections": args.connections,
        "operations": args.operations,
        "rounds": args.rounds,
        "gateways": args.gateways,
        "of_pgbench": pgbench.map(|(one, many)| json!({"one_merchant": one, "many_merchants": many})),
        "one_merchant_of_many": median_of(rounds, |round| measure::ratio(round.rate(COMPLETE), round.rate(COMPLETE_SPREAD))),
        "workloads": workloads(&summaries),
        "filled": filled_json,
        "stages": rounds.last().map(|round| round.means.json()),
        "disk": {"records_per_second": raw, "sync_p50_ms": sync},
        "own_memory_mib": memory,
        "start_ms": start,
        "batch_units": {"median_bucket": median, "buckets": buckets.collect::<Vec<Value>>()},
    }))
}

/// The medians of each workload.
fn summaries(rounds: &[Round]) -> Vec<(&'static str, Summary)> {
    let of = |name: &str| rounds.iter().filter_map(|round| round.of(name)).collect::<Vec<&Measured>>();
    let names = rounds.first().into_iter().flat_map(|round| round.workloads.iter().map(|(name, _)| *name));
    let constants = of(CONSTANT);
    names.map(|name| (name, measure::summary(&of(name), &constants))).collect()
}

fn rows(summaries: &[(&str, Summary)]) -> Vec<Vec<String>> {
    summaries.iter().map(|(name, summary)| summary.row(name)).collect()
}

fn workloads(summaries: &[(&str, Summary)]) -> Map<String, Value> {
    summaries.iter().map(|(name, summary)| (name.replace(' ', "_").to_lowercase(), summary.json())).collect()
}

fn median_of(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    measure::median(rounds.iter().map(of))
}

/// How many completions a second there were for each that pgbench did in the same round, of one merchant and of many; medians.
fn of_pgbench(rounds: &[Round]) -> Option<(f64, f64)> {
    let ratios = |ratio: fn(&Round, (f64, f64)) -> f64| {
        let ratios = rounds.iter().map(|round| Some(ratio(round, round.pgbench?)));
        ratios.collect::<Option<Vec<f64>>>().map(measure::median)
    };
    ratios(|round, (one, _)| measure::ratio(round.rate(COMPLETE), one))
        .zip(ratios(|round, (_, many)| measure::ratio(round.rate(COMPLETE_SPREAD), many)))
}
