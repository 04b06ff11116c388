//! Tells the other gateways of a store what was counted of keys here, and learns what they have counted: every second, as long as there
//! is something to tell. So a limit is exact but for what several gateways let through within that second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::Host;
use escrow::{Span, Timestamp};
use store::Store;

use crate::rate_limit::RateLimiter;

/// How often gateways tell each other.
const TOLD_EVERY: Span = Span::from_seconds(1);

/// How long the longest window is over when it is forgotten.
const KEPT: Span = Span::from_seconds(2 * 3600);

/// Tells what is counted.
pub(crate) struct Teller {
    parts: Arc<Parts>,
}

struct Parts {
    store: Arc<dyn Store>,
    host: Arc<dyn Host>,
    limiter: Arc<RateLimiter>,
    is_at_work: AtomicBool,
}

impl Teller {
    pub(crate) fn new(store: Arc<dyn Store>, host: Arc<dyn Host>, limiter: Arc<RateLimiter>) -> Teller {
        Teller { parts: Arc::new(Parts { store, host, limiter, is_at_work: AtomicBool::new(false) }) }
    }

    /// Notes that something was counted. Nobody waits for it to be told.
    pub(crate) fn note(&self) {
        let parts = &self.parts;
        if parts.store.is_shared() && !parts.is_at_work.swap(true, Ordering::AcqRel) {
            parts.host.spawn(Box::pin(parts.clone().work()));
        }
    }
}

impl Parts {
    async fn work(self: Arc<Self>) {
        loop {
            self.host.sleep(TOLD_EVERY).await;
            if self.tell(self.host.now()).await {
                continue;
            }
            // Whoever counts from now on finds nobody at work, and sees to it that somebody is; whoever has counted just now has not.
            self.is_at_work.store(false, Ordering::Release);
            if !self.limiter.has_untold() || self.is_at_work.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }

    /// Tells and learns; `false` when there was nothing to tell.
    async fn tell(&self, now: Timestamp) -> bool {
        let tallies = self.limiter.untold();
        if tallies.is_empty() {
            return false;
        }
        let forgotten = Timestamp::from_ms(now.ms().saturating_sub(KEPT.ms()));
        match self.store.tally(tallies.clone(), forgotten).await {
            Ok(totals) => self.limiter.learn(&tallies, &totals),
            Err(error) => {
                tracing::warn!(%error, "what was counted cannot be told to other gateways");
                self.limiter.take_back(&tallies);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use engine::System;
    use escrow::{KeyId, MerchantId, Mode, Owner, RawId};
    use store::{KeyHolder, MemoryStore};

    use super::*;
    use crate::rate_limit::{Limit, Pace, RateLimits, Verdict};

    const NOW: Timestamp = Timestamp::from_ms(3_600_000 * 400_000);

    fn gateway(store: &Arc<dyn Store>) -> Teller {
        let limits = RateLimits { test: Limit::of(10, 100), ..RateLimits::OFF };
        Teller::new(store.clone(), Arc::new(System::new()), Arc::new(RateLimiter::new(limits)))
    }

    /// Sends so many requests with one key, and says how many pass.
    fn ask(gateway: &Teller, times: u32) -> usize {
        let owner = Owner { merchant: MerchantId::new(RawId::from_bits(1)), mode: Mode::Sandbox };
        let key = KeyId::new(RawId::from_bits(7));
        let ask = || gateway.parts.limiter.key(key, KeyHolder::Owner(owner), Pace::Creation, NOW);
        (0..times).filter(|_| matches!(ask(), Verdict::Passed(_))).count()
    }

    #[tokio::test]
    async fn gateways_hold_to_one_limit_once_they_have_told_each_other() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::shared());
        let (one, other) = (gateway(&store), gateway(&store));
        assert_eq!((ask(&one, 3), ask(&other, 1)), (3, 1));
        assert!(one.parts.tell(NOW).await && other.parts.tell(NOW).await);
        assert_eq!(
            ask(&other, 5),
            1,
            "half of a minute's requests may make something, and the other has heard of four"
        );
        assert!(other.parts.tell(NOW).await);
        assert_eq!(ask(&one, 5), 2, "it has not heard of the fifth yet: that is how exact it is");
        assert!(one.parts.tell(NOW).await && !one.parts.tell(NOW).await);
        assert_eq!((ask(&one, 5), ask(&other, 5)), (0, 0));
    }

    #[tokio::test]
    async fn what_could_not_be_told_is_told_later() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::shared());
        let one = gateway(&store);
        assert_eq!(ask(&one, 2), 2);
        store.close().await;
        assert!(one.parts.tell(NOW).await && one.parts.tell(NOW).await, "it is still there to be told");
        assert_eq!(one.parts.limiter.untold().iter().map(|tally| tally.count).collect::<Vec<_>>(), [2, 2, 2]);
    }
}
