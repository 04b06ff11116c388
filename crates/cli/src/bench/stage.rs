//! The stage: gateways in this process, the handler that they are compared with, and the load's merchants.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::{Config, Host, Keyring, Registry};
use escrow::{Mode, Owner, Span};
use store::Store;

use super::inside::Inside;
use super::load::Load;
use super::measure;
use crate::connections::Limits;
use crate::failure::Failure;
use crate::gateway::{self, Plan};
use crate::merchants;
use crate::opening::Site;

/// The merchant that the load is for.
pub(super) const BENCH_MERCHANT: &str = "Bench";

/// Long enough that nothing is settled while a benchmark runs.
const NO_SETTLEMENT: Span = Span::from_seconds(30 * 24 * 3600);

/// What the engine is set to where only what is asked is to be measured: what was completed ten seconds ago would else be settled
/// meanwhile.
pub(super) fn without_settlements() -> Config {
    let mut config = Config::default();
    config.settings.settlement_delay = NO_SETTLEMENT;
    config
}

/// A gateway under load, and others on the same store.
pub(super) struct Bench {
    pub(super) host: Arc<dyn Host>,
    pub(super) site: Site,
    keyring: Keyring,
    registry: Registry,
    store: Arc<dyn Store>,
    config: Config,
    settings: server::Settings,
    running: gateway::Running,
    others: Vec<gateway::Running>,
    addresses: Vec<SocketAddr>,
    tokens: Vec<String>,
    pub(super) load: Load,
    pub(super) constant: SocketAddr,
}

impl Bench {
    pub(super) async fn start(
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
    pub(super) async fn add_merchants(&mut self, count: u16) -> Result<(), Failure> {
        for number in 1..count {
            let name = format!("{BENCH_MERCHANT} {number}");
            self.tokens.push(merchants::sandbox_key(self.store.as_ref(), &self.registry, &name).await?);
        }
        self.load = Load::new(self.host.clone(), self.addresses.clone(), self.tokens.clone());
        Ok(())
    }

    /// Starts another gateway on the same store.
    pub(super) async fn add_gateway(&mut self) -> Result<(), Failure> {
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

    pub(super) async fn stop(self) {
        for other in self.others {
            other.stop().await;
        }
        self.running.stop().await;
    }

    /// What makes the idempotency keys of a round its own.
    pub(super) fn unique(&self) -> String {
        let mut bytes = [0; 8];
        self.host.random(&mut bytes);
        u64::from_be_bytes(bytes).to_string()
    }

    /// What the gateway has measured so far.
    pub(super) fn metrics(&self) -> String {
        self.running.metrics()
    }

    /// The engine of the first gateway, with its first merchant.
    ///
    /// # Errors
    /// When the merchant is gone.
    pub(super) async fn inside(&self) -> Result<Inside, Failure> {
        let merchant = self.store.merchant_named(BENCH_MERCHANT).await.map_err(Failure::unavailable)?;
        let merchant = merchant.ok_or_else(|| Failure::unavailable("the merchant of the load is gone"))?.id;
        let owner = Owner { merchant, mode: Mode::Sandbox };
        Ok(Inside { engine: self.running.engine().clone(), host: self.host.clone(), owner })
    }

    /// What the gateway's own metric of this name has counted.
    pub(super) fn counted(&self, name: &str) -> u64 {
        measure::counter(&self.running.metrics(), name)
    }

    /// How many escrows each commit served, as the gateway's own metric counted them: upper bounds and counts.
    pub(super) fn batches(&self) -> Vec<(f64, u64)> {
        measure::histogram(&self.running.metrics(), engine::meter::BATCH_UNITS)
    }
}

pub(super) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
