//! For tests: a host whose clock stands still until it is moved and whose randomness follows from a seed, and a witness of nothing.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use escrow::{Escrow, MerchantId, Span, Timestamp};
use store::AccountRow;

use crate::host::{Host, Task};
use crate::registry::{Act, Done, NewKey, Registry};
use crate::verify::Witness;

/// A host whose clock is moved by hand. Tasks and waits are tokio's; with tokio's paused clock, waits take no time.
#[derive(Debug)]
pub struct ManualHost {
    now_ms: AtomicI64,
    random: AtomicU64,
}

impl ManualHost {
    /// A host at this time.
    #[must_use]
    pub const fn at_ms(now_ms: i64) -> ManualHost {
        ManualHost { now_ms: AtomicI64::new(now_ms), random: AtomicU64::new(0) }
    }

    /// Sets the clock.
    pub fn set_ms(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Span) {
        self.now_ms.fetch_add(span.ms(), Ordering::SeqCst);
    }
}

#[async_trait]
#[expect(clippy::disallowed_methods, reason = "a host for tests")]
impl Host for ManualHost {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now_ms.load(Ordering::SeqCst))
    }

    fn ticks_us(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst).saturating_mul(1000)
    }

    /// SplitMix64 over a counter.
    fn random(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let word = (z ^ (z >> 31)).to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    async fn sleep(&self, span: Span) {
        tokio::time::sleep(std::time::Duration::from_millis(span.ms().unsigned_abs())).await;
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }
}

/// A new merchant of this name.
///
/// # Panics
/// When there is one already, or the store fails.
#[expect(clippy::panic, reason = "for tests")]
pub async fn new_merchant(registry: &Registry, name: &str) -> MerchantId {
    match registry.act(&Act::AddMerchant { name: name.to_owned(), with_key: false }).await {
        Ok(Ok(Done::Merchant(merchant, None))) => merchant.id,
        other => panic!("no merchant {name}: {other:?}"),
    }
}

/// Has a key with this text.
///
/// # Panics
/// When the text is no key, or the store fails.
#[expect(clippy::panic, reason = "for tests")]
pub async fn new_key(registry: &Registry, token: &str, key: NewKey) -> store::ApiKey {
    match registry.adopt(token, key).await {
        Ok(Ok(key)) => key,
        other => panic!("no key {token}: {other:?}"),
    }
}

/// Knows nothing of events, where their bodies say nothing that a row could contradict.
#[derive(Clone, Copy, Debug)]
pub struct SilentWitness;

impl Witness for SilentWitness {
    fn escrow(&mut self, _: &Escrow, _: &[&[u8]]) -> Vec<String> {
        Vec::new()
    }

    fn journal(&mut self, _: &[&[u8]]) {}

    fn account(&mut self, _: &AccountRow) -> Vec<String> {
        Vec::new()
    }

    fn unseen(&mut self) -> Vec<String> {
        Vec::new()
    }
}
