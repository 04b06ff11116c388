//! A gateway's view of the simulated machine, and its line to the store.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use engine::{Host, Task};
use escrow::{Span, Timestamp};
use store::testing::Line;
use store::{Outcome, Store, StoreError, Unit};

use crate::fates::{Fates, Fault};
use crate::machine::{Group, Machine, OUTSIDE};
use crate::rng::Rng;

/// The clock of a gateway: how far it is ahead of true time, in milliseconds. It outlives the gateway.
pub(crate) type Skew = Arc<AtomicI64>;

/// How long a slow store takes.
const SLOW_MS: (i64, i64) = (50, 6_000);

/// How much later a commit may arrive of which nobody knew.
const LATE_MS: (i64, i64) = (10, 60_000);

/// One gateway's host.
pub(crate) struct SimHost {
    pub(crate) machine: Machine,
    pub(crate) group: Group,
    pub(crate) skew: Skew,
    pub(crate) random: Mutex<Rng>,
}

#[async_trait]
impl Host for SimHost {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.machine.now_ms().saturating_add(self.skew.load(Ordering::SeqCst)))
    }

    fn ticks_us(&self) -> i64 {
        self.machine.now_ms().saturating_mul(1000)
    }

    fn random(&self, bytes: &mut [u8]) {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes);
    }

    async fn sleep(&self, span: Span) {
        self.machine.sleep(span.ms()).await;
    }

    fn spawn(&self, task: Task) {
        self.machine.spawn(self.group, task);
    }
}

/// The line from a gateway to the store.
pub(crate) struct SimLine {
    pub(crate) machine: Machine,
    pub(crate) fates: Arc<Fates>,
    pub(crate) skew: Skew,
    /// Whether the store goes by a time of its own, as one does that several gateways share.
    pub(crate) has_own_time: bool,
}

impl SimLine {
    /// On the way, for a moment or longer.
    async fn travel(&self) {
        let is_slow = self.fates.strike(Fault::StoreSlow);
        let (from, to) = if is_slow { SLOW_MS } else { (0, 3) };
        self.machine.sleep(self.fates.span_ms(from, to)).await;
    }
}

#[async_trait]
impl Line for SimLine {
    async fn there(&self, method: &'static str) -> Result<(), StoreError> {
        self.travel().await;
        if self.fates.strike(Fault::StoreGone) {
            return Err(StoreError::Unavailable(format!("{method} never came there")));
        }
        Ok(())
    }

    async fn back(&self, _method: &'static str) -> Result<(), StoreError> {
        self.travel().await;
        Ok(())
    }

    async fn commit(&self, store: &Arc<dyn Store>, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        self.travel().await;
        if self.fates.strike(Fault::CommitRefused) {
            return Err(StoreError::Unavailable("the commit was refused".to_owned()));
        }
        // A store in the same process says what it has done.
        let may_be_in_doubt = self.has_own_time;
        if may_be_in_doubt && self.fates.strike(Fault::CommitLost) {
            self.travel().await;
            return Err(StoreError::InDoubt);
        }
        if may_be_in_doubt && self.fates.strike(Fault::CommitLate) {
            let (machine, store, late_ms) =
                (self.machine.clone(), store.clone(), self.fates.span_ms(LATE_MS.0, LATE_MS.1));
            self.machine.spawn(
                OUTSIDE,
                Box::pin(async move {
                    machine.sleep(late_ms).await;
                    // Nobody hears what became of it.
                    drop(store.commit(units).await);
                }),
            );
            self.travel().await;
            return Err(StoreError::InDoubt);
        }
        let outcomes = store.commit(units).await?;
        let is_lost = may_be_in_doubt && self.fates.strike(Fault::ReplyLost);
        self.travel().await;
        if is_lost { Err(StoreError::InDoubt) } else { Ok(outcomes) }
    }

    fn store_time(&self, time: Timestamp) -> Timestamp {
        let skew = if self.has_own_time { self.skew.load(Ordering::SeqCst) } else { 0 };
        Timestamp::from_ms(time.ms().saturating_sub(skew))
    }
}
