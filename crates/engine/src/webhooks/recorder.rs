//! Notes what was done for endpoints: whatever several of them have to note goes into one transaction.

use std::sync::Arc;

use store::{Store, Told};
use tokio::sync::{mpsc, oneshot};

use crate::host::Host;

/// How much goes into one transaction.
const AT_ONCE: usize = 64;

/// How long to wait after the store failed.
const STORE_RETRY: escrow::Span = escrow::Span::from_ms(250);

/// What is to be noted, and whom to tell when it is.
pub(super) type Note = (Told, oneshot::Sender<()>);

/// The task that notes.
pub(super) struct Recorder {
    store: Arc<dyn Store>,
    host: Arc<dyn Host>,
    notes: mpsc::UnboundedReceiver<Note>,
}

impl Recorder {
    /// A recorder, and where notes are handed in: of each endpoint one at a time, and so no more than there are endpoints.
    pub(super) fn new(store: Arc<dyn Store>, host: Arc<dyn Host>) -> (Recorder, mpsc::UnboundedSender<Note>) {
        let (hand_in, notes) = mpsc::unbounded_channel();
        (Recorder { store, host, notes }, hand_in)
    }

    /// Notes until nobody is left who could hand anything in.
    pub(super) async fn run(mut self) {
        while let Some(first) = self.notes.recv().await {
            let mut notes = vec![first];
            while notes.len() < AT_ONCE
                && let Ok(next) = self.notes.try_recv()
            {
                notes.push(next);
            }
            let (told, waiting): (Vec<Told>, Vec<oneshot::Sender<()>>) = notes.into_iter().unzip();
            // Whoever does not wait any more is told nothing; what it did is noted all the same.
            while let Err(error) = self.store.note_told(told.clone()).await {
                tracing::warn!(%error, "what webhook endpoints were told cannot be noted; trying again");
                if waiting.iter().all(oneshot::Sender::is_closed) {
                    break;
                }
                self.host.sleep(STORE_RETRY).await;
            }
            for done in waiting {
                let _ = done.send(());
            }
        }
    }
}
