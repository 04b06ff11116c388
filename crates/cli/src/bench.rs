//! `milepost bench`: how fast this machine runs the main job, beside what it could do at best.
//!
//! Load generator and gateway share the process and its threads. A bare number says more about the machine than about the
//! gateway: what counts is the ratio to the constant handler, measured in the same round.

use std::sync::Arc;

use clap::{Args, Subcommand};
use engine::{Config, Host, Keyring, System};
use serde_json::{Value, json};
use store::{PageRequest, Position, PostgresSettings, PostgresStore};

use crate::config::Sources;
use crate::config::database::DATABASE_URL;
use crate::connections::Limits;
use crate::failure::Failure;
use crate::gateway::{self, Plan};
use crate::opening::{Site, TuningArgs};
use crate::output::{Column, Out};
use crate::{log, merchants};

mod load;
mod measure;
mod webhooks;

use load::{Load, Target};
use measure::Measured;

/// The merchant that the load is for.
const BENCH_MERCHANT: &str = "Bench";

/// The milestones of every intent: the main job's.
const MILESTONES_AN_INTENT: usize = 3;

/// Measure how fast this machine runs the main job
///
/// Runs a gateway on an embedded store of its own in a temporary folder, or on a database, and drives it over HTTP in a closed loop:
/// every connection sends its next request when the last one is answered. Measures creating intents with three milestones and completing
/// them, beside a handler that authenticates, reads and answers the same but stores nothing.
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
    #[command(flatten)]
    tuning: TuningArgs,
}

/// What else can be measured.
#[derive(Debug, Subcommand)]
enum Other {
    Webhooks(webhooks::WebhooksArgs),
}

/// What was measured in a round.
struct Round {
    constant: Measured,
    create: Measured,
    complete: Measured,
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be run, or an answer was not what it should be.
pub(crate) async fn run(args: BenchArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    match args.other {
        Some(Other::Webhooks(args)) => webhooks::run(args, out).await,
        None => run_main_job(args, sources, out).await,
    }
}

async fn run_main_job(args: BenchArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    log::start("warn", out)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::unavailable(format!("no temporary folder: {error}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let site = match &args.database_url {
        Some(url) => empty(args.tuning.settings(DATABASE_URL.read("--database-url", url)?, sources)?).await?,
        None => Site::Folder(folder.path().to_owned()),
    };
    let bench = Bench::start(site, host, Config::default(), server::Settings::default()).await?;
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        if out.is_watched() {
            eprintln!("round {round} of {}", args.rounds);
        }
        rounds.push(bench.round(&args).await?);
    }
    let batches = bench.batches();
    bench.running.stop().await;
    report(&args, &rounds, &batches, out)
}

/// A database that nobody's payments are in, brought up to date.
async fn empty(settings: PostgresSettings) -> Result<Site, Failure> {
    PostgresStore::migrate(&settings).await.map_err(Failure::unavailable)?;
    let site = Site::Database(Box::new(settings));
    let store = site.clone().open().await?.store;
    let two = PageRequest { limit: 2, position: Position::Offset(0) };
    let merchants = store.merchants(two).await.map_err(Failure::unavailable)?.items;
    store.close().await;
    if merchants.iter().all(|merchant| merchant.name == BENCH_MERCHANT) {
        Ok(site)
    } else {
        Err(Failure::usage(format!("--database-url: {site} is in use by merchants; name an empty database")))
    }
}

/// A gateway under load.
struct Bench {
    host: Arc<dyn Host>,
    running: gateway::Running,
    load: Load,
    constant: std::net::SocketAddr,
}

impl Bench {
    async fn start(
        site: Site,
        host: Arc<dyn Host>,
        config: Config,
        settings: server::Settings,
    ) -> Result<Bench, Failure> {
        let config = Config { lanes: site.lanes(), ..config };
        let store = site.open().await?.store;
        let mut secret = [0; 32];
        host.random(&mut secret);
        let keyring = Keyring::new(&secret);
        let registry = merchants::registry(store.clone(), host.clone(), keyring.clone());
        let token = merchants::sandbox_key(store.as_ref(), &registry, BENCH_MERCHANT).await?;

        let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let (listener, address) = gateway::bind("--listen", any_port).await?;
        let (constant_listener, constant) = gateway::bind("--listen", any_port).await?;
        let settings = server::Settings { public_url: gateway::local_url(address), ..settings };
        let plan = Plan {
            store,
            host: host.clone(),
            keyring,
            config,
            settings,
            connections: Limits::default(),
            metrics: None,
        };
        let running = gateway::start(plan, listener);
        running.serve_constant(constant_listener);
        Ok(Bench { load: Load::new(host.clone(), address, token), host, running, constant })
    }

    async fn round(&self, args: &BenchArgs) -> Result<Round, Failure> {
        let connections = usize::from(args.connections);
        let intents = (args.operations as usize).div_ceil(MILESTONES_AN_INTENT);
        let constant =
            self.load.at(self.constant).run(connections, &Target::constants(args.operations as usize)).await?;
        let create = self.load.run(connections, &Target::creations(intents, &self.unique())).await?;
        let completions = self.load.completions(&create).await?;
        let complete = self.load.run(connections, &completions).await?;
        Ok(Round { constant: constant.measured, create: create.measured, complete: complete.measured })
    }

    /// What makes the idempotency keys of a round its own.
    fn unique(&self) -> String {
        let mut bytes = [0; 8];
        self.host.random(&mut bytes);
        u64::from_be_bytes(bytes).to_string()
    }

    /// What the gateway's own metric of this name has counted.
    fn counted(&self, name: &str) -> u64 {
        measure::counter(&self.running.metrics(), name)
    }

    /// How many escrows each commit served, as the gateway's own metric counted them: upper bounds and counts.
    fn batches(&self) -> Vec<(f64, u64)> {
        measure::histogram(&self.running.metrics(), engine::meter::BATCH_UNITS)
    }
}

fn report(args: &BenchArgs, rounds: &[Round], batches: &[(f64, u64)], out: Out) -> Result<(), Failure> {
    let lines = [
        ("constant handler", rounds.iter().map(|round| &round.constant).collect::<Vec<_>>()),
        ("create", rounds.iter().map(|round| &round.create).collect()),
        ("complete", rounds.iter().map(|round| &round.complete).collect()),
    ];
    let constants: Vec<&Measured> = rounds.iter().map(|round| &round.constant).collect();
    let summaries: Vec<(&str, measure::Summary)> =
        lines.iter().map(|(name, measured)| (*name, measure::summary(measured, &constants))).collect();
    let columns = [
        Column::Left("workload"),
        Column::Right("per second"),
        Column::Right("of constant"),
        Column::Right("p50 ms"),
        Column::Right("p99 ms"),
        Column::Right("disk bytes each"),
    ];
    let rows: Vec<Vec<String>> = summaries.iter().map(|(name, summary)| summary.row(name)).collect();
    out.table(&columns, &rows)?;
    let median = measure::median_bucket(batches);
    out.line(format!(
        "{} connections, {} rounds (medians); the median commit served up to {median} escrows",
        args.connections, args.rounds
    ))?;
    let workloads: serde_json::Map<String, Value> =
        summaries.iter().map(|(name, summary)| ((*name).replace(' ', "_"), summary.json())).collect();
    let buckets: Vec<Value> = batches.iter().map(|(bound, count)| json!({"up_to": bound, "commits": count})).collect();
    let store = if args.database_url.is_some() { "postgres" } else { "sqlite" };
    out.json(&json!({
        "store": store,
        "connections": args.connections,
        "operations": args.operations,
        "rounds": args.rounds,
        "workloads": workloads,
        "batch_units": {"median_bucket": median, "buckets": buckets},
    }))
}
