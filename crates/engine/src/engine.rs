//! The engine's front door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use escrow::{Ids, MerchantId, Mode, Owner, Settings, Span, Timestamp, planted};
use store::{Store, StoreError, Wanted};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::batch::{Batcher, Listeners, Queues, Source, Submission};
use crate::bells::Bells;
use crate::clock::{AdvanceClock, Asked, Clock, Keeper, sandbox};
use crate::host::Host;
use crate::ids::FreshIds;
use crate::jobs::Worker;
use crate::keyring::Keyring;
use crate::lookout::Lookout;
use crate::ports::Payments;
use crate::present::Present;
use crate::registry::Registry;
use crate::request::{Answer, Request, Unavailable};
use crate::webhooks::{Courier, Post};

/// What the operator may set about the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// What every decision is told.
    pub settings: Settings,
    /// How many batches may be on their way to the store side by side, at least one. What is asked of one intent is always in the same
    /// lane. More than one is of use where the store can commit more than one at a time.
    pub lanes: usize,
    /// How many requests may wait in this gateway; past it they are refused as [`Unavailable::Overloaded`]. Each lane has its share of
    /// the room, rounded up.
    pub queue_limit: usize,
    /// How many requests are committed together at most, in one lane.
    pub batch_limit: usize,
    /// How long a request waits for its answer.
    pub patience: Span,
    /// How long a claimed job is its worker's alone.
    pub lease: Span,
    /// How long replies are remembered under their idempotency keys, in real time.
    pub reply_lifetime: Span,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            settings: Settings::default(),
            lanes: 1,
            queue_limit: 4096,
            batch_limit: 256,
            patience: Span::from_seconds(30),
            lease: Span::from_seconds(60),
            reply_lifetime: Span::from_seconds(24 * 3600),
        }
    }
}

/// What an engine is made of.
#[derive(Clone)]
pub struct Parts {
    /// Where state is kept.
    pub store: Arc<dyn Store>,
    /// What it runs on.
    pub host: Arc<dyn Host>,
    /// How events look.
    pub present: Arc<dyn Present>,
    /// Where money goes out.
    pub payments: Arc<dyn Payments>,
    /// What the operator has set.
    pub config: Config,
}

/// A running engine. It runs until [`Engine::shut_down`], or until it is dropped, which waits for nothing.
pub struct Engine {
    parts: Parts,
    ids: Arc<FreshIds>,
    bells: Bells,
    queues: Queues,
    clocks: mpsc::Sender<Asked>,
    keeper: Running,
    worker: Running,
    batchers: Vec<Running>,
    /// Where others share the store.
    lookout: Option<Running>,
}

impl Engine {
    /// Starts an engine: a task for each lane that commits what is asked, one that does what has fallen due, one that moves clocks, and where others
    /// share the store one that looks what they do.
    #[must_use]
    pub fn start(parts: Parts) -> Arc<Engine> {
        let ids = Arc::new(FreshIds::new(parts.host.clone()));
        let (queues, waiting) = Queues::new(&parts.config);
        let (clocks, clocks_asked) = mpsc::channel(parts.config.queue_limit);
        let (scheduled, carried) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let bells = Bells::default();
        let host = parts.host.clone();
        let listeners = || Listeners { scheduled: scheduled.clone(), bells: bells.clone() };
        let batcher = |queue| {
            let (parts, ids, queues) = (parts.clone(), ids.clone(), queues.clone());
            Running::start(host.as_ref(), |stop| Batcher::new(parts, ids, (queue, queues), stop, listeners()).run())
        };
        let batchers = waiting.into_iter().map(batcher).collect();
        let worker = Running::start(host.as_ref(), |stop| {
            Worker::new(parts.clone(), queues.clone(), stop, scheduled.clone(), carried.clone()).run()
        });
        let keeper = Running::start(host.as_ref(), |stop| {
            Keeper::new((parts.clone(), ids.next()), clocks_asked, stop, listeners(), carried).run()
        });
        let lookout = parts.store.is_shared().then(|| {
            let (store, bells) = (parts.store.clone(), bells.clone());
            Running::start(host.as_ref(), |stop| Lookout { store, host: host.clone(), bells, stop }.run())
        });
        Arc::new(Engine { parts, ids, bells, queues, clocks, keeper, worker, batchers, lookout })
    }

    /// Asks for something and waits for the answer. When the caller stops waiting, the request either happens or not, and its
    /// idempotency key tells.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn submit(&self, request: Request) -> Result<Answer, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let is_held_back = Arc::new(AtomicBool::new(false));
        let Request { reach, by, ask, idempotency, render } = request;
        let source = Source::Caller { reach, by, idempotency, render, is_held_back: is_held_back.clone(), answer };
        self.queues.offer(Submission::new(ask, source, self.parts.host.ticks_us()))?;
        tokio::select! {
            biased;
            answer = answered => answer.unwrap_or(Err(Unavailable::Closing)),
            () = self.parts.host.sleep(self.parts.config.patience) => {
                let waits_for_another = is_held_back.load(Ordering::Relaxed);
                let unanswered = if planted!(DelayDenied) { Unavailable::Overloaded } else { Unavailable::TimedOut };
                Err(if waits_for_another { Unavailable::KeyInUse } else { unanswered })
            }
        }
    }

    /// Moves the clock of a merchant's sandbox forward. Everything timed follows it, in due order, each at its own due time; the
    /// answer comes when all of it is done that does not have to be tried again.
    ///
    /// When the caller stops waiting, the clock goes on, and the idempotency key tells. A move that ends on its way, because the
    /// store fails or the process ends, leaves the clock there, and no key remembers it: [`Unavailable::Interrupted`].
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn advance_clock(&self, what: AdvanceClock) -> Result<Answer, Unavailable> {
        let (answer, answered) = oneshot::channel();
        offer(&self.clocks, Asked { what, answer })?;
        tokio::select! {
            biased;
            answer = answered => answer.unwrap_or(Err(Unavailable::Interrupted)),
            () = self.parts.host.sleep(self.parts.config.patience) => Err(Unavailable::TimedOut),
        }
    }

    /// The clock of a merchant's sandbox.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn clock(&self, merchant: MerchantId) -> Result<Clock, StoreError> {
        let owner = sandbox(merchant);
        let loaded = self.parts.store.load(Wanted { clocks: vec![owner], ..Wanted::default() }).await?;
        let ahead = loaded.clocks.get(&owner).copied().unwrap_or(Span::from_ms(0));
        Ok(Clock::at(self.parts.host.now(), ahead))
    }

    /// The time by the clock of an owner: the sandbox's, or real time for live money.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn time_of(&self, owner: Owner) -> Result<Timestamp, StoreError> {
        match owner.mode {
            Mode::Sandbox => self.clock(owner.merchant).await.map(|clock| clock.now),
            Mode::Live => Ok(self.parts.host.now()),
        }
    }

    /// Whether it still takes requests: not after it was shut down, nor after a defect has ended one of its tasks.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.tasks().all(Running::is_running)
    }

    /// Its tasks, in the order in which they are stopped.
    fn tasks(&self) -> impl Iterator<Item = &Running> {
        self.lookout.iter().chain([&self.keeper, &self.worker]).chain(&self.batchers)
    }

    /// The store, for reading. What it shows includes everything that was answered.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    /// What the engine runs on.
    #[must_use]
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.parts.host
    }

    /// What adds and changes merchants and keys, whose texts are hashed by this keyring.
    #[must_use]
    pub fn registry(&self, keyring: Keyring) -> Registry {
        Registry::new(self.parts.clone(), self.ids.clone(), keyring).ringing(self.bells.clone())
    }

    /// Starts what tells webhook endpoints, whose secrets follow from this keyring. It must be stopped before the engine is.
    #[must_use]
    pub fn courier(&self, keyring: Keyring, post: Arc<dyn Post>) -> Courier {
        Courier::start(self.parts.clone(), self.ids.clone(), self.bells.clone(), keyring, post)
    }

    /// The bells of the streams of events, which ring when something was committed here.
    #[must_use]
    pub const fn bells(&self) -> &Bells {
        &self.bells
    }

    /// Fresh ids.
    #[must_use]
    pub fn ids(&self) -> &dyn Ids {
        self.ids.as_ref()
    }

    /// What the operator has set.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.parts.config
    }

    /// Starts nothing new, answers what waits, ends the tasks and closes the store. Clocks stop first; the worker goes before
    /// the batchers, so that what it has under way can still be booked.
    pub async fn shut_down(&self) {
        for task in self.tasks() {
            task.stop().await;
        }
        self.parts.store.close().await;
    }
}

/// Puts something in a queue, or says why not.
pub(crate) fn offer<T>(queue: &mpsc::Sender<T>, submission: T) -> Result<(), Unavailable> {
    queue.try_send(submission).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => Unavailable::Overloaded,
        mpsc::error::TrySendError::Closed(_) => Unavailable::Closing,
    })
}

/// Waits until a flag is raised, or whoever could raise it is gone.
pub(crate) async fn raised(flag: &mut watch::Receiver<bool>) {
    drop(flag.wait_for(|raised| *raised).await);
}

/// A task that runs until it is told to stop, which its drop does too.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    done: ending::Done,
}

impl Running {
    /// Starts a task, which is given the flag that tells it to stop.
    pub(crate) fn start<F>(host: &dyn Host, task: impl FnOnce(watch::Receiver<bool>) -> F) -> Running
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let (ends, done) = ending::pair();
        let task = task(stopped);
        host.spawn(Box::pin(async move {
            task.await;
            drop(ends);
        }));
        Running { stop, done }
    }

    /// Whether it has not come to its end, by itself or by a defect.
    pub(crate) fn is_running(&self) -> bool {
        self.done.is_waiting()
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        self.done.wait().await;
    }
}

impl Drop for Running {
    /// Tells it to stop, without waiting.
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// A flag that is raised by dropping its other half, so that it is raised however a task ends.
pub(crate) mod ending {
    use tokio::sync::watch;

    /// Held by the task.
    pub(crate) struct Ends(#[expect(dead_code, reason = "its drop is the signal")] watch::Sender<()>);

    /// Waits for the task.
    pub(crate) struct Done(watch::Receiver<()>);

    pub(crate) fn pair() -> (Ends, Done) {
        let (sender, receiver) = watch::channel(());
        (Ends(sender), Done(receiver))
    }

    impl Done {
        pub(crate) fn is_waiting(&self) -> bool {
            self.0.has_changed().is_ok()
        }

        pub(crate) async fn wait(&self) {
            let mut receiver = self.0.clone();
            while receiver.changed().await.is_ok() {}
        }
    }
}
