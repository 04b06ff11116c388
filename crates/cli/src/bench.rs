//! `milepost bench`: how fast this machine runs the main job, beside what it could do at best.
//!
//! Load generator and gateway share the process and its threads. A bare number says more about the machine than about the
//! gateway: what counts is the ratio to the constant handler, measured in the same round.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::{Args, Subcommand};
use engine::{Config, Host, Keyring, Registry, System};
use serde_json::{Value, json};
use store::{PageRequest, Position, PostgresSettings, PostgresStore, Store};

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
mod pgbench;
mod webhooks;

use load::{Load, Target};
use measure::Measured;
use pgbench::{Merchants, Pgbench};

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
    /// All of one merchant's.
    complete: Measured,
    /// Of many merchants.
    complete_spread: Measured,
    /// What pgbench completes a second, of one merchant and of many.
    pgbench: Option<(f64, f64)>,
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
    let pgbench = args.database_url.as_deref().map(Pgbench::prepare).transpose()?.flatten();
    let mut bench = Bench::start(site, host, Config::default(), server::Settings::default()).await?;
    bench.add_merchants(args.merchants).await?;
    for _ in 1..args.gateways {
        bench.add_gateway().await?;
    }
    let mut rounds = Vec::new();
    for round in 1..=args.rounds {
        if out.is_watched() {
            eprintln!("round {round} of {}", args.rounds);
        }
        rounds.push(bench.round(&args, pgbench.as_ref()).await?);
    }
    let batches = bench.batches();
    bench.stop().await;
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
    if merchants.iter().all(|merchant| merchant.name.starts_with(BENCH_MERCHANT)) {
        Ok(site)
    } else {
        Err(Failure::usage(format!("--database-url: {site} is in use by merchants; name an empty database")))
    }
}

/// A gateway under load, and others on the same store.
struct Bench {
    host: Arc<dyn Host>,
    site: Site,
    keyring: Keyring,
    registry: Registry,
    store: Arc<dyn Store>,
    config: Config,
    settings: server::Settings,
    running: gateway::Running,
    others: Vec<gateway::Running>,
    addresses: Vec<SocketAddr>,
    tokens: Vec<String>,
    load: Load,
    constant: SocketAddr,
}

impl Bench {
    async fn start(
        site: Site,
        host: Arc<dyn Host>,
        config: Config,
        settings: server::Settings,
    ) -> Result<Bench, Failure> {
        let config = Config { lanes: site.lanes(), ..config };
        let store = site.clone().open().await?.store;
        let mut secret = [0; 32];
        host.random(&mut secret);
        let keyring = Keyring::new(&secret);
        let registry = merchants::registry(store.clone(), host.clone(), keyring.clone());
        let tokens = vec![merchants::sandbox_key(store.as_ref(), &registry, BENCH_MERCHANT).await?];

        let (listener, address) = gateway::bind("--listen", any_port()).await?;
        let (constant_listener, constant) = gateway::bind("--listen", any_port()).await?;
        let settings = server::Settings { public_url: gateway::local_url(address), ..settings };
        let plan = Plan {
            store: store.clone(),
            host: host.clone(),
            keyring: keyring.clone(),
            config,
            settings: settings.clone(),
            connections: Limits::default(),
            metrics: None,
        };
        let running = gateway::start(plan, listener);
        running.serve_constant(constant_listener);
        let addresses = vec![address];
        let load = Load::new(host.clone(), addresses.clone(), tokens.clone());
        let others = Vec::new();
        Ok(Bench {
            host,
            site,
            keyring,
            registry,
            store,
            config,
            settings,
            running,
            others,
            addresses,
            tokens,
            load,
            constant,
        })
    }

    /// Sees to it that there are so many merchants.
    async fn add_merchants(&mut self, count: u16) -> Result<(), Failure> {
        for number in 1..count {
            let name = format!("{BENCH_MERCHANT} {number}");
            self.tokens.push(merchants::sandbox_key(self.store.as_ref(), &self.registry, &name).await?);
        }
        self.load = Load::new(self.host.clone(), self.addresses.clone(), self.tokens.clone());
        Ok(())
    }

    /// Starts another gateway on the same store.
    async fn add_gateway(&mut self) -> Result<(), Failure> {
        let (listener, address) = gateway::bind("--listen", any_port()).await?;
        let plan = Plan {
            store: self.site.clone().open().await?.store,
            host: self.host.clone(),
            keyring: self.keyring.clone(),
            config: self.config,
            settings: self.settings.clone(),
            connections: Limits::default(),
            metrics: None,
        };
        self.others.push(gateway::start(plan, listener));
        self.addresses.push(address);
        self.load = Load::new(self.host.clone(), self.addresses.clone(), self.tokens.clone());
        Ok(())
    }

    async fn round(&self, args: &BenchArgs, pgbench: Option<&Pgbench>) -> Result<Round, Failure> {
        let connections = usize::from(args.connections);
        let intents = (args.operations as usize).div_ceil(MILESTONES_AN_INTENT);
        let constant =
            self.load.at(self.constant).run(connections, &Target::constants(args.operations as usize)).await?;
        let create = self.load.run(connections, &Target::creations(intents, 1, &self.unique())).await?;
        let complete = self.load.run(connections, &self.load.completions(&create).await?).await?;
        let merchants = usize::from(args.merchants);
        let spread = self.load.run(connections, &Target::creations(intents, merchants, &self.unique())).await?;
        let complete_spread = self.load.run(connections, &self.load.completions(&spread).await?).await?;
        let completed = |of| pgbench.map(|pgbench| pgbench.completions(of, args.connections, args.pgbench));
        let hot = completed(Merchants::One).transpose()?;
        let pgbench = hot.zip(completed(Merchants::Many).transpose()?);
        Ok(Round {
            constant: constant.measured,
            create: create.measured,
            complete: complete.measured,
            complete_spread: complete_spread.measured,
            pgbench,
        })
    }

    async fn stop(self) {
        for other in self.others {
            other.stop().await;
        }
        self.running.stop().await;
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

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// How many completions a second there were for each that pgbench did in the same round, of one merchant and of many; medians.
fn of_pgbench(rounds: &[Round]) -> Option<(f64, f64)> {
    let ratios = |ratio: fn(&Round, (f64, f64)) -> f64| {
        let ratios = rounds.iter().map(|round| Some(ratio(round, round.pgbench?)));
        ratios.collect::<Option<Vec<f64>>>().map(measure::median)
    };
    ratios(|round, (one, _)| measure::ratio(round.complete.rate(), one))
        .zip(ratios(|round, (_, many)| measure::ratio(round.complete_spread.rate(), many)))
}

fn report(args: &BenchArgs, rounds: &[Round], batches: &[(f64, u64)], out: Out) -> Result<(), Failure> {
    let lines = [
        ("constant handler", rounds.iter().map(|round| &round.constant).collect::<Vec<_>>()),
        ("create", rounds.iter().map(|round| &round.create).collect()),
        ("complete", rounds.iter().map(|round| &round.complete).collect()),
        ("complete spread", rounds.iter().map(|round| &round.complete_spread).collect()),
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
    let of_pgbench = of_pgbench(rounds);
    if let Some((one, many)) = of_pgbench {
        out.line(format!(
            "completions are {one:.2} times those of pgbench for one merchant, {many:.2} times for many"
        ))?;
    }
    let workloads: serde_json::Map<String, Value> =
        summaries.iter().map(|(name, summary)| ((*name).replace(' ', "_"), summary.json())).collect();
    let buckets: Vec<Value> = batches.iter().map(|(bound, count)| json!({"up_to": bound, "commits": count})).collect();
    let store = if args.database_url.is_some() { "postgres" } else { "sqlite" };
    out.json(&json!({
        "store": store,
        "connections": args.connections,
        "operations": args.operations,
        "rounds": args.rounds,
        "gateways": args.gateways,
        "of_pgbench": of_pgbench.map(|(one, many)| json!({"one_merchant": one, "many_merchants": many})),
        "workloads": workloads,
        "batch_units": {"median_bucket": median, "buckets": buckets},
    }))
}
