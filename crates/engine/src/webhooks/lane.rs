//! A lane tells one endpoint its events: what comes behind its cursor in the stream, and what is to be tried again.
//!
//! The stream is the queue. A lane holds a small window of it, makes calls for several events at a time but one at a time for each
//! intent, and notes what came of them together with the place up to which nothing is left. Whatever was not noted before a crash is
//! told once more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use escrow::{DeliveryId, EndpointId, IntentId, Mode, Span, Timestamp, planted};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::{Attempt, Delivery, DeliveryState, Disabled, Endpoint, EndpointLease, Outbox, Progress, StoredEvent, Told};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

use super::courier::Office;
use super::post::{Call, Reached, Verdict};
use super::schedule::{self, PATIENCE};
use super::sign::{Secret, signed_headers};
use crate::engine::raised;
use crate::meter;
use crate::registry::Act;

/// How many calls to an endpoint may be under way at once.
pub const CALLS_AT_ONCE: usize = 8;

/// The same while it fails.
const FAILING_CALLS_AT_ONCE: usize = 1;

/// How many events, and how many deliveries to be tried again, are read at once.
const WINDOW: usize = 64;

/// More is read when no more than this many wait,
const LOW: usize = 16;

/// and no more than this many are in hand: those under way, and those that are not noted yet.
const MOST_IN_HAND: usize = 256;

/// How many calls of a delivery are kept: those of one round, and some that were asked for.
const KEPT_ATTEMPTS: usize = 16;

/// How long to wait at least between two looks at the stream, so that a busy one is not read for each event.
const LOOK_PAUSE: Span = Span::from_ms(50);

/// How long to wait at most, whatever was heard.
const LONGEST_NAP: Span = Span::from_seconds(60);

/// How often the place is noted that was reached without anything to tell.
const NOTE_PLACE_EVERY: Span = Span::from_seconds(60);

/// How long calls may go on that are under way when the courier stops. What they come to after that is not noted, and the events are
/// told again.
const LAST_CALLS: Span = Span::from_ms(1500);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A delivery to be made.
struct Work {
    delivery: Delivery,
    /// When it was its time, by its owner's clock.
    due: Timestamp,
    /// Whether it is the first call for this event.
    is_first: bool,
}

/// A call that was made.
struct Made {
    work: Work,
    verdict: Verdict,
    attempt: Attempt,
}

/// What an endpoint is called with.
#[derive(Clone)]
struct Terms {
    endpoint: Endpoint,
    ahead: Span,
    secret: Secret,
    /// The one before, which signs as well until the endpoint's grace is over.
    former: Option<Secret>,
}

/// What is being noted.
struct Noting {
    /// Says that it is.
    word: oneshot::Receiver<()>,
    deliveries: Vec<DeliveryId>,
    /// Whether a call for one of them is due before the lane would look by itself: a test clock may have passed it long ago.
    is_due_soon: bool,
}

/// The task that tells one endpoint.
pub(super) struct Lane {
    office: Arc<Office>,
    id: EndpointId,
    /// Under which lease it is called.
    token: u64,
    /// Until when it may be called; `None` when it may not any more.
    held: watch::Receiver<Option<Timestamp>>,
    bell: watch::Receiver<()>,
    stopped: watch::Receiver<bool>,
    /// As last read; `None` before.
    terms: Option<Terms>,
    /// The place up to which the stream was read.
    position: u64,
    /// The places of events that were read and are not noted yet.
    open: BTreeSet<u64>,
    /// The deliveries that wait, are under way, or are not noted yet, each with how often it had been asked for when it was read.
    in_hand: BTreeMap<DeliveryId, u32>,
    /// Whether one of them was asked for again since: then it is read again when it is noted, and nothing else would say so.
    is_asked_again: bool,
    waiting: VecDeque<Work>,
    /// What calls under way are about, where they are the first for their event.
    busy: BTreeSet<Option<IntentId>>,
    calls: FuturesUnordered<Boxed<Made>>,
    /// What calls came to, not handed in to be noted.
    done: Vec<Delivery>,
    /// What is being noted, with the word that it is.
    noting: Option<Noting>,
    progress: Progress,
    /// What was last handed in.
    noted: Progress,
    noted_at: Timestamp,
}

impl Lane {
    pub(super) fn new(
        office: Arc<Office>,
        lease: EndpointLease,
        held: watch::Receiver<Option<Timestamp>>,
        stopped: watch::Receiver<bool>,
    ) -> Lane {
        // Before anything is read: what comes after that is heard.
        let bell = office.bells.listen(lease.owner);
        let noted_at = office.host.now();
        Lane {
            office,
            id: lease.endpoint,
            token: lease.token,
            held,
            bell,
            stopped,
            terms: None,
            position: 0,
            open: BTreeSet::new(),
            in_hand: BTreeMap::new(),
            is_asked_again: false,
            waiting: VecDeque::new(),
            busy: BTreeSet::new(),
            calls: FuturesUnordered::new(),
            done: Vec::new(),
            noting: None,
            progress: Progress::default(),
            noted: Progress::default(),
            noted_at,
        }
    }

    /// Tells the endpoint until it is not enabled any more, the courier does not hold it any more, or stops.
    pub(super) async fn run(mut self) {
        loop {
            if *self.stopped.borrow() || self.held.borrow_and_update().is_none() {
                break;
            }
            self.bell.borrow_and_update();
            let Some(nap) = self.look().await else { break };
            if self.work(nap).await.is_break() {
                break;
            }
        }
        self.finish().await;
    }

    /// Whether the endpoint is this lane's to call. Whoever stands still for long, or cannot reach the store, finds that it is not.
    fn may_call(&self) -> bool {
        self.held.borrow().is_some_and(|until| self.office.host.now() < until)
    }

    /// Reads what is to be told, as far as there is room, and says how long to wait before the next look; `None` when the endpoint is
    /// told nothing any more.
    async fn look(&mut self) -> Option<Span> {
        let now = self.office.host.now();
        // Those in hand are among what is due; what is behind them must be seen all the same.
        let limit = if self.has_room() { WINDOW + self.in_hand.len() } else { 0 };
        let outbox = match self.office.store.outbox(self.id, self.position, now, limit).await {
            Ok(Some(outbox)) => outbox,
            Ok(None) => return None,
            Err(error) => {
                tracing::warn!(%error, endpoint = %self.id, "what a webhook endpoint is to be told cannot be read");
                return Some(Span::from_seconds(1));
            }
        };
        // What there was no room for, or what did not fit, rings no bell again: it is read as soon as there is room.
        let has_more = limit == 0 || outbox.has_more || outbox.due.len() >= limit;
        let own_now = now.after(outbox.ahead);
        let to_next = outbox.next_due.map_or(LONGEST_NAP, |due| Span::from_ms(due.ms().saturating_sub(own_now.ms())));
        self.take_in(outbox, own_now);
        Some(if has_more { Span::from_ms(0) } else { to_next.min(LONGEST_NAP).max(Span::from_ms(1)) })
    }

    fn has_room(&self) -> bool {
        self.waiting.len() <= LOW && self.in_hand.len() <= MOST_IN_HAND
    }

    fn take_in(&mut self, outbox: Outbox, own_now: Timestamp) {
        let Outbox { endpoint, ahead, fresh, position, due, .. } = outbox;
        if self.terms.is_none() {
            (self.progress, self.noted) = (endpoint.progress, endpoint.progress);
        } else if self.noting.is_none() && endpoint.progress.failing_since != self.noted.failing_since {
            // Somebody has enabled it again, which begins anew.
            self.progress.failing_since = endpoint.progress.failing_since;
            self.noted.failing_since = endpoint.progress.failing_since;
        }
        let keyring = &self.office.keyring;
        let former = (endpoint.previous_until.is_some() && endpoint.secret > 1).then(|| endpoint.secret - 1);
        self.terms = Some(Terms {
            secret: keyring.webhook_secret(endpoint.id, endpoint.secret),
            former: former.map(|number| keyring.webhook_secret(endpoint.id, number)),
            endpoint,
            ahead,
        });
        for event in fresh {
            self.open.insert(event.position);
            let delivery = self.fresh(event, own_now);
            self.in_hand.insert(delivery.id, delivery.asked);
            self.waiting.push_back(Work { delivery, due: own_now, is_first: true });
        }
        self.position = position;
        for delivery in due {
            let Some(due) = delivery.state.due() else { continue };
            match self.in_hand.get(&delivery.id) {
                Some(asked) => self.is_asked_again |= *asked < delivery.asked,
                None => {
                    self.in_hand.insert(delivery.id, delivery.asked);
                    self.waiting.push_back(Work { delivery, due, is_first: false });
                }
            }
        }
    }

    fn fresh(&self, event: StoredEvent, own_now: Timestamp) -> Delivery {
        let now = self.office.host.now();
        Delivery {
            id: DeliveryId::fresh(self.office.ids.as_ref()),
            endpoint: self.id,
            event,
            state: DeliveryState::Pending(own_now),
            tries: 0,
            asked: 0,
            heard: 0,
            attempts: Vec::new(),
            created: now,
            updated: now,
        }
    }

    /// Makes calls and notes what comes of them, until it is time to look again, or the endpoint is told no more.
    async fn work(&mut self, nap: Span) -> ControlFlow<()> {
        let host = self.office.host.clone();
        let mut pause = host.sleep(LOOK_PAUSE);
        let mut nap = host.sleep(nap);
        let (mut is_rested, mut is_heard) = (false, false);
        loop {
            self.start_calls();
            self.hand_in();
            let has_room = self.has_room();
            tokio::select! {
                biased;
                () = raised(&mut self.stopped) => return ControlFlow::Continue(()),
                told = self.held.changed() => {
                    if told.is_err() || self.held.borrow().is_none() {
                        return ControlFlow::Break(());
                    }
                }
                Some(made) = self.calls.next() => {
                    if let Some(why) = self.settle(made) {
                        self.disable(why).await;
                        return ControlFlow::Break(());
                    }
                }
                () = word(&mut self.noting) => {
                    if self.let_go() {
                        return ControlFlow::Continue(());
                    }
                }
                rung = self.bell.changed(), if !is_heard => is_heard = rung.is_ok(),
                () = &mut pause, if !is_rested => is_rested = true,
                () = &mut nap, if has_room => return ControlFlow::Continue(()),
            }
            if is_rested && is_heard {
                return ControlFlow::Continue(());
            }
        }
    }

    /// Starts the calls that there is room for: the first that waits whose intent has none under way.
    fn start_calls(&mut self) {
        let Some(terms) = self.terms.clone().filter(|_| self.may_call()) else { return };
        let at_once = if self.progress.failing_since.is_some() { FAILING_CALLS_AT_ONCE } else { CALLS_AT_ONCE };
        while self.calls.len() < at_once {
            // One call is every endpoint's own, so that none ever waits for others, however slow they are.
            let spare = match self.calls.len() {
                0 => None,
                _ => match self.office.spare_calls.clone().try_acquire_owned() {
                    Ok(spare) => Some(spare),
                    Err(_) => return,
                },
            };
            let is_busy = |work: &Work| self.busy.contains(&work.delivery.event.intent) && !planted!(CallsOverlap);
            let may_start = |work: &Work| !work.is_first || !is_busy(work);
            let Some(place) = self.waiting.iter().position(may_start) else { return };
            let Some(work) = self.waiting.remove(place) else { return };
            if work.is_first {
                self.busy.insert(work.delivery.event.intent);
            }
            self.calls.push(Box::pin(call(self.office.clone(), terms.clone(), work, spare)));
        }
    }

    /// Decides what a call comes to, and says why the endpoint is to be told no more, if that comes of it.
    fn settle(&mut self, made: Made) -> Option<Disabled> {
        let Made { work, verdict, attempt } = made;
        let Work { mut delivery, due, is_first } = work;
        if is_first {
            self.busy.remove(&delivery.event.intent);
        }
        // What was sent is not needed any more, and may be large.
        delivery.event.event.body = Vec::new();
        delivery.updated = self.office.host.now();
        delivery.heard = delivery.asked;
        delivery.tries = delivery.tries.saturating_add(u32::from(!attempt.is_manual));
        let latency_ms = attempt.latency_ms;
        delivery.attempts.push(attempt);
        let surplus = delivery.attempts.len().saturating_sub(KEPT_ATTEMPTS);
        delivery.attempts.drain(..surplus);
        // A test clock that has jumped leads through everything that was due on the way, each from when it was due.
        let at = match delivery.event.owner.mode {
            Mode::Sandbox => due,
            Mode::Live => delivery.updated,
        };
        let why = match verdict {
            Verdict::Failed { .. } if planted!(FailureCounts) => {
                delivery.state = DeliveryState::Succeeded;
                None
            }
            Verdict::Accepted => {
                (delivery.state, self.progress.failing_since) = (DeliveryState::Succeeded, None);
                None
            }
            Verdict::Gone => {
                delivery.state = DeliveryState::Failed;
                Some(Disabled::Gone)
            }
            Verdict::Failed { retry_after } => {
                let wait = schedule::wait(delivery.tries.max(1), self.random(), retry_after);
                delivery.state = wait.map_or(DeliveryState::Failed, |wait| DeliveryState::Pending(at.after(wait)));
                let since = *self.progress.failing_since.get_or_insert(at);
                (since.after(PATIENCE) <= at).then_some(Disabled::Failing)
            }
        };
        meter::webhook_call(delivery.state, latency_ms);
        self.done.push(delivery);
        why
    }

    fn random(&self) -> u16 {
        let mut bytes = [0; 2];
        self.office.host.random(&mut bytes);
        u16::from_be_bytes(bytes)
    }

    /// Has the endpoint told nothing any more. Where that fails, or is not this lane's to decide, the next call finds the same.
    async fn disable(&mut self, why: Disabled) {
        if !self.may_call() {
            return;
        }
        let act = Act::DisableEndpoint { id: self.id, why };
        match self.office.registry.act(&act).await {
            Ok(Ok(_)) => tracing::info!(endpoint = %self.id, why = why.name(), "a webhook endpoint was disabled"),
            Ok(Err(refused)) => tracing::warn!(endpoint = %self.id, %refused, "a webhook endpoint was not disabled"),
            Err(error) => tracing::warn!(endpoint = %self.id, %error, "a webhook endpoint was not disabled"),
        }
    }

    /// Hands in what there is to be noted, unless something is being noted.
    fn hand_in(&mut self) {
        if self.noting.is_some() {
            return;
        }
        for delivery in &self.done {
            self.open.remove(&delivery.event.position);
        }
        let first_open = self.open.first().filter(|_| !planted!(CursorAhead));
        self.progress.cursor = first_open.map_or(self.position, |first| first.saturating_sub(1));
        let now = self.office.host.now();
        let is_place_old = self.noted_at.after(NOTE_PLACE_EVERY) <= now && self.progress != self.noted;
        if self.done.is_empty() && !is_place_old {
            return;
        }
        let deliveries = std::mem::take(&mut self.done);
        let ids = deliveries.iter().map(|delivery| delivery.id).collect();
        let own_now = self.terms.as_ref().map_or(now, |terms| now.after(terms.ahead));
        let is_soon = |due: Timestamp| due < own_now.after(LONGEST_NAP);
        let is_due_soon = deliveries.iter().filter_map(|delivery| delivery.state.due()).any(is_soon);
        let (done, word) = oneshot::channel();
        // Where nobody notes any more, the courier is at its end, and the word comes at once.
        let told = Told { endpoint: self.id, token: self.token, progress: self.progress, deliveries };
        drop(self.office.notes.send((told, done)));
        (self.noted, self.noted_at) = (self.progress, now);
        self.noting = Some(Noting { word, deliveries: ids, is_due_soon });
    }

    /// Lets go of what was noted, and says whether some of that may be due again before the lane would look by itself.
    fn let_go(&mut self) -> bool {
        let Some(noted) = self.noting.take() else { return false };
        for id in &noted.deliveries {
            self.in_hand.remove(id);
        }
        std::mem::take(&mut self.is_asked_again) || noted.is_due_soon
    }

    /// Waits for the calls under way, which end by themselves, and until what came of them is noted; only a little when the courier
    /// stops.
    async fn finish(mut self) {
        self.waiting.clear();
        let host = self.office.host.clone();
        let mut is_stopped = *self.stopped.borrow();
        let mut patience = host.sleep(LAST_CALLS);
        loop {
            self.hand_in();
            if self.calls.is_empty() && self.noting.is_none() && self.done.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                Some(made) = self.calls.next() => {
                    if let Some(why) = self.settle(made) {
                        self.disable(why).await;
                    }
                }
                () = word(&mut self.noting) => {
                    // Nothing is looked for any more.
                    let _: bool = self.let_go();
                }
                () = raised(&mut self.stopped), if !is_stopped => {
                    is_stopped = true;
                    patience = host.sleep(LAST_CALLS);
                }
                () = &mut patience, if is_stopped => return,
            }
        }
    }
}

/// Waits for the word that something was noted; for ever, where nothing is.
async fn word(noting: &mut Option<Noting>) {
    match noting {
        // Whoever notes is gone with the courier.
        Some(Noting { word, .. }) => drop(word.await),
        None => std::future::pending().await,
    }
}

/// Makes a call.
async fn call(office: Arc<Office>, terms: Terms, work: Work, _spare: Option<OwnedSemaphorePermit>) -> Made {
    let (at, begun_ms) = (office.host.now(), office.host.ticks_ms());
    let event = &work.delivery.event;
    let is_told = work.is_first || !planted!(EmptyRetry);
    let body = if is_told { Bytes::from(office.present.served(event)) } else { Bytes::new() };
    let id = event.event.id.to_string();
    if work.is_first {
        // What happens to holders of keys is told in real time.
        let now = if event.intent.is_some() { at.after(terms.ahead) } else { at };
        meter::webhook_lag(now.ms().saturating_sub(event.event.created.ms()));
    }
    let is_in_grace = terms.endpoint.previous_until.is_some_and(|until| at < until);
    let former = terms.former.as_ref().filter(|_| is_in_grace);
    let headers = signed_headers(&id, at, &body, &terms.secret, former);
    let url = terms.endpoint.url.clone();
    let call = Call { url: url.clone(), mode: event.owner.mode, headers: headers.into(), body };
    let Reached { verdict, status, body, problem } = office.post.call(call).await;
    let latency_ms = office.host.ticks_ms().saturating_sub(begun_ms);
    let is_manual = work.delivery.asked > work.delivery.heard;
    Made { work, verdict, attempt: Attempt { at, url, status, body, problem, latency_ms, is_manual } }
}
