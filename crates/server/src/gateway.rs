//! What the handlers work with.

use std::sync::Arc;

use axum::http::HeaderValue;
use engine::{Engine, Keyring, Registry};
use escrow::Span;
use ipnet::IpNet;
use tokio::sync::Mutex;

use crate::http::KnownKeys;
use crate::rate_limit::{RateLimiter, RateLimits};
use crate::scribe::Scribe;
use crate::tally::Teller;
use crate::webhooks::WebhookTargets;
use crate::wire::Site;

/// The largest request body, in bytes: 1 MiB.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Span = Span::from_seconds(30);

/// How long a request may take altogether, once its headers have arrived: well above [`BODY_TIMEOUT`] and the engine's patience.
pub const REQUEST_TIMEOUT: Span = Span::from_seconds(120);

/// The public address of a gateway that was told none.
pub const DEFAULT_PUBLIC_URL: &str = "http://127.0.0.1:3000";

/// The chain of payers' signatures where none was set: Sepolia, a test network that wallets know.
pub const DEFAULT_CHAIN_ID: u64 = 11_155_111;

/// How long requests are kept where nothing else was set: seven days.
pub const DEFAULT_REQUEST_LOG: Span = Span::from_seconds(7 * 24 * 3600);

/// From where browsers may call the API (CORS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// From everywhere.
    All,
    /// From these origins, as browsers write them: scheme, host, and the port where it is not the scheme's own.
    Only(Vec<HeaderValue>),
    /// From nowhere.
    None,
}

/// Where measures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// At `/metrics` of the API.
    Api,
    /// Not there, but where [`crate::metrics_router`] is served.
    Elsewhere,
}

/// What the operator has set about the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where payers reach this gateway, without a slash at the end; payment pages lie below it.
    pub public_url: String,
    /// What the gateway keeps of every release, in hundredths of a percent; fixed for an intent at its creation.
    pub fee_basis_points: u16,
    /// The largest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long answered requests are kept for `/requests`; nothing is kept for no time.
    pub request_log: Span,
    /// The chain that payers' signatures are for (EIP-155); at most 2^53 - 1, so that every client can read it.
    pub chain_id: u64,
    /// How often everybody may ask.
    pub rate_limits: RateLimits,
    /// From where browsers may call.
    pub origins: Origins,
    /// The proxies that are believed which address a request comes from (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
    /// How long a body may take to arrive.
    pub body_timeout: Span,
    /// How long a request may take altogether.
    pub request_timeout: Span,
    /// Where measures are shown.
    pub metrics_at: MetricsAt,
    /// Where the webhook endpoints of the sandbox may be.
    pub webhook_targets: WebhookTargets,
}

impl Default for Settings {
    /// [`DEFAULT_PUBLIC_URL`], no fee, [`MAX_BODY_BYTES`], [`DEFAULT_CHAIN_ID`], [`DEFAULT_REQUEST_LOG`], no limits on how often, every
    /// origin, no proxies, [`BODY_TIMEOUT`], [`REQUEST_TIMEOUT`], measures beside the API, webhook endpoints at public addresses.
    fn default() -> Settings {
        Settings {
            public_url: DEFAULT_PUBLIC_URL.to_owned(),
            fee_basis_points: 0,
            max_body_bytes: MAX_BODY_BYTES,
            chain_id: DEFAULT_CHAIN_ID,
            request_log: DEFAULT_REQUEST_LOG,
            rate_limits: RateLimits::OFF,
            origins: Origins::All,
            trusted_proxies: Vec::new(),
            body_timeout: BODY_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            metrics_at: MetricsAt::Api,
            webhook_targets: WebhookTargets::Public,
        }
    }
}

/// Writes what was measured, in the Prometheus text format.
pub type Metrics = Box<dyn Fn() -> String + Send + Sync>;

/// A gateway: the engine, the secret that its API keys are hashed with, and what the operator has set.
pub struct Gateway {
    /// Decides and stores.
    pub engine: Arc<Engine>,
    /// Hashes API keys and requests.
    pub keyring: Keyring,
    /// What the operator has set.
    pub settings: Settings,
    /// Writes what was measured, where anybody measures.
    pub metrics: Option<Metrics>,
    /// Adds and changes merchants and keys.
    pub(crate) registry: Registry,
    /// Logs what is asked.
    pub(crate) scribe: Scribe,
    /// Held by whoever checks everything.
    pub(crate) verifying: Mutex<()>,
    /// The API keys that were lately asked for.
    pub(crate) known_keys: KnownKeys,
    /// When the store was last surveyed, by [`engine::Host::ticks_ms`]; held by whoever surveys it.
    pub(crate) surveyed_ms: Mutex<Option<i64>>,
    /// Counts how often everybody asks.
    pub(crate) rate_limiter: Arc<RateLimiter>,
    /// Tells other gateways what was counted here.
    pub(crate) teller: Teller,
    /// What objects show of this gateway.
    pub(crate) site: Site,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Waits until what was asked so far is in the log of requests. What is noted is behind the requests' backs, and would be lost when
    /// the store is closed.
    pub async fn finish_log(&self) {
        self.scribe.catch_up().await;
    }

    /// A gateway of these parts, to be shared by its requests.
    #[must_use]
    pub fn new(engine: Arc<Engine>, keyring: Keyring, settings: Settings) -> Arc<Gateway> {
        Gateway::measured(engine, keyring, settings, None)
    }

    /// A gateway that shows what was measured at `/metrics`.
    #[must_use]
    pub fn measured(
        engine: Arc<Engine>,
        keyring: Keyring,
        settings: Settings,
        metrics: Option<Metrics>,
    ) -> Arc<Gateway> {
        let public_url = settings.public_url.trim_end_matches('/').to_owned();
        let site = Site { public_url, chain: evm::Domain::sandbox(settings.chain_id) };
        let registry = engine.registry(keyring.clone());
        let rate_limiter = Arc::new(RateLimiter::new(settings.rate_limits));
        let scribe = Scribe::new(engine.store().clone(), engine.host(), settings.request_log);
        Arc::new(Gateway {
            registry,
            scribe,
            verifying: Mutex::new(()),
            known_keys: KnownKeys::default(),
            surveyed_ms: Mutex::new(None),
            teller: Teller::new(engine.store().clone(), engine.host().clone(), rate_limiter.clone()),
            rate_limiter,
            site,
            engine,
            keyring,
            settings,
            metrics,
        })
    }
}
