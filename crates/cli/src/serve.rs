//! `milepost serve`: runs the gateway until it is asked to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use engine::{Config, Host, KeyState, NewKey, Registry, System};
use escrow::{Span, Timestamp};
use serde_json::json;
use server::WebhookTargets;
use store::{POSTGRES_SCHEMA_VERSION, PostgresStore, Store};

use crate::config::{
    BLOCK_TIME, CHAIN_ID, DEFAULT_RESOLUTION, FEE_BASIS_POINTS, FINALITY_PERIOD, LISTEN, LOG_LEVEL, METRICS_LISTEN,
    PUBLIC_URL, REQUEST_LOG, SETTLEMENT_DELAY, Sources, TEST_KEY, WEBHOOK_TARGETS, default_webhook_targets,
};
use crate::descriptors;
use crate::failure::Failure;
use crate::gateway::{self, Plan};
use crate::limits::{LimitArgs, Limits};
use crate::opening::{SecretArgs, Site, StoreArgs, TuningArgs};
use crate::output::{Out, Style};
use crate::signals::Signals;
use crate::{log, merchants};

/// The merchant that a first start makes.
const SANDBOX_MERCHANT: &str = "Sandbox";

/// A key that a developer may bring along; everybody knows it.
const DEVELOPMENT_KEY: &str = "sk_test_development";

/// The example that a newcomer pastes: 1,000 USDC in three milestones.
const EXAMPLE_INTENT: &str = r#"{"amount":"1000.00","currency":"USDC","type":"DELIVERY_VS_PAYMENT","settlementMethod":"OFF_RAMP_MOCK","settlementDestination":"bank_account_123","metadata":{"releaseType":"MILESTONE_LOCKED","autoRelease":true},"milestones":[{"milestoneIndex":0,"amount":"300.00"},{"milestoneIndex":1,"amount":"500.00"},{"milestoneIndex":2,"amount":"200.00"}]}"#;

/// Run the gateway
///
/// Opens the embedded store, making it on the first start, or the one in a PostgreSQL database, which any number of gateways may share, and
/// serves the API until SIGTERM or Ctrl-C. The first start on an empty store makes a merchant and prints its test key, once. Logs go to
/// standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost serve
  milepost serve --listen 127.0.0.1:0 --data ./sandbox --test-key sk_test_development --json
  MILEPOST_DATABASE_URL=postgres://milepost:…@db.example/milepost milepost serve --secret-file ./secret.key")]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 lets the system choose one [env: MILEPOST_LISTEN] [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Where to show /metrics instead of beside the API [env: MILEPOST_METRICS_LISTEN] [default: beside the API]
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<String>,
    /// What other servers have; here it is a part of --listen
    #[arg(long, value_name = "PORT", hide = true)]
    port: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    secret: SecretArgs,
    /// Bring the store in a database up to date first, while other gateways use it or not; an embedded one always is
    #[arg(long)]
    migrate: bool,
    /// The address others reach the gateway under [env: MILEPOST_PUBLIC_URL] [default: where it listens]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// A sandbox key of your own choice, for development, that is made sure to exist [env: MILEPOST_TEST_KEY]
    #[arg(long, value_name = "KEY")]
    test_key: Option<String>,
    /// How long requests are kept for GET /requests; 0 keeps none [env: MILEPOST_REQUEST_LOG] [default: 7d]
    #[arg(long, value_name = "TIME")]
    request_log: Option<String>,
    /// How long after a release its settlement starts [env: MILEPOST_SETTLEMENT_DELAY] [default: 10s]
    #[arg(long, value_name = "TIME")]
    settlement_delay: Option<String>,
    /// How long after it is settled an intent becomes final [env: MILEPOST_FINALITY_PERIOD] [default: 7d]
    #[arg(long, value_name = "TIME")]
    finality_period: Option<String>,
    /// How long the sandbox's chain takes for a block; five make a payment final [env: MILEPOST_BLOCK_TIME] [default: 2s]
    #[arg(long, value_name = "TIME")]
    block_time: Option<String>,
    /// The chain that payers' signatures are for, EIP-155 [env: MILEPOST_CHAIN_ID] [default: 11155111, Sepolia]
    #[arg(long, value_name = "ID")]
    chain_id: Option<String>,
    /// What the gateway keeps of every release, in hundredths of a percent [env: MILEPOST_FEE_BASIS_POINTS] [default: 0]
    #[arg(long, value_name = "POINTS")]
    fee_basis_points: Option<String>,
    /// How a dispute ends that nobody decides in time: `BUYER_WON` gives the money back, `MERCHANT_WON` releases it
    /// [env: MILEPOST_DEFAULT_RESOLUTION] [default: BUYER_WON]
    #[arg(long, value_name = "RESOLUTION")]
    default_resolution: Option<String>,
    /// Where the webhook endpoints of the sandbox may be: `public` addresses, `loopback` for this machine, too, `private` for
    /// private networks, too [env: MILEPOST_WEBHOOK_TARGETS] [default: loopback where --listen and --public-url are,
    /// else public]
    #[arg(long, value_name = "TARGETS")]
    webhook_targets: Option<String>,
    /// `error`, `warn`, `info`, `debug` or `trace`, also per module [env: MILEPOST_LOG_LEVEL] [default: info]
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    #[command(flatten)]
    tuning: TuningArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What was set, understood.
struct Settings {
    listen: SocketAddr,
    metrics_listen: Option<SocketAddr>,
    site: Site,
    /// The file with the gateway's secret.
    secret: PathBuf,
    public_url: Option<String>,
    test_key: Option<String>,
    engine: Config,
    chain_id: u64,
    fee_basis_points: u16,
    request_log: Span,
    webhook_targets: WebhookTargets,
    log_level: String,
    limits: Limits,
}

impl Settings {
    fn of(args: &ServeArgs, sources: &Sources) -> Result<Settings, Failure> {
        if let Some(port) = &args.port {
            return Err(Failure::usage(format!("there is no --port; use --listen 127.0.0.1:{port}")));
        }
        let mut engine = Config::default();
        engine.settings.settlement_delay = sources.get(&SETTLEMENT_DELAY, args.settlement_delay.as_deref())?;
        engine.settings.finality_period = sources.get(&FINALITY_PERIOD, args.finality_period.as_deref())?;
        engine.settings.sandbox_block_time = sources.get(&BLOCK_TIME, args.block_time.as_deref())?;
        engine.settings.default_resolution = sources.get(&DEFAULT_RESOLUTION, args.default_resolution.as_deref())?;
        let (site, secret) = args.store.site_and_secret(&args.secret, &args.tuning, sources)?;
        engine.lanes = site.lanes();
        let listen = sources.get(&LISTEN, args.listen.as_deref())?;
        let public_url = sources.find(&PUBLIC_URL, args.public_url.as_deref())?;
        let webhook_targets = sources.find(&WEBHOOK_TARGETS, args.webhook_targets.as_deref())?;
        Ok(Settings {
            listen,
            metrics_listen: sources.find(&METRICS_LISTEN, args.metrics_listen.as_deref())?,
            site,
            secret,
            test_key: sources.find(&TEST_KEY, args.test_key.as_deref())?,
            engine,
            chain_id: sources.get(&CHAIN_ID, args.chain_id.as_deref())?,
            fee_basis_points: sources.get(&FEE_BASIS_POINTS, args.fee_basis_points.as_deref())?,
            request_log: sources.get(&REQUEST_LOG, args.request_log.as_deref())?,
            webhook_targets: webhook_targets.unwrap_or_else(|| default_webhook_targets(listen, public_url.as_deref())),
            public_url,
            log_level: sources.get(&LOG_LEVEL, args.log_level.as_deref())?,
            limits: args.limits.limits(sources)?,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// When something is set wrongly, or the port or the store is taken.
pub(crate) async fn run(args: ServeArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    let settings = Settings::of(&args, sources)?;
    log::start(&settings.log_level, out)?;
    let mut signals = Signals::listen()?;
    let (listener, address) = gateway::bind("--listen", settings.listen).await?;
    let (metrics, metrics_address) = match settings.metrics_listen {
        Some(address) => gateway::bind("--metrics-listen", address).await.map(|(it, at)| (Some(it), Some(at)))?,
        None => (None, None),
    };
    if args.migrate {
        migrate(&settings.site).await?;
    }
    let opened = settings.site.open().await?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let keyring = opened.keyring(&settings.secret, host.as_ref()).await?;
    let (site, store) = (opened.site, opened.store);
    let registry = merchants::registry(store.clone(), host.clone(), keyring.clone());
    let key = FirstKey { store: store.as_ref(), registry, now: host.now() }.ensure(settings.test_key).await?;
    let local = gateway::local_url(address);
    let public_url = settings.public_url.unwrap_or_else(|| local.clone());
    let mut connections = settings.limits.connections;
    connections.most = descriptors::connections(connections.most);
    let wire = settings.limits.apply(server::Settings {
        public_url: public_url.clone(),
        fee_basis_points: settings.fee_basis_points,
        chain_id: settings.chain_id,
        request_log: settings.request_log,
        webhook_targets: settings.webhook_targets,
        ..server::Settings::default()
    });
    let plan = Plan { store, host, keyring, config: settings.engine, settings: wire, connections, metrics };
    let running = gateway::start(plan, listener);
    // Whether anybody reads it does not matter to those whose payments the gateway handles.
    let metrics = metrics_address.map(|address| format!("{}/metrics", gateway::local_url(address)));
    drop(Announcement { local, public_url, metrics, key, site, secret: settings.secret }.write(out));
    signals.wait().await;
    tracing::info!("stopping: nothing new is taken, what is under way is finished");
    running.stop().await;
    Ok(())
}

/// Brings a store in a database up to date; opening an embedded one does.
async fn migrate(site: &Site) -> Result<(), Failure> {
    match site {
        Site::Folder(_) => Ok(()),
        Site::Database(settings) => {
            let found = PostgresStore::migrate(settings).await.map_err(Failure::unavailable)?;
            if found < POSTGRES_SCHEMA_VERSION {
                tracing::info!(found, reached = POSTGRES_SCHEMA_VERSION, "the store was brought up to date");
            }
            Ok(())
        }
    }
}

/// The test key that a start shows.
enum TestKey {
    /// Made just now, and never shown again.
    Made(String),
    /// Brought along by the operator.
    Brought(String),
    /// There are keys already, and their secrets are not here.
    Unknown,
}

/// Sees to it that somebody can use the gateway.
struct FirstKey<'a> {
    store: &'a dyn Store,
    registry: Registry,
    now: Timestamp,
}

impl FirstKey<'_> {
    async fn ensure(&self, brought: Option<String>) -> Result<TestKey, Failure> {
        if let Some(token) = brought {
            self.adopt(&token).await?;
            return Ok(TestKey::Brought(token));
        }
        let made = merchants::first_key(self.store, &self.registry, SANDBOX_MERCHANT).await?;
        Ok(made.map_or(TestKey::Unknown, TestKey::Made))
    }

    /// Makes sure that a key works whose text somebody brought along.
    async fn adopt(&self, token: &str) -> Result<(), Failure> {
        let merchant = merchants::find_or_add(self.store, &self.registry, SANDBOX_MERCHANT).await?;
        let adopted = self.registry.adopt(token, NewKey::first(merchant.id)).await.map_err(Failure::unavailable)?;
        let key = adopted.map_err(Failure::usage)?;
        match KeyState::of(&key, self.now) {
            KeyState::Active => Ok(()),
            over @ (KeyState::Expired | KeyState::Revoked) => {
                Err(Failure::usage(format!("the test key (…{}) is {over}; choose another", key.last_four)))
            }
        }
    }
}

/// What a start says.
struct Announcement {
    local: String,
    public_url: String,
    metrics: Option<String>,
    key: TestKey,
    site: Site,
    secret: PathBuf,
}

impl Announcement {
    fn write(&self, out: Out) -> Result<(), Failure> {
        let (local, version) = (&self.local, env!("CARGO_PKG_VERSION"));
        let key = match &self.key {
            TestKey::Made(key) | TestKey::Brought(key) => Some(key),
            TestKey::Unknown => None,
        };
        let mut announced = json!({
            "listening": local,
            "api": format!("{local}/v1"),
            "checkout": format!("{}/pay/", self.public_url),
            "dashboard": format!("{}/dashboard", self.public_url),
            "test_key": key,
            "store": self.site.kind(),
            "version": version,
        });
        if let Some(metrics) = &self.metrics {
            announced["metrics"] = json!(metrics);
        }
        out.json(&announced)?;
        out.line(format!("{} {version}: a gateway for milestone payments", out.paint(Style::Bold, "Milepost")))?;
        out.line("")?;
        out.line(format!("  base URL  {}", out.paint(Style::Green, format!("{local}/v1"))))?;
        if self.public_url != *local {
            out.line(format!("  public    {}", self.public_url))?;
        }
        out.line(format!("  checkout  {}/pay/{{intent}}", self.public_url))?;
        out.line(format!("  dashboard {}/dashboard", self.public_url))?;
        if let Some(metrics) = &self.metrics {
            out.line(format!("  metrics   {metrics}"))?;
        }
        match &self.key {
            TestKey::Made(key) => {
                out.line(format!("  test key  {}   (shown this once)", out.paint(Style::Green, key)))?
            }
            TestKey::Brought(key) => out.line(format!("  test key  {}", out.paint(Style::Green, key)))?,
            TestKey::Unknown => {}
        }
        match &self.site {
            Site::Folder(folder) => out.line(format!("  data      {}", folder.display()))?,
            Site::Database(settings) => {
                out.line(format!("  database  {}", settings.url))?;
                out.line(format!("  secret    {}", self.secret.display()))?;
            }
        }
        out.line("")?;
        match key {
            Some(key) => self.show_example(key, out)?,
            None => self.show_how_to_get_a_key(out)?,
        }
        out.line("")?;
        out.line("Ctrl-C stops it.")
    }

    fn show_example(&self, key: &str, out: Out) -> Result<(), Failure> {
        out.line("Create an intent over 1,000 USDC in three milestones:")?;
        out.line("")?;
        out.line(format!("  curl -s {}/v1/payment-intents \\", self.local))?;
        out.line(format!("    -H 'X-API-Key: {key}' -H 'Content-Type: application/json' \\"))?;
        out.line(format!("    -d '{EXAMPLE_INTENT}'; echo"))
    }

    fn show_how_to_get_a_key(&self, out: Out) -> Result<(), Failure> {
        let (stop, site) = match &self.site {
            Site::Folder(_) => ("stop the gateway and ", self.site.flag()),
            Site::Database(_) => ("", format!("{} --secret-file {}", self.site.flag(), self.secret.display())),
        };
        out.line(format!("The keys of this store were shown when they were made. To make another, {stop}run"))?;
        out.line("")?;
        out.line(format!("  milepost keys create --merchant {SANDBOX_MERCHANT} --mode test {site}"))?;
        out.line("")?;
        out.line("or start it with a key of your own choice, for development:")?;
        out.line("")?;
        out.line(format!("  milepost serve --test-key {DEVELOPMENT_KEY} {site}"))
    }
}
