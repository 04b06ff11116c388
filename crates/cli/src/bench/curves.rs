//! `milepost bench curves`: throughput over connections, and latency over load.

use std::sync::Arc;

use clap::Args;
use engine::{Host, System};
use serde_json::{Value, json};

use super::load::Target;
use super::measure::{self, Measured};
use super::report::COLUMNS;
use super::rounds::Plan;
use super::stage::{Bench, without_settlements};
use crate::failure::Failure;
use crate::log;
use crate::opening::Site;
use crate::output::{Column, Out};

/// How many connections the load over which latencies are measured has.
const CONNECTIONS: usize = 64;

/// The loads, as hundredths of what was reached over so many connections.
const LOADS: [u32; 6] = [10, 25, 50, 70, 80, 90];

/// The fewest operations at a point, where there are so many at all.
const FEWEST: usize = 600;

/// Measure throughput over connections, and latency over load
///
/// Runs a gateway on an embedded store of its own in a temporary folder. First, 1, 2, 4 and so on connections complete milestones, each its
/// next one when the last is answered. Then milestones are completed at parts of the rate that 64 connections have reached, however long
/// answers take, and each latency is measured from when its request was to be sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  milepost bench curves --operations 6000 --json")]
pub(crate) struct CurvesArgs {
    /// How many milestones are completed at a point; fewer over few connections
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    operations: u32,
    /// The most connections; powers of two below are measured, too
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// How many merchants the intents are of
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    merchants: u16,
}

/// What so many connections have reached.
struct Point {
    connections: usize,
    constant: Measured,
    complete: Measured,
}

impl Point {
    fn row(&self) -> Vec<String> {
        let summary = measure::summary(&[&self.complete], &[&self.constant]);
        [
            vec![self.connections.to_string(), format!("{:.0}", self.constant.rate())],
            summary.row("complete").split_off(1),
        ]
        .concat()
    }

    fn json(&self) -> Value {
        let of = |measured| measure::summary(&[measured], &[&self.constant]).json();
        json!({"connections": self.connections, "constant": of(&self.constant), "complete": of(&self.complete)})
    }
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be run, or an answer was not what it should be.
pub(super) async fn run(args: CurvesArgs, out: Out) -> Result<(), Failure> {
    log::start("error", out)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::unavailable(format!("no temporary folder: {error}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let site = Site::Folder(folder.path().to_owned());
    let mut bench = Bench::start(site, host, without_settlements(), server::Settings::default()).await?;
    bench.add_merchants(args.merchants).await?;
    let most = args.operations as usize;
    let plan = |connections: usize| Plan {
        // Every connection has something to do, and none keeps the others waiting for long.
        operations: (most * connections / CONNECTIONS).clamp(FEWEST.min(most), most),
        connections,
        merchants: usize::from(args.merchants),
        pgbench: None,
        pgbench_s: 0,
        folder: folder.path(),
    };
    let warm_up = bench.completions(&plan(CONNECTIONS)).await?.1;
    bench.load.run(CONNECTIONS, &warm_up).await?;
    let mut by_connections = Vec::new();
    for connections in std::iter::successors(Some(1), |connections| Some(connections * 2_usize))
        .take_while(|connections| *connections <= usize::from(args.connections))
    {
        by_connections.push(closed(&bench, &plan(connections)).await?);
    }
    let (_, target) = bench.completions(&plan(CONNECTIONS)).await?;
    let top = bench.load.run(CONNECTIONS, &target).await?.measured.rate();
    let mut by_load = Vec::new();
    for load in LOADS {
        let per_second = measure::percent(load, top);
        let (_, target) = bench.completions(&plan(CONNECTIONS)).await?;
        let measured = bench.load.pace(per_second, CONNECTIONS, &target).await?.measured;
        by_load.push((load, measure::summary(&[&measured], &[&measured])));
    }
    bench.stop().await;
    let columns = [&[Column::Right("connections"), Column::Right("constant")], &COLUMNS[1..]].concat();
    out.table(&columns, &by_connections.iter().map(Point::row).collect::<Vec<_>>())?;
    let rows: Vec<Vec<String>> = by_load.iter().map(|(load, summary)| summary.row(&format!("{load} %"))).collect();
    let columns = [&[Column::Left("of what they reach")], &COLUMNS[1..]].concat();
    out.table(&columns, &rows)?;
    let by_load = by_load.iter().map(|(load, summary)| json!({"percent_of_top": load, "complete": summary.json()}));
    out.json(&json!({
        "top_per_second": top,
        "by_connections": by_connections.iter().map(Point::json).collect::<Vec<Value>>(),
        "by_load": by_load.collect::<Vec<Value>>(),
    }))
}

/// The constant handler and completions over so many connections.
async fn closed(bench: &Bench, plan: &Plan<'_>) -> Result<Point, Failure> {
    let constants = Target::constants(plan.operations);
    let constant = bench.load.at(bench.constant).run(plan.connections, &constants).await?.measured;
    let (_, target) = bench.completions(plan).await?;
    let complete = bench.load.run(plan.connections, &target).await?.measured;
    Ok(Point { connections: plan.connections, constant, complete })
}
