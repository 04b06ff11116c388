//! Gateways on one store, and everybody around them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{Act, Config, Courier, Done, Engine, Keyring, NewEndpoint, Parts};
use escrow::{DefaultResolution, EndpointId, Escrow, IntentId, MerchantId, Mode, Owner, Settings, Span};
use futures_util::FutureExt;
use store::testing::Remote;
use store::{MemoryStore, Store, Wanted};
use tokio::sync::watch;

use crate::client::Asked;
use crate::fates::{Fates, Fault};
use crate::host::{SimHost, SimLine, Skew};
use crate::machine::{Group, Machine, OUTSIDE};
use crate::outside::{Bank, Receivers};
use crate::rng::Rng;
use crate::seen::Seen;

/// When every run begins.
pub(crate) const START_MS: i64 = 1_800_000_000_000;

/// How long a job is leased for: shorter than a slow bank takes.
const LEASE: Span = Span::from_seconds(15);

/// How long the settlement of a release waits.
pub(crate) const SETTLEMENT_DELAY: Span = Span::from_seconds(10);

/// How long a gateway is gone that was killed.
const GONE_MS: (i64, i64) = (1, 8_000);

/// How long one stands still: longer than any lease, at times.
const FROZEN_MS: (i64, i64) = (1_000, 60_000);

/// How far a clock jumps, and is wrong, at most.
const JUMP_MS: i64 = 300_000;

/// Everything there is.
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) fates: Arc<Fates>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) bank: Arc<Bank>,
    pub(crate) receivers: Arc<Receivers>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) shape: Shape,
    slots: Mutex<Vec<Slot>>,
    next_group: Mutex<u32>,
    seed: u64,
    pub(crate) merchants: Vec<MerchantId>,
    pub(crate) endpoints: Vec<(EndpointId, Owner, String)>,
    /// Who was opened by which wish.
    pub(crate) intents: Mutex<BTreeMap<usize, IntentId>>,
    /// Everything that was asked, each key once.
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// How many clients are not done yet.
    pub(crate) busy: Mutex<usize>,
}

/// How the gateways of a run are set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) gateways: usize,
    pub(crate) config: Config,
}

/// Where a gateway runs, and does again after it has died.
struct Slot {
    skew: Skew,
    gateway: Option<Gateway>,
}

/// A gateway, from its start to its death.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) group: Group,
    pub(crate) engine: Arc<Engine>,
    courier: Arc<Courier>,
    is_stopping: Arc<AtomicBool>,
    /// Its sender is gone with it.
    pub(crate) life: watch::Receiver<()>,
    _alive: Arc<watch::Sender<()>>,
    dead: Arc<AtomicBool>,
}

impl Gateway {
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

pub(crate) fn keyring() -> Keyring {
    Keyring::new(&[7; 32])
}

impl Shape {
    /// One that follows from the seed.
    pub(crate) fn of(seed: u64) -> Shape {
        let mut rng = Rng::new(seed, "shape");
        let settings = Settings {
            settlement_delay: SETTLEMENT_DELAY,
            finality_period: Span::from_seconds(60),
            sandbox_block_time: Span::from_ms(500),
            default_resolution: if rng.once_in(2) {
                DefaultResolution::BuyerWon
            } else {
                DefaultResolution::MerchantWon
            },
        };
        let config = Config {
            settings,
            lanes: 1 + rng.below(3),
            queue_limit: *rng.pick(&[2, 64]).unwrap_or(&64),
            batch_limit: *rng.pick(&[1, 3, 64]).unwrap_or(&64),
            patience: Span::from_seconds(5),
            lease: LEASE,
            reply_lifetime: Span::from_seconds(30 * 24 * 3600),
        };
        Shape { gateways: 1 + rng.below(3), config }
    }
}

impl World {
    /// A world with two merchants and their webhook endpoints, in which nothing has gone wrong yet.
    pub(crate) fn new(seed: u64, schedule: u64, fates: Fates, shape: Shape) -> Arc<World> {
        let machine = Machine::new(seed ^ schedule.rotate_left(32), START_MS);
        let fates = Arc::new(fates);
        let store: Arc<dyn Store> =
            Arc::new(if shape.gateways > 1 { MemoryStore::shared() } else { MemoryStore::new() });
        let mut world = World {
            bank: Arc::new(Bank::new(machine.clone(), fates.clone())),
            receivers: Arc::new(Receivers::new(machine.clone(), fates.clone())),
            seen: Arc::default(),
            machine,
            fates,
            store,
            shape,
            slots: Mutex::default(),
            next_group: Mutex::new(1),
            seed,
            merchants: Vec::new(),
            endpoints: Vec::new(),
            intents: Mutex::default(),
            asked: Mutex::default(),
            busy: Mutex::new(0),
        };
        for _ in 0..shape.gateways {
            let slot = Slot { skew: Arc::new(AtomicI64::new(0)), gateway: None };
            world.slots().push(slot);
        }
        for slot in 0..shape.gateways {
            world.start(slot);
        }
        world.settle_merchants();
        Arc::new(world)
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        locked(&self.slots)
    }

    /// Adds merchants and endpoints, while all is calm.
    fn settle_merchants(&mut self) {
        let engine = self.gateway(0).expect("it was started").engine;
        let made = Arc::new(Mutex::new(None));
        let result = made.clone();
        let settle = async move {
            let registry = engine.registry(keyring());
            let (mut merchants, mut endpoints) = (Vec::new(), Vec::new());
            for name in ["one", "two"] {
                let act = Act::AddMerchant { name: name.to_owned(), with_key: false };
                let Ok(Ok(Done::Merchant(merchant, _))) = registry.act(&act).await else { panic!("no merchant") };
                merchants.push(merchant.id);
                for mode in [Mode::Sandbox, Mode::Live] {
                    let (owner, url) =
                        (Owner { merchant: merchant.id, mode }, format!("https://{name}.example/{mode:?}"));
                    let new = NewEndpoint { owner, url: url.clone(), description: None, events: vec!["*".to_owned()] };
                    let act = Act::CreateEndpoint(new);
                    let Ok(Ok(Done::Endpoint(endpoint, _))) = registry.act(&act).await else { panic!("no endpoint") };
                    endpoints.push((endpoint.id, owner, url));
                }
            }
            *locked(&result) = Some((merchants, endpoints));
        };
        self.machine.spawn(OUTSIDE, Box::pin(settle));
        let deadline = self.machine.now_ms() + 60_000;
        while locked(&made).is_none() && self.machine.now_ms() < deadline {
            self.machine.step(deadline);
        }
        (self.merchants, self.endpoints) = locked(&made).take().expect("merchants can be added while all is calm");
    }

    // Gateways.

    /// The gateway in this place, while one is alive there.
    pub(crate) fn gateway(&self, slot: usize) -> Option<Gateway> {
        self.slots().get(slot).and_then(|slot| slot.gateway.clone())
    }

    /// Starts a gateway in this place, unless there is one.
    fn start(&self, slot: usize) {
        if self.gateway(slot).is_some() {
            return;
        }
        let group = {
            let mut next = locked(&self.next_group);
            let group = Group(*next);
            *next += 1;
            group
        };
        let Some(skew) = self.slots().get(slot).map(|slot| slot.skew.clone()) else { return };
        let random = Mutex::new(Rng::new(self.seed, &format!("random of {}", group.0)));
        let host = Arc::new(SimHost { machine: self.machine.clone(), group, skew: skew.clone(), random });
        let has_own_time = self.shape.gateways > 1;
        let line = SimLine { machine: self.machine.clone(), fates: self.fates.clone(), skew, has_own_time };
        let engine = Engine::start(Parts {
            store: Arc::new(Remote::new(self.store.clone(), line)),
            host,
            present: self.seen.clone(),
            payments: self.bank.clone(),
            config: self.shape.config,
        });
        let courier = Arc::new(engine.courier(keyring(), self.receivers.clone()));
        let (alive, life) = watch::channel(());
        let (is_stopping, dead) = (Arc::default(), Arc::default());
        let gateway = Gateway { group, engine, courier, is_stopping, life, _alive: Arc::new(alive), dead };
        if let Some(slot) = self.slots().get_mut(slot) {
            slot.gateway = Some(gateway);
        }
    }

    fn slot_of(&self, group: Group) -> Option<usize> {
        self.slots().iter().position(|slot| slot.gateway.as_ref().is_some_and(|gateway| gateway.group == group))
    }

    /// What may happen to a gateway whose task was just polled.
    pub(crate) fn tempt(self: &Arc<World>, group: Group) {
        let Some(slot) = self.slot_of(group) else { return };
        let fates = &self.fates;
        if fates.strike(Fault::Crash) {
            return self.crash(slot);
        }
        if fates.strike(Fault::Restart) {
            return self.restart(slot);
        }
        if fates.strike(Fault::Pause) {
            let until_ms = self.machine.now_ms() + fates.span_ms(FROZEN_MS.0, FROZEN_MS.1);
            self.machine.freeze(group, until_ms);
        }
        let forward = fates.strike(Fault::ClockForward).then(|| fates.span_ms(1, JUMP_MS));
        let back = fates.strike(Fault::ClockBack).then(|| -fates.span_ms(1, JUMP_MS));
        for jump_ms in forward.into_iter().chain(back) {
            if let Some(slot) = self.slots().get(slot) {
                let skew_ms = slot.skew.load(Ordering::SeqCst) + jump_ms;
                slot.skew.store(skew_ms.clamp(-JUMP_MS, JUMP_MS), Ordering::SeqCst);
            }
        }
    }

    /// Kills the gateway in this place; after a while there is another one.
    pub(crate) fn crash(self: &Arc<World>, slot: usize) {
        let Some(gateway) = self.slots().get_mut(slot).and_then(|slot| slot.gateway.take()) else { return };
        gateway.dead.store(true, Ordering::SeqCst);
        self.machine.kill(gateway.group);
        drop(gateway);
        let (world, gone_ms) = (self.clone(), self.fates.span_ms(GONE_MS.0, GONE_MS.1));
        self.machine.spawn(
            OUTSIDE,
            Box::pin(async move {
                world.machine.sleep(gone_ms).await;
                world.start(slot);
            }),
        );
    }

    /// Has the gateway in this place stop as it should; then there is another one.
    fn restart(self: &Arc<World>, slot: usize) {
        let Some(gateway) = self.gateway(slot) else { return };
        if gateway.is_stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        let world = self.clone();
        self.machine.spawn(
            OUTSIDE,
            Box::pin(async move {
                world.stop(slot, &gateway).await;
                world.start(slot);
            }),
        );
    }

    /// Stops a gateway, unless it dies meanwhile.
    async fn stop(&self, slot: usize, gateway: &Gateway) {
        gateway.courier.stop().await;
        gateway.engine.shut_down().await;
        if let Some(slot) = self.slots().get_mut(slot)
            && slot.gateway.as_ref().is_some_and(|other| other.group == gateway.group)
        {
            slot.gateway = None;
        }
    }

    /// From now on nothing goes wrong any more: who stands still goes on, and clocks show the time.
    pub(crate) fn calm(&self) {
        self.fates.calm();
        self.machine.thaw();
        for slot in self.slots().iter() {
            slot.skew.store(0, Ordering::SeqCst);
        }
    }

    /// Leaves one gateway, which has to take over whatever the others had.
    pub(crate) fn retire(self: &Arc<World>) {
        for slot in 1..self.shape.gateways {
            let Some(gateway) = self.gateway(slot) else { continue };
            if gateway.is_stopping.swap(true, Ordering::SeqCst) {
                continue;
            }
            let world = self.clone();
            self.machine.spawn(OUTSIDE, Box::pin(async move { world.stop(slot, &gateway).await }));
        }
    }

    /// Ends everything. What runs holds the world, and the world what runs.
    pub(crate) fn end(&self) {
        for slot in 0..self.shape.gateways {
            let gateway = self.slots().get_mut(slot).and_then(|slot| slot.gateway.take());
            if let Some(gateway) = gateway {
                self.machine.kill(gateway.group);
            }
        }
        self.machine.kill(OUTSIDE);
    }

    // What is stored, past every line: the store in memory answers at once.

    pub(crate) fn escrow(&self, intent: IntentId) -> Option<Escrow> {
        self.store.escrow(intent).now_or_never().and_then(Result::ok).flatten()
    }

    /// How far the clock of a sandbox is ahead.
    pub(crate) fn ahead(&self, owner: Owner) -> Span {
        let wanted = Wanted { clocks: vec![owner], ..Wanted::default() };
        let loaded = self.store.load(wanted).now_or_never().and_then(Result::ok);
        loaded.and_then(|loaded| loaded.clocks.get(&owner).copied()).unwrap_or(Span::from_ms(0))
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
