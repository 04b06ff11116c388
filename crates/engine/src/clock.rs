//! The sandbox's clock: moved forward for one merchant, from one due job to the next, so that each is done at its own time.
//!
//! How far a clock is ahead is the store's to know. Here is only whoever moves it: one task, in which the clocks of different
//! merchants move side by side, and those of one merchant one after the other. Where several gateways share a store, whoever moves a
//! clock has a lease of it, so that two moves do not get in each other's way, nor one key move it at two gateways.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use escrow::limits::MAX_CLOCK_AHEAD_S;
use escrow::{MerchantId, Mode, Owner, RawId, Span, Timestamp};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::{ClockClaim, ClockMove, Outcome, StoreError, Unit, Waiting, Wanted};
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};

use crate::batch::{self, Listeners};
use crate::engine::{Parts, raised};
use crate::request::{Answer, Idempotency, Rendered, Unavailable};

/// How many jobs one move waits for. The rest of what fell due is done after it, by a clock that has arrived already.
const MOST_AWAITED: usize = 10_000;

/// How many jobs are looked at in one go.
const AT_ONCE: usize = 256;

/// How long to wait for jobs that fell due at the same time. What takes longer is left to its own attempts.
const JOB_PATIENCE: Span = Span::from_seconds(10);

/// How often to look whether another process has done a job: what this one has done, it says.
const LOOK_EVERY: Span = Span::from_ms(50);

/// How long a clock is a gateway's alone, unless it says so again: longer than it waits at any place on the way.
const LEASE: Span = Span::from_seconds(30);

/// The clock of a merchant's sandbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// What it shows.
    pub now: Timestamp,
    /// How far it is ahead of real time.
    pub ahead: Span,
}

impl Clock {
    /// The clock that is so far ahead at this time.
    pub(crate) const fn at(real: Timestamp, ahead: Span) -> Clock {
        Clock { now: real.after(ahead), ahead }
    }
}

/// A clock would be further ahead of real time than [`MAX_CLOCK_AHEAD_S`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFarAhead {
    /// How far it is ahead now.
    pub ahead: Span,
}

/// Turns what became of a move into the answer that the caller gets and an idempotency key remembers.
pub type RenderClock = Arc<dyn Fn(Result<Clock, TooFarAhead>) -> Rendered + Send + Sync>;

/// A clock is to be moved forward.
#[derive(Clone)]
pub struct AdvanceClock {
    /// Whose; that of the sandbox, since live money has real time.
    pub merchant: MerchantId,
    /// How far.
    pub by: Span,
    /// The idempotency key, where one was sent.
    pub idempotency: Option<Idempotency>,
    /// How to answer.
    pub render: RenderClock,
}

/// What is asked of the keeper, and where to answer.
pub(crate) struct Asked {
    pub(crate) what: AdvanceClock,
    pub(crate) answer: oneshot::Sender<Result<Answer, Unavailable>>,
}

/// The task that moves clocks.
pub(crate) struct Keeper {
    hands: Arc<Hands>,
    queue: mpsc::Receiver<Asked>,
    stop: watch::Receiver<bool>,
    /// Who moves a merchant's clock holds its lock.
    turns: BTreeMap<MerchantId, Arc<Mutex<()>>>,
}

/// Moves single clocks.
struct Hands {
    parts: Parts,
    /// By which the store knows who moves a clock.
    id: RawId,
    /// The worker, and whoever follows a stream.
    listeners: Listeners,
    /// Says that the worker is done with a job, for this time.
    carried: Arc<Notify>,
}

impl Keeper {
    pub(crate) fn new(
        (parts, id): (Parts, RawId),
        queue: mpsc::Receiver<Asked>,
        stop: watch::Receiver<bool>,
        listeners: Listeners,
        carried: Arc<Notify>,
    ) -> Keeper {
        let hands = Arc::new(Hands { parts, id, listeners, carried });
        Keeper { hands, queue, stop, turns: BTreeMap::new() }
    }

    /// Serves until it is told to stop; clocks that are on their way then stay where they are, and are anybody's to move.
    pub(crate) async fn run(mut self) {
        self.serve().await;
        for merchant in self.turns.keys() {
            self.hands.give_back(*merchant).await;
        }
    }

    async fn serve(&mut self) {
        let mut moving = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = raised(&mut self.stop) => return,
                Some(()) = moving.next() => {}
                Some(asked) = self.queue.recv() => {
                    let (hands, turn) = (self.hands.clone(), self.turn(asked.what.merchant));
                    moving.push(async move {
                        let _turn = turn.lock().await;
                        let answer = hands.advance(asked.what).await;
                        // A caller who has gone away reads the answer under its idempotency key.
                        drop(asked.answer.send(answer));
                    });
                }
            }
        }
    }

    fn turn(&mut self, merchant: MerchantId) -> Arc<Mutex<()>> {
        self.turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        self.turns.entry(merchant).or_default().clone()
    }
}

impl Hands {
    async fn advance(&self, asked: AdvanceClock) -> Result<Answer, Unavailable> {
        let merchant = asked.merchant;
        let unmoved = |error: StoreError| failed(&error, Unavailable::Store(error.to_string()));
        let token = self.take(merchant).await.map_err(unmoved)?;
        let looked_up = self.look_up(sandbox(merchant), asked.idempotency.as_ref()).await.map_err(unmoved);
        let answer = match looked_up {
            Ok((_, Some(known))) => Ok(known),
            Ok((ahead, None)) => self.go(asked, ahead, token).await,
            Err(why) => Err(why),
        };
        self.give_back(merchant).await;
        answer
    }

    /// Waits until nobody else moves a clock, and gives the token of its lease.
    async fn take(&self, merchant: MerchantId) -> Result<u64, StoreError> {
        loop {
            if let Some(token) = self.claim(merchant).await? {
                return Ok(token);
            }
            self.parts.host.sleep(LOOK_EVERY).await;
        }
    }

    /// Says that the clock is this gateway's to move, from now on or still, and gives the token of its lease.
    async fn claim(&self, merchant: MerchantId) -> Result<Option<u64>, StoreError> {
        let Parts { store, host, .. } = &self.parts;
        if !store.is_shared() {
            // Nobody else is there who could move it.
            return Ok(Some(0));
        }
        let now = host.now();
        store.claim_clock(ClockClaim { merchant, by: self.id, now, until: now.after(LEASE) }).await
    }

    async fn give_back(&self, merchant: MerchantId) {
        if self.parts.store.is_shared()
            && let Err(error) = self.parts.store.release_clock(merchant, self.id).await
        {
            tracing::warn!(%error, "a clock was not given back; its lease will run out");
        }
    }

    /// Moves a clock that is so far ahead, unless it would go too far.
    async fn go(&self, asked: AdvanceClock, ahead: Span, token: u64) -> Result<Answer, Unavailable> {
        let interrupted = |error: StoreError| failed(&error, Unavailable::Interrupted);
        let AdvanceClock { merchant, by, idempotency, render } = asked;
        let after = Span::from_ms(ahead.ms().saturating_add(by.ms()));
        let is_too_far = after > Span::from_seconds(MAX_CLOCK_AHEAD_S);
        let left =
            if is_too_far { None } else { Some(self.work_through(merchant, by, token).await.map_err(interrupted)?) };
        let now = self.parts.host.now();
        let result = if is_too_far { Err(TooFarAhead { ahead }) } else { Ok(Clock::at(now, after)) };
        let answer = render(result);
        let remembered = idempotency.as_ref().map(|sent| sent.reply(&answer, now));
        let clock = left.map(|by| ClockMove { merchant, by, token });
        // The reply is stored with the last step: then the whole of the way is behind, and no key moves a clock twice.
        let arrival = Unit { clock, replies: remembered.into_iter().collect(), ..Unit::default() };
        // If all of the way was in this step, the key tells whether it was made. If not, the clock must be looked at first.
        let is_told_by_key = idempotency.is_some() && left.is_none_or(|left| left == by);
        let outcome = self.commit(arrival).await.map_err(|error| match error {
            StoreError::InDoubt if is_told_by_key => failed(&error, Unavailable::TimedOut),
            StoreError::InDoubt | StoreError::Unavailable(_) | StoreError::Damaged(_) | StoreError::UnknownCursor => {
                interrupted(error)
            }
        })?;
        self.listeners.scheduled.notify_one();
        if outcome == Outcome::Committed {
            return Ok(Answer::Decided(Rendered { kept: None, ..answer }));
        }
        // Something else has taken the key meanwhile, or another gateway the clock.
        let taken = self.look_up(sandbox(merchant), idempotency.as_ref()).await.map_err(interrupted)?.1;
        taken.ok_or_else(|| interrupted(overtaken()))
    }

    /// How far a clock is ahead, and what was answered under an idempotency key before.
    async fn look_up(&self, owner: Owner, sent: Option<&Idempotency>) -> Result<(Span, Option<Answer>), StoreError> {
        let replies = sent.map(|sent| (sent.owner, sent.key.clone())).into_iter().collect();
        let wanted = Wanted { replies, clocks: vec![owner], ..Wanted::default() };
        let loaded = batch::load(&self.parts, &wanted).await?;
        let ahead = loaded.clocks.get(&owner).copied().unwrap_or(Span::from_ms(0));
        let known = loaded.replies.into_iter().flatten().next();
        let answer = known.zip(sent).map(|(reply, sent)| batch::answer_again(&reply, sent));
        Ok((ahead, answer))
    }

    /// Moves a clock to each job that falls due on the way, in this order, and waits there until it is done or must be tried again.
    /// Gives what is left of the way behind the last one.
    async fn work_through(&self, merchant: MerchantId, by: Span, token: u64) -> Result<Span, StoreError> {
        let Parts { store, host, .. } = &self.parts;
        let (mut left, mut tried) = (by, BTreeSet::new());
        while tried.len() < MOST_AWAITED {
            if self.claim(merchant).await? != Some(token) {
                return Err(overtaken());
            }
            let now = host.now();
            let mut jobs = store.sandbox_jobs(merchant, now.after(left), tried.len() + AT_ONCE).await?;
            jobs.retain(|job| !tried.contains(&name(job)));
            let Some(first) = jobs.first() else { break };
            // Those that are under way already come first: the clock stands still until they have ended.
            let until = first.run_at.unwrap_or(now).max(now);
            let is_next = |job: &Waiting| if first.run_at.is_none() { job.run_at.is_none() } else { job.is_due(until) };
            let next: BTreeSet<JobName> = jobs.iter().filter(|job| is_next(job)).map(name).collect();
            let step = Span::from_ms(until.ms() - now.ms());
            if step > Span::from_ms(0) {
                let clock = Some(ClockMove { merchant, by: step, token });
                if self.commit(Unit { clock, ..Unit::default() }).await? != Outcome::Committed {
                    return Err(overtaken());
                }
                left = Span::from_ms(left.ms() - step.ms());
            }
            self.wait_for(merchant, &next, tried.len() + AT_ONCE).await?;
            tried.extend(next);
        }
        Ok(left)
    }

    /// Waits until each of these jobs was tried, as long as that takes a reasonable time.
    async fn wait_for(&self, merchant: MerchantId, jobs: &BTreeSet<JobName>, limit: usize) -> Result<(), StoreError> {
        let Parts { store, host, .. } = &self.parts;
        let mut patience = pin!(host.sleep(JOB_PATIENCE));
        loop {
            let mut carried = pin!(self.carried.notified());
            carried.as_mut().enable();
            self.listeners.scheduled.notify_one();
            let waiting = store.sandbox_jobs(merchant, host.now(), limit).await?;
            let are_all_seen = waiting.len() < limit;
            if are_all_seen && !waiting.iter().any(|job| jobs.contains(&name(job))) {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = &mut patience => {
                    tracing::warn!(%merchant, jobs = jobs.len(), "a clock moves on before all that fell due is done");
                    return Ok(());
                }
                () = carried => {}
                () = host.sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn commit(&self, unit: Unit) -> Result<Outcome, StoreError> {
        let moved = unit.clock.map(|moved| sandbox(moved.merchant));
        let committed = self.parts.store.commit(vec![unit]).await;
        // What webhook endpoints are to be told again may be due, if the clock has moved or that is in doubt.
        moved.into_iter().for_each(|owner| self.listeners.bells.ring(owner));
        Ok(committed?.first().copied().unwrap_or(Outcome::Lost))
    }
}

/// Notes that the store failed; `told` is what the caller hears of it.
fn failed(error: &StoreError, told: Unavailable) -> Unavailable {
    tracing::error!(%error, "a clock cannot be moved");
    told
}

/// Why a clock stopped whose lease ran out.
fn overtaken() -> StoreError {
    StoreError::Unavailable("another gateway moves the clock by now".to_owned())
}

/// The sandbox of a merchant.
pub(crate) const fn sandbox(merchant: MerchantId) -> Owner {
    Owner { merchant, mode: Mode::Sandbox }
}

/// What tells a job from all others, and from itself when it is scheduled again.
type JobName = (escrow::IntentId, escrow::Duty, Timestamp);

const fn name(job: &Waiting) -> JobName {
    (job.intent, job.duty, job.due)
}
