//! Duties that fell due: claimed with a lease, done outside any transaction, their results brought back as commands.

use std::sync::Arc;

use escrow::refund::RefundStatus;
use escrow::settlement::SettlementStatus;
use escrow::{Command, Duty, Rejection, Span, Timestamp, planted};
use store::{Job, StoreError};
use tokio::sync::{Notify, Semaphore, oneshot, watch};

use crate::batch::{Queues, Source, Submission};
use crate::engine::{Parts, raised};
use crate::ports::{Incoming, IncomingAnswer, PaymentAnswer, Payout, Repayment};
use crate::request::{Ask, Unavailable};

/// How many jobs are under way at once.
const MAX_UNDER_WAY: usize = 256;

/// How long to wait at most before looking for jobs again, whatever the store said about the next one.
const LONGEST_NAP: Span = Span::from_seconds(1);

/// How long to wait at least. Where the store goes by a time of its own, it may not give out yet what is due by this one.
const SHORTEST_NAP: Span = Span::from_ms(20);

/// How long to wait after the store failed.
const STORE_RETRY: Span = Span::from_ms(250);

/// How long to wait before a job is tried again: doubled with every attempt, up to the longest.
const FIRST_RETRY: Span = Span::from_seconds(1);

/// The longest wait between two attempts of a job.
const LONGEST_RETRY_MS: i64 = 5 * 60 * 1000;

/// How often replies past their time are swept out.
const SWEEP_EVERY: Span = Span::from_seconds(600);

/// How long after a sweep that left some over the next one comes.
const SWEEP_ON: Span = Span::from_ms(200);

/// The task that does what has fallen due.
pub(crate) struct Worker {
    carrier: Arc<Carrier>,
    stop: watch::Receiver<bool>,
    scheduled: Arc<Notify>,
    under_way: Arc<Semaphore>,
    /// Told whenever a job was carried out, or given back.
    carried: Arc<Notify>,
}

/// Carries out single jobs.
struct Carrier {
    parts: Parts,
    queues: Queues,
}

/// Why a job is not done yet.
enum Unfinished {
    /// It is not due yet by its owner's clock.
    NotDue,
    /// It is to be tried again after a while.
    Later(String),
    /// Nobody knows whether its result was stored. If not, it is tried again when its lease has ended, and not before: what was sent to
    /// the store may still arrive.
    InDoubt,
}

impl Worker {
    pub(crate) fn new(
        parts: Parts,
        queues: Queues,
        stop: watch::Receiver<bool>,
        scheduled: Arc<Notify>,
        carried: Arc<Notify>,
    ) -> Worker {
        let carrier = Arc::new(Carrier { parts, queues });
        Worker { carrier, stop, scheduled, under_way: Arc::new(Semaphore::new(MAX_UNDER_WAY)), carried }
    }

    /// Works until it is told to stop, then waits for what is under way.
    pub(crate) async fn run(mut self) {
        let mut next_sweep = self.carrier.parts.host.now();
        while !*self.stop.borrow() {
            let now = self.carrier.parts.host.now();
            if next_sweep <= now {
                next_sweep = now.after(self.carrier.sweep(now).await);
            }
            let nap = match self.start_due().await {
                Ok(nap) => nap,
                Err(_) if planted!(WorkerGivesUp) => return,
                Err(error) => {
                    tracing::warn!(%error, "jobs cannot be claimed");
                    STORE_RETRY
                }
            };
            tokio::select! {
                biased;
                () = raised(&mut self.stop) => {}
                () = self.scheduled.notified() => {}
                () = self.carrier.parts.host.sleep(nap) => {}
            }
        }
        // Holding every permit means that no job is under way.
        let all = u32::try_from(MAX_UNDER_WAY).unwrap_or(u32::MAX);
        drop(self.under_way.acquire_many(all).await);
    }

    /// Starts every job that is due, and says how long to wait for the next.
    async fn start_due(&self) -> Result<Span, StoreError> {
        let Parts { store, host, .. } = &self.carrier.parts;
        loop {
            let now = host.now();
            let free = self.under_way.available_permits();
            let until = now.after(self.carrier.parts.config.lease);
            let jobs = store.claim_jobs(now, until, free).await?;
            let claimed = jobs.len();
            for job in jobs {
                self.start(job).await;
            }
            if claimed < free || *self.stop.borrow() {
                break;
            }
            // As many as were free were due: there may be more, once one of these is done.
            drop(self.under_way.acquire().await);
        }
        let wait_ms = store.next_job().await?.map_or(LONGEST_NAP.ms(), |at| at.ms() - host.now().ms());
        Ok(Span::from_ms(wait_ms.clamp(SHORTEST_NAP.ms(), LONGEST_NAP.ms())))
    }

    async fn start(&self, job: Job) {
        let permit = self.under_way.clone().acquire_owned().await;
        let (carrier, carried) = (self.carrier.clone(), self.carried.clone());
        self.carrier.parts.host.spawn(Box::pin(async move {
            carrier.carry_out(job).await;
            drop(permit);
            carried.notify_waiters();
        }));
    }
}

impl Carrier {
    /// Forgets replies past their time, and says how long to wait before the next sweep.
    async fn sweep(&self, now: Timestamp) -> Span {
        let oldest = Timestamp::from_ms(now.ms() - self.parts.config.reply_lifetime.ms());
        match self.parts.store.forget_replies(oldest).await {
            Ok(true) => SWEEP_ON,
            Ok(false) => SWEEP_EVERY,
            Err(error) => {
                tracing::warn!(%error, "old replies cannot be forgotten");
                SWEEP_EVERY
            }
        }
    }

    async fn carry_out(&self, job: Job) {
        let store = &self.parts.store;
        let given_back = match self.attempt(&job).await {
            Ok(()) => return,
            // When that is in real time only the store can tell: the clock may be moving.
            Err(Unfinished::NotDue) => store.return_job(job.lease).await,
            Err(Unfinished::Later(why)) => {
                let wait = retry_delay(job.attempts);
                let (intent, duty, wait_ms) = (job.lease.intent, job.lease.duty, wait.ms());
                tracing::warn!(%intent, ?duty, why, wait_ms, "a job will be tried again");
                store.postpone_job(job.lease, self.parts.host.now().after(wait)).await
            }
            Err(Unfinished::InDoubt) => {
                let (intent, duty) = (job.lease.intent, job.lease.duty);
                tracing::warn!(%intent, ?duty, "it is not known whether a job is done; its lease will run out if not");
                return;
            }
        };
        if let Err(error) = given_back {
            tracing::warn!(%error, "a job cannot be given back; its lease will run out");
        }
    }

    async fn attempt(&self, job: &Job) -> Result<(), Unfinished> {
        let command = match job.lease.duty {
            Duty::StartSettlement(id) => Command::StartSettlement(id),
            Duty::Finalize => Command::Finalize,
            Duty::PayOut(id) => self.pay_out(job, id).await?,
            Duty::PayBack(id) => self.pay_back(job, id).await?,
            Duty::AwaitPayment(id) => self.look_for(job, id).await?,
            Duty::OpenTimeLock => Command::OpenTimeLock,
            Duty::EndSilence(subject) => Command::EndSilence(subject),
            Duty::EndDispute(id) => Command::EndDispute(id),
            Duty::DisputeRejection(id) => Command::DisputeRejection(id),
        };
        match self.submit(job, command).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Rejection::NotDue(_))) => Err(Unfinished::NotDue),
            Ok(Err(rejection)) => Err(Unfinished::Later(rejection.to_string())),
            Err(Unavailable::TimedOut) => Err(Unfinished::InDoubt),
            Err(
                why @ (Unavailable::Overloaded
                | Unavailable::Closing
                | Unavailable::Store(_)
                | Unavailable::KeyInUse
                | Unavailable::Interrupted),
            ) => Err(Unfinished::Later(why.to_string())),
        }
    }

    /// Asks for a payout, and gives what follows from the answer.
    async fn pay_out(&self, job: &Job, id: escrow::SettlementId) -> Result<Command, Unfinished> {
        let escrow = self.escrow(job).await?;
        let settlement =
            escrow.settlement(id).ok_or_else(|| Unfinished::Later(Rejection::SettlementNotFound.to_string()))?;
        // Whoever is late with an old job must not pay what was decided anew meanwhile.
        if settlement.status() != SettlementStatus::Executed {
            return Err(Unfinished::Later(Rejection::SettlementStatus(settlement.status()).to_string()));
        }
        let payout = Payout {
            id,
            retry: settlement.retries,
            mode: job.owner.mode,
            amount: settlement.amount,
            method: settlement.method,
            destination: settlement.destination.clone(),
        };
        match self.parts.payments.pay_out(payout).await {
            PaymentAnswer::Arrived(reference) => Ok(Command::ConfirmSettlement(id, reference)),
            PaymentAnswer::Refused(reason) if planted!(RefusalTakenForArrival) => {
                Ok(Command::ConfirmSettlement(id, reason))
            }
            PaymentAnswer::Refused(reason) => Ok(Command::FailSettlement(id, reason)),
            PaymentAnswer::Unknown if planted!(SilenceTakenForArrival) => {
                Ok(Command::ConfirmSettlement(id, String::new()))
            }
            PaymentAnswer::Unknown if planted!(SilenceTakenForRefusal) => {
                Ok(Command::FailSettlement(id, String::new()))
            }
            PaymentAnswer::Unknown => Err(not_confirmed()),
        }
    }

    /// Asks for a repayment, and gives what follows from the answer.
    async fn pay_back(&self, job: &Job, id: escrow::RefundId) -> Result<Command, Unfinished> {
        let escrow = self.escrow(job).await?;
        let refund = escrow.refund(id).ok_or_else(|| Unfinished::Later(Rejection::RefundNotFound.to_string()))?;
        if refund.status() != RefundStatus::Pending {
            return Err(Unfinished::Later(Rejection::RefundStatus(refund.status()).to_string()));
        }
        let must_arrive = refund.source.is_unapplied();
        let card = escrow.funding_card().filter(|_| !must_arrive).cloned();
        let (mode, amount, rail) = (job.owner.mode, refund.amount, refund.rail);
        let repayment = Repayment { id, mode, amount, rail, card, must_arrive };
        match self.parts.payments.pay_back(repayment).await {
            PaymentAnswer::Arrived(reference) => Ok(Command::ConfirmRefund(id, reference)),
            PaymentAnswer::Refused(reason) => Ok(Command::FailRefund(id, reason)),
            PaymentAnswer::Unknown => Err(not_confirmed()),
        }
    }

    /// Asks whether a payment is final, and gives what follows from the answer.
    async fn look_for(&self, job: &Job, id: escrow::PaymentId) -> Result<Command, Unfinished> {
        let escrow = self.escrow(job).await?;
        let payment = escrow.payment(id).ok_or_else(|| Unfinished::Later(Rejection::PaymentNotUnderWay.to_string()))?;
        let incoming = Incoming {
            id,
            mode: job.owner.mode,
            amount: escrow.terms.amount,
            rail: payment.rail,
            transaction: payment.transaction,
        };
        match self.parts.payments.look_for(incoming).await {
            IncomingAnswer::Final => Ok(Command::SettlePayment(id)),
            IncomingAnswer::Refused(reason) => Ok(Command::FailPayment(Some(id), reason)),
            IncomingAnswer::Unknown => Err(Unfinished::Later("the payment is not final yet".to_owned())),
        }
    }

    async fn escrow(&self, job: &Job) -> Result<escrow::Escrow, Unfinished> {
        let found = self.parts.store.escrow(job.lease.intent).await;
        let found = found.map_err(|error| Unfinished::Later(error.to_string()))?;
        found.ok_or_else(|| Unfinished::Later("the payment intent is gone".to_owned()))
    }

    /// Brings a result to the domain.
    async fn submit(&self, job: &Job, command: Command) -> Result<Result<(), Rejection>, Unavailable> {
        let (answer, answered) = oneshot::channel();
        let source = Source::Job { lease: job.lease, answer };
        let asked_us = self.parts.host.ticks_us();
        self.queues.offer(Submission::new(Ask::Decide(job.lease.intent, command), source, asked_us))?;
        answered.await.unwrap_or(Err(Unavailable::Closing))
    }
}

fn not_confirmed() -> Unfinished {
    Unfinished::Later("the payment has not been confirmed yet".to_owned())
}

/// How long to wait after so many earlier attempts.
fn retry_delay(attempts: u32) -> Span {
    let doubled = FIRST_RETRY.ms().saturating_mul(1_i64.checked_shl(attempts.min(32)).unwrap_or(i64::MAX));
    Span::from_ms(doubled.min(LONGEST_RETRY_MS))
}
