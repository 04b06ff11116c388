//! Moves what was committed from the write-ahead log into the database, without keeping the writer waiting.
//!
//! A thread of its own does PASSIVE checkpoints, which never block anybody. Under constant load they never catch up, so that
//! the log would grow without end: once it is long, the writer itself restarts it between two commits. (From another thread a
//! restart starves.) Readers that look at an old snapshot for long, as `verify` does, put the restart off.
//!
//! A restart moves what is left and syncs all that was moved since the last one, which PASSIVE checkpoints do not sync unless they catch
//! up. Every commit waits for it. So the thread does nearly all of that work before it says that the log is long.

use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

/// How long commits gather before the next PASSIVE checkpoint. A page that many of them change is moved once.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(200);
/// How many pages (of 4 KiB) the log may have before the writer restarts it: 128 MiB.
const RESTART_PAGES: i64 = 32 * 1024;
/// How often the database is synced, and what was committed meanwhile moved, before a restart: each time less is left.
const PASSES_BEFORE_RESTART: usize = 3;
/// How many pages (of 4 KiB) make the writer give the log's space back to the disk: 512 MiB.
const TRUNCATE_PAGES: i64 = 128 * 1024;
/// How long a restart may wait for readers before it is put off.
const RESTART_PATIENCE: Duration = Duration::from_millis(50);
/// How long the writer waits for a lock that another process has on the database.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the writer and the checkpoint thread tell each other.
pub(super) struct Wal {
    /// The database's file, to sync it. It is never closed: the system would forget all locks that this process has on that file, those of
    /// SQLite's connections too.
    database: ManuallyDrop<File>,
    news: Mutex<News>,
    told: Condvar,
    /// Held by whoever runs a checkpoint. SQLite refuses a second one at the same time instead of letting it wait.
    running: Mutex<()>,
}

#[derive(Clone, Copy)]
struct News {
    /// Something was committed since the last checkpoint began.
    is_dirty: bool,
    is_closing: bool,
    /// How long the log was when it was last looked at.
    pages: i64,
    /// How long the log may become before the next restart.
    restart_at: i64,
}

impl News {
    /// That nothing has been committed yet.
    const NONE: News = News { is_dirty: false, is_closing: false, pages: 0, restart_at: RESTART_PAGES };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passive,
    Restart,
    Truncate,
}

struct Checkpointed {
    is_blocked: bool,
    pages: i64,
}

impl Wal {
    /// For the database at this path, which must exist.
    pub(super) fn of(database: &Path) -> io::Result<Wal> {
        let database = ManuallyDrop::new(File::options().read(true).write(true).open(database)?);
        Ok(Wal { database, news: Mutex::new(News::NONE), told: Condvar::new(), running: Mutex::default() })
    }

    /// Starts the checkpoint thread.
    pub(super) fn watch(self: &Arc<Wal>, db: Connection) -> io::Result<JoinHandle<()>> {
        let wal = Arc::clone(self);
        std::thread::Builder::new().name("milepost-checkpoint".to_owned()).spawn(move || {
            while wal.wait_for_commits() {
                wal.checkpoint_beside(&db);
            }
        })
    }

    /// Ends the checkpoint thread; it finishes the checkpoint it is at.
    pub(super) fn end_watch(&self) {
        self.news().is_closing = true;
        self.told.notify_all();
    }

    /// Called by the writer after each of its tasks: tells the checkpoint thread, and restarts the log when it is long.
    pub(super) fn after_commit(&self, db: &Connection) {
        let news = {
            let mut news = self.news();
            news.is_dirty = true;
            *news
        };
        self.told.notify_all();
        if news.pages < news.restart_at {
            return;
        }
        let _running = match self.running.try_lock() {
            Ok(guard) => guard,
            // The checkpoint thread is at it; after one of the next commits it is not.
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        self.restart(db, if news.pages < TRUNCATE_PAGES { Kind::Restart } else { Kind::Truncate });
    }

    /// Moves everything into the database and empties the log, as far as readers allow.
    pub(super) fn empty(&self, db: &Connection) {
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        self.restart(db, Kind::Truncate);
    }

    fn restart(&self, db: &Connection, kind: Kind) {
        let result = db.busy_timeout(RESTART_PATIENCE).and_then(|()| checkpoint(db, kind));
        let back = db.busy_timeout(BUSY_TIMEOUT);
        let mut news = self.news();
        match result.and_then(|done| back.map(|()| done)) {
            Ok(done) if done.is_blocked => news.restart_at = news.pages.saturating_add(RESTART_PAGES),
            Ok(_) => (news.pages, news.restart_at) = (0, RESTART_PAGES),
            Err(error) => {
                news.restart_at = news.pages.saturating_add(RESTART_PAGES);
                tracing::warn!(%error, "the write-ahead log could not be restarted; it goes on growing");
            }
        }
    }

    fn checkpoint_beside(&self, db: &Connection) {
        let _running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match self.move_pages(db) {
            Ok(pages) => self.news().pages = pages,
            Err(error) => tracing::warn!(%error, "a checkpoint failed; the next one tries again"),
        }
    }

    /// Moves what was committed, and gives how long the log is. Where it is to be restarted, that has little to do afterwards.
    fn move_pages(&self, db: &Connection) -> rusqlite::Result<i64> {
        let mut pages = checkpoint(db, Kind::Passive)?.pages;
        let is_long = pages >= self.news().restart_at;
        if is_long {
            for _ in 0..PASSES_BEFORE_RESTART {
                // Nothing depends on it: the restart syncs for itself.
                if let Err(error) = self.database.sync_data() {
                    tracing::warn!(%error, "the database could not be synced before its log is restarted");
                }
                pages = checkpoint(db, Kind::Passive)?.pages;
            }
        }
        Ok(pages)
    }

    /// Sleeps until there is something to move and a little more had time to gather; `false` when it is time to end.
    fn wait_for_commits(&self) -> bool {
        let quiet = self.told.wait_while(self.news(), |news| !news.is_dirty && !news.is_closing);
        let news = quiet.unwrap_or_else(PoisonError::into_inner);
        let gathered = self.told.wait_timeout_while(news, CHECKPOINT_INTERVAL, |news| !news.is_closing);
        let (mut news, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        news.is_dirty = false;
        !news.is_closing
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn checkpoint(db: &Connection, kind: Kind) -> rusqlite::Result<Checkpointed> {
    let sql = match kind {
        Kind::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Kind::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Kind::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    db.query_row(sql, [], |row| Ok(Checkpointed { is_blocked: row.get::<_, i64>(0)? != 0, pages: row.get(1)? }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::open;
    use super::*;

    /// A store's folder with something in its log, and what would keep that log short.
    fn written() -> (tempfile::TempDir, Connection, Wal) {
        let dir = tempfile::tempdir().expect("a folder");
        let db = open::writer(dir.path()).expect("a database");
        write(&db);
        let wal = Wal::of(&open::database(dir.path())).expect("its file");
        (dir, db, wal)
    }

    fn write(db: &Connection) {
        let sql = "INSERT INTO counters VALUES ('n', 1) ON CONFLICT DO UPDATE SET value = value + 1";
        db.execute(sql, []).expect("a write");
    }

    /// How long the log is, and how long it may become before the next restart.
    fn lengths(wal: &Wal) -> (i64, i64) {
        let news = *wal.news();
        (news.pages, news.restart_at)
    }

    fn log_bytes(dir: &Path) -> u64 {
        std::fs::metadata(dir.join("milepost.db-wal")).expect("a log").len()
    }

    #[test]
    fn a_long_log_is_restarted_and_a_very_long_one_cut_off() {
        let (dir, db, wal) = written();
        wal.after_commit(&db);
        let bytes = log_bytes(dir.path());
        for (pages, bytes_after) in [(RESTART_PAGES, bytes), (TRUNCATE_PAGES, 0)] {
            wal.news().pages = pages;
            wal.after_commit(&db);
            assert_eq!((lengths(&wal), log_bytes(dir.path())), ((0, RESTART_PAGES), bytes_after));
        }
    }

    #[test]
    fn a_log_that_became_long_is_moved_and_restarted() {
        let (dir, db, wal) = written();
        wal.news().restart_at = 100;
        db.execute_batch("CREATE TABLE much AS SELECT zeroblob(400 * 1024)").expect("a long log");
        wal.checkpoint_beside(&db);
        assert!(lengths(&wal).0 > 100);
        let moved = std::fs::metadata(open::database(dir.path())).expect("a database").len();
        assert!(moved > 400 * 1024, "{moved} bytes");
        wal.after_commit(&db);
        assert_eq!(lengths(&wal), (0, RESTART_PAGES));
    }

    #[test]
    fn a_restart_that_a_reader_blocks_is_put_off() {
        let (dir, db, wal) = written();
        let mut reader = open::reader(dir.path()).expect("a database");
        let snapshot = reader.transaction().expect("a snapshot");
        snapshot.query_row("SELECT value FROM counters", [], |row| row.get::<_, i64>(0)).expect("a row");
        write(&db);
        wal.news().pages = RESTART_PAGES;
        wal.after_commit(&db);
        assert_eq!(lengths(&wal), (RESTART_PAGES, 2 * RESTART_PAGES));
        drop(snapshot);
        wal.after_commit(&db);
        assert_eq!(lengths(&wal), (RESTART_PAGES, 2 * RESTART_PAGES), "not yet: the log has not grown");
        wal.news().pages = 2 * RESTART_PAGES;
        wal.after_commit(&db);
        assert_eq!(lengths(&wal), (0, RESTART_PAGES));
    }
}
