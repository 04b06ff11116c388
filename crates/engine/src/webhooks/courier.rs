//! The courier tells webhook endpoints what happens: one lane for each that it holds, none of which waits for another.
//!
//! Every endpoint that is enabled is held by one courier of all gateways that share the store, under a lease that it renews. A courier
//! that stops gives back what it holds; of one that is gone, or stands still, the leases end, and others take over.

use std::collections::BTreeMap;
use std::sync::Arc;

use escrow::{EndpointId, Ids, RawId, Span, Timestamp};
use store::{EndpointClaim, EndpointLease, Store};
use tokio::sync::{Semaphore, mpsc, watch};

use super::lane::Lane;
use super::post::Post;
use super::recorder::{Note, Recorder};
use crate::bells::Bells;
use crate::engine::{Parts, Running, ending, raised};
use crate::host::Host;
use crate::ids::FreshIds;
use crate::keyring::Keyring;
use crate::present::Present;
use crate::registry::Registry;

/// How many calls may be under way at once beside the one that every endpoint may always have.
const SPARE_CALLS: usize = 256;

/// How long endpoints are a courier's alone, unless it says so again.
const LEASE: Span = Span::from_seconds(30);

/// It says so again when there is less left than this, so that others do not write with every look.
const RENEWED_BELOW: Span = Span::from_seconds(20);

/// How long to wait at most before looking for endpoints again, where they are made and changed by this process alone.
const LOOK_EVERY: Span = Span::from_seconds(5);

/// The same where other gateways make some and give some back.
const LOOK_EVERY_SHARED: Span = Span::from_seconds(1);

/// How many endpoints a gateway takes at once where others may want some too.
const TAKEN_AT_ONCE: usize = 32;

/// How long it leaves the rest to them.
const TAKE_PAUSE: Span = Span::from_ms(50);

/// How long to wait after the store failed.
const STORE_RETRY: Span = Span::from_ms(250);

/// How often what was delivered long ago is deleted.
const SWEEP_EVERY: Span = Span::from_seconds(3600);

/// How long after a sweep that left some over the next one comes.
const SWEEP_ON: Span = Span::from_ms(200);

/// How long deliveries are kept.
pub const KEPT: Span = Span::from_seconds(30 * 24 * 3600);

/// What the courier and its lanes work with.
pub(super) struct Office {
    pub(super) store: Arc<dyn Store>,
    pub(super) host: Arc<dyn Host>,
    pub(super) present: Arc<dyn Present>,
    pub(super) ids: Arc<FreshIds>,
    pub(super) bells: Bells,
    pub(super) keyring: Keyring,
    pub(super) registry: Registry,
    pub(super) post: Arc<dyn Post>,
    pub(super) notes: mpsc::UnboundedSender<Note>,
    /// Places for calls beside the one that every endpoint may always have. Nobody waits for one.
    pub(super) spare_calls: Arc<Semaphore>,
}

/// A running courier. It runs until [`Courier::stop`], or until it is dropped.
pub struct Courier {
    task: Running,
}

impl Courier {
    pub(crate) fn start(
        parts: Parts,
        ids: Arc<FreshIds>,
        bells: Bells,
        keyring: Keyring,
        post: Arc<dyn Post>,
    ) -> Courier {
        let Parts { store, host, present, .. } = parts.clone();
        let registry = Registry::new(parts, ids.clone(), keyring.clone()).ringing(bells.clone());
        let (recorder, notes) = Recorder::new(store.clone(), host.clone());
        let office = Office {
            store,
            host: host.clone(),
            present,
            ids: ids.clone(),
            bells,
            keyring,
            registry,
            post,
            notes,
            spare_calls: Arc::new(Semaphore::new(SPARE_CALLS)),
        };
        let id = ids.next();
        let task = Running::start(host.as_ref(), |stopped| async move {
            let until = Timestamp::from_ms(0);
            let dispatcher = Dispatcher { id, office: Arc::new(office), stopped, until, lanes: BTreeMap::new() };
            // The recorder ends when the lanes have, and the office with them.
            tokio::join!(dispatcher.run(), recorder.run());
        });
        Courier { task }
    }

    /// Makes no more calls, waits a little for those under way, notes what came of them, and leaves the endpoints to others.
    pub async fn stop(&self) {
        self.task.stop().await;
    }
}

/// The task that sees to it that every endpoint that the courier holds has a lane, and no other.
struct Dispatcher {
    /// By which the store knows who holds an endpoint.
    id: RawId,
    office: Arc<Office>,
    stopped: watch::Receiver<bool>,
    /// Until when endpoints are this courier's, as it last said.
    until: Timestamp,
    lanes: BTreeMap<EndpointId, OpenLane>,
}

/// A lane that tells an endpoint, or is coming to its end.
struct OpenLane {
    token: u64,
    /// Says until when it may call; nothing, when it may not any more.
    held: watch::Sender<Option<Timestamp>>,
    done: ending::Done,
}

impl Dispatcher {
    async fn run(mut self) {
        let mut bell = self.office.bells.listen_for_endpoints();
        let (ended, mut endings) = mpsc::channel(1);
        let mut next_sweep = self.office.host.now();
        while !*self.stopped.borrow() {
            bell.borrow_and_update();
            let mut nap = self.look(&ended).await;
            let now = self.office.host.now();
            if next_sweep <= now {
                next_sweep = now.after(self.sweep(now).await);
            }
            nap = nap.min(Span::from_ms(next_sweep.ms().saturating_sub(now.ms()).max(1)));
            tokio::select! {
                biased;
                () = raised(&mut self.stopped) => {}
                _ = bell.changed() => {}
                _ = endings.recv() => {}
                () = self.office.host.sleep(nap) => {}
            }
        }
        for lane in self.lanes.values() {
            lane.done.wait().await;
        }
        if let Err(error) = self.office.store.release_endpoints(self.id).await {
            tracing::warn!(%error, "webhook endpoints were not given back; their leases will run out");
        }
    }

    /// Says what the courier holds, opens the lanes that are missing and ends those of what it does not hold, and says when to look
    /// again.
    async fn look(&mut self, ended: &mpsc::Sender<()>) -> Span {
        self.lanes.retain(|_, lane| lane.done.is_waiting());
        let (now, is_shared) = (self.office.host.now(), self.office.store.is_shared());
        // Where the clock has stepped back, the end that was said before is too far away.
        let is_fitting = now.after(RENEWED_BELOW) <= self.until && self.until <= now.after(LEASE);
        let until = if is_fitting { self.until } else { now.after(LEASE) };
        let limit = if is_shared { TAKEN_AT_ONCE } else { usize::MAX };
        let leases = match self.office.store.claim_endpoints(EndpointClaim { by: self.id, now, until, limit }).await {
            Ok(leases) => leases,
            Err(error) => {
                tracing::warn!(%error, "webhook endpoints cannot be claimed");
                return STORE_RETRY;
            }
        };
        self.until = until;
        self.tell_lanes(&leases);
        let mut opened = 0;
        for lease in leases {
            if !self.lanes.contains_key(&lease.endpoint) {
                let lane = self.open(lease, ended.clone());
                self.lanes.insert(lease.endpoint, lane);
                opened += 1;
            }
        }
        match is_shared {
            true if opened >= limit => TAKE_PAUSE,
            true => LOOK_EVERY_SHARED,
            false => LOOK_EVERY,
        }
    }

    /// Tells every lane until when it may call. One whose endpoint is held under another lease, or not at all, comes to its end; only
    /// then there is another.
    fn tell_lanes(&self, leases: &[EndpointLease]) {
        let tokens: BTreeMap<EndpointId, u64> = leases.iter().map(|lease| (lease.endpoint, lease.token)).collect();
        for (endpoint, lane) in &self.lanes {
            let held = (tokens.get(endpoint) == Some(&lane.token)).then_some(self.until);
            lane.held.send_if_modified(|known| std::mem::replace(known, held) != held);
        }
    }

    fn open(&self, lease: EndpointLease, ended: mpsc::Sender<()>) -> OpenLane {
        let (held, hold) = watch::channel(Some(self.until));
        let lane = Lane::new(self.office.clone(), lease, hold, self.stopped.clone());
        let (ends, done) = ending::pair();
        self.office.host.spawn(Box::pin(async move {
            lane.run().await;
            drop(ends);
            // One that was enabled again meanwhile gets another lane. If there is word of another one already, that will do.
            let _ = ended.try_send(());
        }));
        OpenLane { token: lease.token, held, done }
    }

    /// Deletes some of what was delivered long ago, and says when to go on.
    async fn sweep(&self, now: Timestamp) -> Span {
        let before = Timestamp::from_ms(now.ms().saturating_sub(KEPT.ms()));
        match self.office.store.forget_deliveries(before).await {
            Ok(true) => SWEEP_ON,
            Ok(false) => SWEEP_EVERY,
            Err(error) => {
                tracing::warn!(%error, "old deliveries were not deleted");
                SWEEP_EVERY
            }
        }
    }
}
