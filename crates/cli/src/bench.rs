//! `milepost bench`: how fast this machine runs the main job, beside what it could do at best.
//!
//! Load generator and gateway share the process and its threads. A bare number says more about the machine than about the
//! gateway: what counts is the ratio to the constant handler, measured in the same round.

use std::sync::Arc;

use clap::{Args, Subcommand};
use engine::{Host, System};
use store::{PageRequest, Position, PostgresSettings, PostgresStore};

use crate::config::Sources;
use crate::config::database::DATABASE_URL;
use crate::failure::Failure;
use crate::log;
use crate::opening::{Site, TuningArgs};
use crate::output::Out;

mod curves;
mod inside;
mod load;
mod measure;
mod pgbench;
mod raw;
mod report;
mod rounds;
mod stage;
mod stages;
mod webhooks;

use pgbench::Pgbench;
use rounds::{Plan, Round};
use stage::{BENCH_MERCHANT, Bench, without_settlements};

/// How many times smaller than a round what warms everything up is.
const WARM_UP_PART: usize = 8;

/// The milestones of every intent: the main job's.
const MILESTONES_AN_INTENT: usize = 3;

/// Measure how fast this machine runs the main job
///
/// Runs a gateway on an embedded store of its own in a temporary folder, or on a database, and drives it over HTTP in a closed loop:
/// every connection sends its next request when the last one is answered. Measures creating intents with three milestones, completing and
/// reading them, beside a handler that authenticates, reads and answers the same but stores nothing; completing them steadily, at half of
/// the rate reached, where latencies count from when a request was to be sent; and the engine without HTTP.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  milepost bench --connections 64 --operations 12000 --rounds 3 --json")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    other: Option<Other>,
    /// How many connections send requests at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    connections: u16,
    /// How many milestones are completed in a round; a third as many intents are created
    #[arg(long, default_value_t = 12_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    operations: u32,
    /// How often everything is measured; the median of each ratio counts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Run on this PostgreSQL database, which must be empty, or from an earlier run; what is written there stays. It is named by this flag
    /// alone, so that no gateway's is taken by mistake
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// How many merchants the intents are of where they are not all of one
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    merchants: u16,
    /// How many gateways share the database; the connections are spread over them
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8), requires = "database_url")]
    gateways: u16,
    /// For how many seconds a round pgbench completes milestones for comparison, where it is installed: so long of one merchant, and so
    /// long of many
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=600))]
    pgbench: u16,
    /// Fill the store with so many more intents after the rounds, and measure again
    #[arg(long, value_name = "INTENTS", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    fill: Option<u32>,
    #[command(flatten)]
    tuning: TuningArgs,
}

/// What else can be measured.
#[derive(Debug, Subcommand)]
enum Other {
    Curves(curves::CurvesArgs),
    Life(webhooks::life::LifeArgs),
    Webhooks(webhooks::WebhooksArgs),
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be run, or an answer was not what it should be.
pub(crate) async fn run(args: BenchArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    match args.other {
        Some(Other::Curves(args)) => curves::run(args, out).await,
        Some(Other::Life(args)) => webhooks::life::run(args, out).await,
        Some(Other::Webhooks(args)) => webhooks::run(args, out).await,
        None => run_main_job(args, sources, out).await,
    }
}

async fn run_main_job(args: BenchArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    log::start("error", out)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::unavailable(format!("no temporary folder: {error}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let site = match &args.database_url {
        Some(url) => empty(args.tuning.settings(DATABASE_URL.read("--database-url", url)?, sources)?).await?,
        None => Site::Folder(folder.path().to_owned()),
    };
    let pgbench = args.database_url.as_deref().map(Pgbench::prepare).transpose()?.flatten();
    let mut bench = Bench::start(site, host.clone(), without_settlements(), server::Settings::default()).await?;
    bench.add_merchants(args.merchants).await?;
    for _ in 1..args.gateways {
        bench.add_gateway().await?;
    }
    let plan = Plan::of(&args, pgbench.as_ref(), folder.path());
    bench.round(&plan.smaller(WARM_UP_PART)).await?;
    let rounds = all_rounds(&bench, &args, &plan, out).await?;
    let filled = match args.fill {
        Some(intents) => {
            fill(&bench, intents, out).await?;
            Some((intents, all_rounds(&bench, &args, &plan, out).await?))
        }
        None => None,
    };
    let (batches, own_memory) = (bench.batches(), measure::memory_bytes("RssAnon"));
    let site = bench.site.clone();
    bench.stop().await;
    let start_us = match &site {
        Site::Folder(_) => Some(start_us(site, host).await?),
        Site::Database(_) => None,
    };
    report::write(&args, &rounds, &report::Once { batches, own_memory, start_us, filled }, out)
}

async fn all_rounds(bench: &Bench, args: &BenchArgs, plan: &Plan<'_>, out: Out) -> Result<Vec<Round>, Failure> {
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        if out.is_watched() {
            eprintln!("round {round} of {}", args.rounds);
        }
        rounds.push(bench.round(plan).await?);
    }
    Ok(rounds)
}

/// Fills the store, without HTTP, since what is of interest is only what is there afterwards.
async fn fill(bench: &Bench, intents: u32, out: Out) -> Result<(), Failure> {
    let tell = |filled: usize| {
        if out.is_watched() {
            eprintln!("{filled} of {intents} intents");
        }
    };
    bench.inside().await?.fill(intents as usize, tell).await
}

/// How long it takes until a gateway on what is stored there has answered a request, in microseconds.
async fn start_us(site: Site, host: Arc<dyn Host>) -> Result<i64, Failure> {
    let begun_us = host.ticks_us();
    let bench = Bench::start(site, host.clone(), without_settlements(), server::Settings::default()).await?;
    bench.load.connect().await?.ask("GET", "/health/ready", None).await?;
    let took_us = host.ticks_us() - begun_us;
    bench.stop().await;
    Ok(took_us)
}

/// A database that nobody's payments are in, brought up to date.
async fn empty(settings: PostgresSettings) -> Result<Site, Failure> {
    PostgresStore::migrate(&settings).await.map_err(Failure::unavailable)?;
    let site = Site::Database(Box::new(settings));
    let store = site.clone().open().await?.store;
    let two = PageRequest { limit: 2, position: Position::Offset(0) };
    let merchants = store.merchants(two).await.map_err(Failure::unavailable)?.items;
    store.close().await;
    if merchants.iter().all(|merchant| merchant.name.starts_with(BENCH_MERCHANT)) {
        Ok(site)
    } else {
        Err(Failure::usage(format!("--database-url: {site} is in use by merchants; name an empty database")))
    }
}
