//! The scribe writes down, behind the requests' backs, what was asked with which key and when each key was last used. Nobody waits
//! for it, and where it cannot keep up, entries are left out rather than requests held up.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use engine::Host;
use escrow::{KeyId, RequestId, Span, Timestamp};
use store::{ApiKey, LoggedRequest, Store};
use tokio::sync::{mpsc, oneshot};

use crate::http::mask;

/// How many entries may wait; with the bodies that each may carry this bounds the memory it takes.
const MOST_WAITING: usize = 1024;

/// How many entries are written in one go.
const AT_ONCE: usize = 256;

/// How exactly the last use of a key is known.
const USE_NOTED_EVERY: Span = Span::from_seconds(60);

/// How often what is too old is deleted.
const SWEPT_EVERY: Span = Span::from_seconds(3600);

/// A request that was answered.
pub(crate) struct Entry {
    pub(crate) id: RequestId,
    pub(crate) key: Arc<ApiKey>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) status: u16,
    pub(crate) created: Timestamp,
    pub(crate) latency_ms: i64,
    pub(crate) idempotency_key: Option<String>,
    /// The body of the request, where it is kept, and whether it is a form.
    pub(crate) sent: Option<(Bytes, mask::Form)>,
    /// The body of the answer, where it is kept.
    pub(crate) answered: Option<Bytes>,
}

impl Entry {
    /// What is stored of it, without what nobody should read again.
    fn masked(self) -> LoggedRequest {
        LoggedRequest {
            id: self.id,
            holder: self.key.holder,
            key: self.key.id,
            method: self.method,
            path: mask::text(&self.path),
            query: self.query.as_deref().map(mask::text),
            status: self.status,
            created: self.created,
            latency_ms: self.latency_ms,
            idempotency_key: self.idempotency_key.as_deref().map(mask::text),
            sent: self.sent.and_then(|(body, form)| mask::body(&body, form)),
            answered: self.answered.and_then(|body| mask::body(&body, mask::Form::Json)),
        }
    }
}

enum Note {
    Request(Box<Entry>),
    Used(KeyId, Timestamp),
    /// Somebody wants to know when everything before is written.
    CaughtUp(oneshot::Sender<()>),
}

/// Where entries are handed in. The scribe stops when this is gone.
pub(crate) struct Scribe {
    notes: mpsc::Sender<Note>,
    keep: Span,
}

impl Scribe {
    /// A scribe at work, who keeps requests for so long; for no time: not at all.
    pub(crate) fn start(store: Arc<dyn Store>, host: &Arc<dyn Host>, keep: Span) -> Scribe {
        let (notes, waiting) = mpsc::channel(MOST_WAITING);
        let desk = Desk {
            store,
            host: host.clone(),
            keep,
            waiting,
            used: BTreeMap::new(),
            noted: host.now(),
            swept: Timestamp::from_ms(0),
        };
        host.spawn(Box::pin(desk.work()));
        Scribe { notes, keep }
    }

    /// Whether requests are kept at all.
    pub(crate) const fn keeps_requests(&self) -> bool {
        self.keep.ms() > 0
    }

    /// Notes a request, or at least that its key was used.
    pub(crate) fn note(&self, entry: Entry) {
        let note = if self.keeps_requests() {
            Note::Request(Box::new(entry))
        } else {
            Note::Used(entry.key.id, entry.created)
        };
        if self.notes.try_send(note).is_err() {
            tracing::debug!("more is asked than can be logged; a request is left out");
        }
    }

    /// Waits until what was noted before can be read.
    pub(crate) async fn catch_up(&self) {
        let (done, written) = oneshot::channel();
        if self.notes.send(Note::CaughtUp(done)).await.is_ok() {
            // It answers, or it has ended and there is nothing to wait for.
            drop(written.await);
        }
    }
}

struct Desk {
    store: Arc<dyn Store>,
    host: Arc<dyn Host>,
    keep: Span,
    waiting: mpsc::Receiver<Note>,
    /// When keys were last used, where that is not stored yet.
    used: BTreeMap<KeyId, Timestamp>,
    noted: Timestamp,
    swept: Timestamp,
}

impl Desk {
    async fn work(mut self) {
        let mut notes = Vec::new();
        while self.waiting.recv_many(&mut notes, AT_ONCE).await > 0 {
            let (mut requests, mut asking) = (Vec::new(), Vec::new());
            for note in notes.drain(..) {
                match note {
                    Note::Request(entry) => {
                        self.see(entry.key.id, entry.created);
                        requests.push(entry.masked());
                    }
                    Note::Used(key, at) => self.see(key, at),
                    Note::CaughtUp(done) => asking.push(done),
                }
            }
            self.write(requests).await;
            let is_time = self.host.now() >= self.noted.after(USE_NOTED_EVERY);
            if is_time || !asking.is_empty() {
                self.note_uses().await;
            }
            for done in asking {
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
            }
            self.sweep().await;
        }
        self.note_uses().await;
    }

    fn see(&mut self, key: KeyId, at: Timestamp) {
        let last = self.used.entry(key).or_insert(at);
        *last = at.max(*last);
    }

    async fn write(&self, requests: Vec<LoggedRequest>) {
        if requests.is_empty() {
            return;
        }
        if let Err(error) = self.store.log_requests(requests).await {
            tracing::warn!(%error, "requests were not logged");
        }
    }

    async fn note_uses(&mut self) {
        self.noted = self.host.now();
        let uses: Vec<_> = std::mem::take(&mut self.used).into_iter().collect();
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_key_uses(uses).await {
            tracing::warn!(%error, "the last use of some keys was not noted");
        }
    }

    /// Deletes what was kept for long enough.
    async fn sweep(&mut self) {
        let now = self.host.now();
        if now < self.swept.after(SWEPT_EVERY) {
            return;
        }
        let before = Timestamp::from_ms(now.ms().saturating_sub(self.keep.ms()));
        match self.store.forget_requests(before).await {
            // There is more: it goes on with the next entry.
            Ok(true) => {}
            Ok(false) => self.swept = now,
            Err(error) => {
                tracing::warn!(%error, "old requests were not deleted from the log");
                self.swept = now;
            }
        }
    }
}
