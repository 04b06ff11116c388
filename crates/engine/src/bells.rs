//! Bells: whoever follows a stream of events hears at once when there are more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use escrow::Owner;
use tokio::sync::watch;

/// A bell for each stream that somebody listens to. It says that there may be more to read, never what: a ring that comes while
/// nobody waits is heard at the next waiting, and many are heard as one.
#[derive(Clone)]
pub struct Bells {
    streams: Arc<Mutex<BTreeMap<Owner, watch::Sender<()>>>>,
    endpoints: watch::Sender<()>,
}

impl Default for Bells {
    fn default() -> Bells {
        Bells { streams: Arc::default(), endpoints: watch::channel(()).0 }
    }
}

impl Bells {
    /// Listens to the bell of a stream. What happens from now on is heard, so that whoever reads the stream after this misses nothing.
    #[must_use]
    pub fn listen(&self, owner: Owner) -> watch::Receiver<()> {
        let mut bells = self.lock();
        bells.retain(|of, bell| *of == owner || bell.receiver_count() > 0);
        bells.entry(owner).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Rings the bell of a stream.
    pub fn ring(&self, owner: Owner) {
        if let Some(bell) = self.lock().get(&owner) {
            bell.send_replace(());
        }
    }

    /// The streams whose bells somebody hears.
    pub(crate) fn heard(&self) -> Vec<Owner> {
        self.lock().iter().filter(|(_, bell)| bell.receiver_count() > 0).map(|(owner, _)| *owner).collect()
    }

    /// Listens to the bell that rings when webhook endpoints were made or changed.
    #[must_use]
    pub(crate) fn listen_for_endpoints(&self) -> watch::Receiver<()> {
        self.endpoints.subscribe()
    }

    /// Rings the bell of webhook endpoints.
    pub(crate) fn ring_for_endpoints(&self) {
        self.endpoints.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Owner, watch::Sender<()>>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use escrow::{MerchantId, Mode, RawId};

    use super::*;

    fn owner(number: u128) -> Owner {
        Owner { merchant: MerchantId::new(RawId::from_bits(number)), mode: Mode::Sandbox }
    }

    #[test]
    fn a_ring_is_heard_by_those_who_listen_to_that_stream() {
        let bells = Bells::default();
        let (one, other) = (bells.listen(owner(1)), bells.listen(owner(2)));
        bells.ring(owner(1));
        bells.ring(owner(1));
        assert_eq!(bells.heard(), [owner(1), owner(2)]);
        assert!(one.has_changed().expect("a bell") && !other.has_changed().expect("a bell"));
        let later = bells.listen(owner(1));
        assert!(!later.has_changed().expect("a bell"), "what was before is read, not heard");
        bells.ring(owner(3));
        drop((one, later));
        assert_eq!(bells.heard(), [owner(2)]);
        let _other = bells.listen(owner(2));
        assert_eq!(bells.lock().len(), 1, "nobody listens to the first any more");
    }
}
