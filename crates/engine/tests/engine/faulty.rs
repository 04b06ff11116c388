//! A line to the store that can be made to stand still or to lose its answers, and on which nothing comes at once, as on a network.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use escrow::{Span, Timestamp};
use store::testing::{Line, Remote};
use store::{Outcome, Store, StoreError, Unit};
use tokio::sync::watch;

/// A store, out of reach at times.
pub(crate) type Faulty = Remote<FaultyLine>;

/// Puts a faulty line before a store.
pub(crate) fn faulty(store: Arc<dyn Store>) -> Arc<Faulty> {
    let line = FaultyLine {
        is_frozen: watch::channel(false).0,
        fates: Mutex::default(),
        behind: Mutex::new(Span::from_ms(0)),
        claims: AtomicUsize::new(0),
    };
    Arc::new(Remote::new(store, line))
}

/// The line.
pub(crate) struct FaultyLine {
    is_frozen: watch::Sender<bool>,
    /// What becomes of the next commits.
    fates: Mutex<VecDeque<Fate>>,
    /// How far the store's own time is behind, in which leases are given.
    behind: Mutex<Span>,
    /// How often jobs were claimed.
    claims: AtomicUsize,
}

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// What the store makes of it.
    Answered,
    /// The same, but its answer is lost.
    DoneInDoubt,
    /// It never came to the store, and nobody can tell.
    LostInDoubt,
}

impl FaultyLine {
    /// Has leases given in a time that is so far behind.
    pub(crate) fn fall_behind(&self, by: Span) {
        *self.behind.lock().expect("nobody panics with it") = by;
    }

    /// How often jobs were claimed.
    pub(crate) fn claims(&self) -> usize {
        self.claims.load(Ordering::SeqCst)
    }

    /// What becomes of the next commits, in this order. Whatever comes after them is answered.
    pub(crate) fn doom(&self, fates: &[Fate]) {
        self.fates.lock().expect("nobody panics with it").extend(fates);
    }

    /// Whether all that was to become of commits has come true.
    pub(crate) fn is_done(&self) -> bool {
        self.fates.lock().expect("nobody panics with it").is_empty()
    }

    /// Whoever asks from now on waits until [`FaultyLine::thaw`].
    pub(crate) fn freeze(&self) {
        self.is_frozen.send_replace(true);
    }

    /// What was asked meanwhile is done now.
    pub(crate) fn thaw(&self) {
        self.is_frozen.send_replace(false);
    }
}

#[async_trait]
impl Line for FaultyLine {
    async fn there(&self, method: &'static str) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        drop(self.is_frozen.subscribe().wait_for(|is_frozen| !is_frozen).await);
        self.claims.fetch_add(usize::from(method == "claim_jobs"), Ordering::SeqCst);
        Ok(())
    }

    async fn commit(&self, store: &Arc<dyn Store>, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        self.there("commit").await?;
        let fate = self.fates.lock().expect("nobody panics with it").pop_front();
        match fate.unwrap_or(Fate::Answered) {
            Fate::Answered => store.commit(units).await,
            Fate::DoneInDoubt => {
                store.commit(units).await?;
                Err(StoreError::InDoubt)
            }
            Fate::LostInDoubt => Err(StoreError::InDoubt),
        }
    }

    fn store_time(&self, time: Timestamp) -> Timestamp {
        let behind = *self.behind.lock().expect("nobody panics with it");
        Timestamp::from_ms(time.ms() - behind.ms())
    }
}
