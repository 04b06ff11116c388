//! Group commit: whatever waits is decided one after the other and committed at once, one independent unit per escrow.
//!
//! While a batch is being committed the next one gathers, so that batches grow with the load and one fsync serves them all.
//!
//! There may be several lanes side by side, each with a batcher of its own, and other gateways beside this one. Nothing is decided on
//! what only one of them knows: where two meet, in an escrow, an idempotency key or a job, one of them has its unit back from the store
//! as lost, loads what is there now, and decides again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use escrow::{Actor, IntentId, Mode, Owner, Rejection, Span, Timestamp, planted};
use store::{Lease, Loaded, Outcome, Reply, Store, StoreError, Unit, Versioned, Wanted};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::bells::Bells;
use crate::engine::{Parts, raised};
use crate::ids::FreshIds;
use crate::meter::{self, Stage};
use crate::request::{Answer, Ask, Idempotency, Reach, Render, Rendered, Unavailable};
use kept::Kept;
use plan::Plan;
pub(crate) use queues::Queues;

mod kept;
mod plan;
mod queues;

/// How often a command is decided again after another one came first, before its caller is told to try later.
const MAX_TRIES: u32 = 16;

/// A command on its way through the engine.
pub(crate) struct Submission {
    ask: Ask,
    source: Source,
    /// When it was asked, by [`crate::Host::ticks_us`].
    asked_us: i64,
    tries: u32,
    /// Whether it must have a batch to itself, so that a refusal by the store can be laid at its door alone.
    alone: bool,
}

/// Who sent a command, and waits for what became of it.
pub(crate) enum Source {
    /// Somebody outside.
    Caller {
        /// Whose intents they may speak of.
        reach: Reach,
        /// Who.
        by: Actor,
        /// Under which key.
        idempotency: Option<Idempotency>,
        /// How to answer.
        render: Render,
        /// Raised while it waits for another one under the same key.
        is_held_back: Arc<AtomicBool>,
        /// Where to.
        answer: oneshot::Sender<Result<Answer, Unavailable>>,
    },
    /// A worker, with the result of a job.
    Job {
        /// Its right to report it.
        lease: Lease,
        /// Where to say what the domain made of it.
        answer: oneshot::Sender<Result<Result<(), Rejection>, Unavailable>>,
    },
}

impl Submission {
    pub(crate) const fn new(ask: Ask, source: Source, asked_us: i64) -> Submission {
        Submission { ask, source, asked_us, tries: 0, alone: false }
    }

    /// Whose clock is to be known, where the escrow cannot tell: it does not exist yet.
    const fn opened_for(&self) -> Option<Owner> {
        match &self.ask {
            Ask::Open(new) => Some(new.owner),
            Ask::Decide(..) => None,
        }
    }

    const fn intent(&self) -> IntentId {
        match &self.ask {
            Ask::Open(new) => new.id,
            Ask::Decide(intent, _) => *intent,
        }
    }

    fn reply_key(&self) -> Option<(Owner, String)> {
        match &self.source {
            Source::Caller { idempotency, .. } => idempotency.as_ref().map(|known| (known.owner, known.key.clone())),
            Source::Job { .. } => None,
        }
    }

    /// Whether whoever sent it has stopped waiting.
    fn is_abandoned(&self) -> bool {
        match &self.source {
            Source::Caller { answer, .. } => answer.is_closed(),
            Source::Job { answer, .. } => answer.is_closed(),
        }
    }

    /// Notes that it waits for another one under the same key.
    fn held_back(self) -> Submission {
        if let Source::Caller { is_held_back, .. } = &self.source {
            is_held_back.store(true, Ordering::Relaxed);
        }
        self
    }

    fn answer(self, answer: Answer) {
        if let Source::Caller { answer: sender, .. } = self.source {
            // A caller who has gone away reads the answer under its idempotency key.
            let _ = sender.send(Ok(answer));
        }
    }

    fn fail(self, why: Unavailable) {
        match self.source {
            Source::Caller { answer, .. } => drop(answer.send(Err(why))),
            Source::Job { answer, .. } => drop(answer.send(Err(why))),
        }
    }
}

/// The task that decides and commits what comes in one lane.
pub(crate) struct Batcher {
    parts: Parts,
    ids: Arc<FreshIds>,
    queue: mpsc::Receiver<Submission>,
    /// The queues of all lanes, whose lengths are measured together.
    queues: Queues,
    /// What must wait for the next batch; older than anything in the queue.
    held: VecDeque<Submission>,
    /// Escrows that nobody else can have changed: what is asked of them is always asked here. Nothing where others share the store.
    kept: Kept<Versioned>,
    stop: watch::Receiver<bool>,
    listeners: Listeners,
}

/// Who is told of what was committed.
pub(crate) struct Listeners {
    /// The worker: there may be new jobs.
    pub(crate) scheduled: Arc<Notify>,
    /// Those who follow streams of events.
    pub(crate) bells: Bells,
}

impl Batcher {
    pub(crate) fn new(
        parts: Parts,
        ids: Arc<FreshIds>,
        (queue, queues): (mpsc::Receiver<Submission>, Queues),
        stop: watch::Receiver<bool>,
        listeners: Listeners,
    ) -> Batcher {
        Batcher { parts, ids, queue, queues, held: VecDeque::new(), kept: Kept::new(), stop, listeners }
    }

    /// Serves until it is told to stop and nothing waits any more.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.first().await {
            let batch = self.gather(first);
            if !batch.is_empty() {
                self.serve(batch).await;
            }
        }
    }

    async fn first(&mut self) -> Option<Submission> {
        if let Some(held) = self.held.pop_front() {
            return Some(held);
        }
        tokio::select! {
            biased;
            next = self.queue.recv() => next,
            () = raised(&mut self.stop) => {
                self.queue.close();
                self.queue.recv().await
            }
        }
    }

    /// Whatever else waits, up to the limit.
    fn gather(&mut self, first: Submission) -> Vec<Submission> {
        let limit = self.parts.config.batch_limit;
        let mut batch = Vec::new();
        let mut candidate = Some(first);
        while let Some(submission) = candidate {
            if submission.is_abandoned() {
                // Nobody waits, and nothing has been done: it did not happen.
            } else if submission.alone && !batch.is_empty() {
                self.held.push_front(submission);
                break;
            } else {
                let fills_the_batch = submission.alone || batch.len() + 1 >= limit;
                batch.push(submission);
                if fills_the_batch {
                    break;
                }
            }
            candidate = self.held.pop_front().or_else(|| self.queue.try_recv().ok());
        }
        batch
    }

    async fn serve(&mut self, batch: Vec<Submission>) {
        meter::batch(batch.len(), self.queues.waiting() + self.held.len());
        let begun_us = self.parts.host.ticks_us();
        batch.iter().for_each(|submission| meter::stage(Stage::Queue, begun_us - submission.asked_us));
        let mut wanted = wanted(&batch);
        let known = self.known(&mut wanted);
        let loaded = match load(&self.parts, &wanted).await {
            Ok(loaded) => loaded,
            Err(StoreError::Damaged(_)) if batch.len() > 1 => return self.hold_each_alone(batch),
            Err(error) => {
                tracing::error!(%error, "what a batch needs cannot be read");
                let why = Unavailable::Store(error.to_string());
                return batch.into_iter().for_each(|submission| submission.fail(why.clone()));
            }
        };
        let loaded_us = self.parts.host.ticks_us();
        meter::stage(Stage::Load, loaded_us - begun_us);
        let mut plans = self.decide(batch, known, wanted, loaded);
        meter::stage(Stage::Decide, self.parts.host.ticks_us() - loaded_us);
        let undecided = |plan: &mut Plan| !plan.needs_commit();
        for mut plan in plans.extract_if(.., undecided) {
            keep(&mut self.kept, self.parts.store.as_ref(), &mut plan);
            plan.deliver();
        }
        if !plans.is_empty() {
            self.commit(plans).await;
        }
    }

    /// Decides every submission in turn, each on the state that the ones before it left. Those that are answered by what was
    /// loaded are answered at once.
    ///
    /// They are decided escrow by escrow, in the order of the units that are committed: then ids grow in the order in which
    /// transfers are booked, and the ledger lists them so. Between escrows any order is as good as another. (That holds for one lane of
    /// one gateway. Batches that are under way side by side draw their ids before either is booked: what was booked within the
    /// same moments is listed by when it was decided, and the balance after one entry need not be that before the next.)
    ///
    /// Of several under one idempotency key one is decided; the others are held for the next batch, which finds its reply. Those that are
    /// under way elsewhere are found out by the store.
    fn decide(
        &mut self,
        mut batch: Vec<Submission>,
        known: Vec<Versioned>,
        wanted: Wanted,
        loaded: Loaded,
    ) -> Vec<Plan> {
        batch.sort_by_key(Submission::intent);
        let replies: BTreeMap<_, _> = wanted.replies.into_iter().zip(loaded.replies).collect();
        let mut plans: BTreeMap<IntentId, Plan> =
            wanted.escrows.into_iter().zip(loaded.escrows).map(|(intent, base)| (intent, Plan::new(base))).collect();
        plans.extend(known.into_iter().map(|base| (base.escrow.id, Plan::new(Some(base)))));
        let mut taken = BTreeSet::new();
        for submission in batch {
            let key = submission.reply_key();
            let known = key.as_ref().and_then(|key| replies.get(key)).and_then(Option::as_ref);
            match (known, plans.get_mut(&submission.intent())) {
                (Some(reply), _) => replay(submission, reply),
                (None, _) if key.is_some_and(|key| !taken.insert(key)) => self.held.push_back(submission.held_back()),
                (None, Some(plan)) => {
                    let owner = plan.owner().or(submission.opened_for());
                    let ahead = owner.and_then(|owner| loaded.clocks.get(&owner));
                    plan.decide(submission, ahead.copied().unwrap_or(Span::from_ms(0)), &self.parts, &self.ids);
                }
                (None, None) => submission.answer(Answer::NotFound),
            }
        }
        plans.into_values().collect()
    }

    /// The escrows that are wanted and need not be read, of which the clocks are wanted all the same.
    fn known(&mut self, wanted: &mut Wanted) -> Vec<Versioned> {
        let mut known = Vec::new();
        wanted.escrows.retain(|intent| match self.kept.take(*intent) {
            Some(escrow) => {
                known.push(escrow);
                false
            }
            None => true,
        });
        let owners =
            known.iter().map(|known: &Versioned| known.escrow.owner).filter(|owner| owner.mode == Mode::Sandbox);
        let clocks: BTreeSet<Owner> = wanted.clocks.drain(..).chain(owners).collect();
        wanted.clocks = clocks.into_iter().collect();
        known
    }

    async fn commit(&mut self, mut plans: Vec<Plan>) {
        let units: Vec<Unit> = plans.iter_mut().map(Plan::unit).collect();
        let streams: BTreeSet<Owner> = units.iter().filter_map(stream).collect();
        let begun_us = self.parts.host.ticks_us();
        let committed = self.parts.store.commit(units).await;
        meter::commit(plans.len(), self.parts.host.ticks_us() - begun_us);
        let outcomes = match committed {
            Ok(outcomes) => outcomes,
            Err(StoreError::InDoubt) if planted!(DoubtAnswered) => vec![Outcome::Committed; plans.len()],
            Err(StoreError::Unavailable(_)) if planted!(RefusalAnswered) => vec![Outcome::Committed; plans.len()],
            Err(error) => {
                tracing::error!(%error, "a batch was not committed, as far as is known");
                let why = Unavailable::uncommitted(&error);
                plans.into_iter().for_each(|plan| plan.fail(&why));
                return self.tell_listeners(streams);
            }
        };
        for (mut plan, outcome) in plans.into_iter().zip(outcomes) {
            if outcome == Outcome::Committed {
                keep(&mut self.kept, self.parts.store.as_ref(), &mut plan);
            }
            match outcome {
                Outcome::Committed if planted!(ClosingDenied) && *self.stop.borrow() => {
                    plan.fail(&Unavailable::Closing)
                }
                Outcome::Committed => plan.deliver(),
                Outcome::Lost => self.try_again(plan),
                Outcome::TotalTooLarge => self.refuse(plan, Rejection::BalanceTooLarge).await,
                Outcome::TransactionTaken => self.refuse(plan, Rejection::TransactionTaken).await,
            }
        }
        self.tell_listeners(streams);
    }

    /// Tells those who listen that there may be something new, in doubt too.
    fn tell_listeners(&self, streams: BTreeSet<Owner>) {
        self.listeners.scheduled.notify_one();
        streams.into_iter().for_each(|owner| self.listeners.bells.ring(owner));
    }

    /// Somebody else came first: all commands of the unit, refused ones too, are decided again on what is there now. It may have
    /// been a job's lease that was lost, which no retry brings back: results of jobs are tried again by themselves.
    fn try_again(&mut self, plan: Plan) {
        for mut submission in plan.into_submissions().into_iter().rev() {
            submission.tries += 1;
            submission.alone |= matches!(submission.source, Source::Job { .. });
            if submission.tries < MAX_TRIES {
                self.held.push_front(submission);
            } else {
                submission.fail(Unavailable::Store("too many others change the same payment intent".to_owned()));
            }
        }
    }

    /// Gives each a batch of its own, in this order, so that what is wrong with one is no other's trouble.
    fn hold_each_alone(&mut self, submissions: Vec<Submission>) {
        let alone = submissions.into_iter().map(|submission| Submission { alone: true, ..submission });
        alone.rev().for_each(|submission| self.held.push_front(submission));
    }

    /// What the commands come to is more than the store can take. One command is refused for it; several are tried again one by one.
    async fn refuse(&mut self, plan: Plan, why: Rejection) {
        let submissions = plan.into_submissions();
        if submissions.len() > 1 {
            return self.hold_each_alone(submissions);
        }
        let mut plan = Plan::new(None);
        for submission in submissions {
            plan.refuse(submission, why.clone(), self.parts.host.now());
        }
        match self.parts.store.commit(vec![plan.unit()]).await {
            Ok(outcomes) if outcomes == [Outcome::Committed] => plan.deliver(),
            // Another gateway took the idempotency key meanwhile.
            Ok(_) => self.try_again(plan),
            Err(error) => plan.fail(&Unavailable::uncommitted(&error)),
        }
    }
}

/// Keeps an escrow as it is stored now, unless others may change it.
fn keep(kept: &mut Kept<Versioned>, store: &dyn Store, plan: &mut Plan) {
    if !store.is_shared()
        && let Some(escrow) = plan.stored()
    {
        kept.put(escrow.escrow.id, escrow);
    }
}

/// Loads what a batch needs. A reply past its time is forgotten first: its key is free again.
pub(crate) async fn load(parts: &Parts, wanted: &Wanted) -> Result<Loaded, StoreError> {
    let mut loaded = parts.store.load(wanted.clone()).await?;
    let oldest = Timestamp::from_ms(parts.host.now().ms() - parts.config.reply_lifetime.ms());
    let is_expired = |reply: &Option<Reply>| reply.as_ref().is_some_and(|reply| reply.created < oldest);
    if loaded.replies.iter().any(is_expired) {
        parts.store.forget_replies(oldest).await?;
        for reply in loaded.replies.iter_mut().filter(|reply| is_expired(reply)) {
            *reply = None;
        }
    }
    Ok(loaded)
}

/// The stream that a unit's events are in.
fn stream(unit: &Unit) -> Option<Owner> {
    unit.change.as_ref().map(|change| change.next.owner)
}

fn wanted(batch: &[Submission]) -> Wanted {
    let escrows: BTreeSet<IntentId> = batch.iter().map(Submission::intent).collect();
    let replies: BTreeSet<(Owner, String)> = batch.iter().filter_map(Submission::reply_key).collect();
    let clocks: BTreeSet<Owner> = batch.iter().filter_map(Submission::opened_for).collect();
    Wanted {
        escrows: escrows.into_iter().collect(),
        replies: replies.into_iter().collect(),
        clocks: clocks.into_iter().collect(),
        ..Wanted::default()
    }
}

fn replay(submission: Submission, reply: &Reply) {
    let answer = match &submission.source {
        Source::Caller { idempotency: Some(sent), .. } => answer_again(reply, sent),
        Source::Caller { idempotency: None, .. } | Source::Job { .. } => Answer::KeyReused,
    };
    submission.answer(answer);
}

/// The answer to a request whose idempotency key was used before.
pub(crate) fn answer_again(reply: &Reply, sent: &Idempotency) -> Answer {
    if sent.fingerprint == reply.fingerprint {
        Answer::Replayed(Rendered { status: reply.status, body: reply.body.clone(), kept: None })
    } else {
        Answer::KeyReused
    }
}
