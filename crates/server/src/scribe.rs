//! The scribe writes down, behind the requests' backs, what was asked with which key and when each key was last used. Nobody waits
//! for it, and where it cannot keep up, entries are left out rather than requests held up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::Host;
use escrow::{KeyId, RequestId, Span, Timestamp};
use store::{ApiKey, LoggedRequest, Store};
use tokio::sync::oneshot;

use crate::http::mask;

/// How many entries may wait; with the bodies that each may carry this bounds the memory it takes.
const MOST_WAITING: usize = 1024;

/// How many entries are written in one go.
const AT_ONCE: usize = 256;

/// How exactly the last use of a key is known.
const USE_STORED_EVERY: Span = Span::from_seconds(60);

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
            path: mask::path(&self.path),
            query: self.query.as_deref().and_then(mask::query),
            status: self.status,
            created: self.created,
            latency_ms: self.latency_ms,
            idempotency_key: self.idempotency_key.as_deref().map(|key| mask::text(key).into_owned()),
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

/// Where entries are handed in. Whoever finds nobody at work has the desk manned, and it is left when there is nothing more to do.
pub(crate) struct Scribe {
    desk: Arc<Desk>,
}

struct Desk {
    store: Arc<dyn Store>,
    host: Arc<dyn Host>,
    /// How long requests are kept.
    keep: Span,
    tray: Mutex<Tray>,
}

/// What lies on the desk.
struct Tray {
    notes: VecDeque<Note>,
    is_manned: bool,
    /// When keys were last used, where that is not stored yet.
    used: BTreeMap<KeyId, Timestamp>,
    /// When the last uses of keys were stored.
    stored: Timestamp,
    /// When what is too old was deleted.
    swept: Timestamp,
}

impl Scribe {
    /// A scribe who keeps requests for so long; for no time: not at all.
    pub(crate) fn new(store: Arc<dyn Store>, host: &Arc<dyn Host>, keep: Span) -> Scribe {
        let tray = Tray {
            notes: VecDeque::new(),
            is_manned: false,
            used: BTreeMap::new(),
            stored: host.now(),
            swept: Timestamp::from_ms(0),
        };
        Scribe { desk: Arc::new(Desk { store, host: host.clone(), keep, tray: Mutex::new(tray) }) }
    }

    /// Whether requests are kept at all.
    pub(crate) fn keeps_requests(&self) -> bool {
        self.desk.keep.ms() > 0
    }

    /// Notes a request, or at least that its key was used.
    pub(crate) fn note(&self, entry: Entry) {
        if self.keeps_requests() {
            self.hand_in(Note::Request(Box::new(entry)));
        } else {
            self.hand_in(Note::Used(entry.key.id, entry.created));
        }
    }

    /// Waits until what was noted before can be read.
    pub(crate) async fn catch_up(&self) {
        let (done, written) = oneshot::channel();
        self.hand_in(Note::CaughtUp(done));
        // It answers, or is left out where there is too much to wait for.
        drop(written.await);
    }

    fn hand_in(&self, note: Note) {
        let mut tray = self.desk.tray();
        if tray.notes.len() >= MOST_WAITING {
            tracing::debug!("more is asked than can be logged; a request is left out");
            return;
        }
        tray.notes.push_back(note);
        if !std::mem::replace(&mut tray.is_manned, true) {
            let desk = self.desk.clone();
            self.desk.host.spawn(Box::pin(async move { desk.work().await }));
        }
    }
}

impl Desk {
    async fn work(&self) {
        while let Some(notes) = self.next() {
            let (mut requests, mut asking) = (Vec::new(), Vec::new());
            for note in notes {
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
            self.store_uses(!asking.is_empty()).await;
            self.sweep().await;
            // Last of all, since whoever asks may be about to close the store.
            for done in asking {
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
            }
        }
    }

    /// What to do next; nobody is at the desk any more when there is nothing.
    fn next(&self) -> Option<Vec<Note>> {
        let mut tray = self.tray();
        let count = tray.notes.len().min(AT_ONCE);
        tray.is_manned = count > 0;
        (count > 0).then(|| tray.notes.drain(..count).collect())
    }

    fn see(&self, key: KeyId, at: Timestamp) {
        let mut tray = self.tray();
        let last = tray.used.entry(key).or_insert(at);
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

    /// Stores when keys were last used, if it is time or somebody wants to know.
    async fn store_uses(&self, is_wanted: bool) {
        let now = self.host.now();
        let uses: Vec<_> = {
            let mut tray = self.tray();
            if !is_wanted && now < tray.stored.after(USE_STORED_EVERY) {
                return;
            }
            tray.stored = now;
            std::mem::take(&mut tray.used).into_iter().collect()
        };
        if uses.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_key_uses(uses).await {
            tracing::warn!(%error, "the last use of some keys was not noted");
        }
    }

    /// Deletes what was kept for long enough.
    async fn sweep(&self) {
        let now = self.host.now();
        if now < self.tray().swept.after(SWEPT_EVERY) {
            return;
        }
        let before = Timestamp::from_ms(now.ms().saturating_sub(self.keep.ms()));
        match self.store.forget_requests(before).await {
            // There is more: it goes on with the next entry.
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "old requests were not deleted from the log"),
        }
        self.tray().swept = now;
    }

    fn tray(&self) -> MutexGuard<'_, Tray> {
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
