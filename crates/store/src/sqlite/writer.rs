//! The only connection that writes, with what keeps its write-ahead log short and other processes out.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::crew::Tool;
use super::jobs;
use super::open::{self, OpenError};
use super::wal::Wal;
use crate::leases::Leases;
use crate::tally::Tallies;

/// The only connection that writes, with what keeps its log short. The fields are dropped in this order: the lock outlives the connection.
pub(super) struct Writer {
    pub(super) db: Connection,
    /// Changed by the writer alone, so that nothing is stored between a lease and another.
    pub(super) leases: Leases,
    pub(super) tallies: Tallies,
    wal: Arc<Wal>,
    checkpoints: Option<JoinHandle<()>>,
    /// How many rows this connection had changed after its last task.
    changes: u64,
    _lock: File,
}

impl Writer {
    /// Takes the folder for this process, opens its database and starts the checkpoint thread.
    pub(super) fn open(dir: &Path) -> Result<Writer, OpenError> {
        let lock = open::lock(dir)?;
        let db = open::writer(dir)?;
        jobs::release_all(&db).map_err(|error| open::explain(&open::database(dir), error))?;
        let cannot = |error| open::inaccessible(dir, &error);
        let wal = Arc::new(Wal::of(&open::database(dir)).map_err(cannot)?);
        let checkpoints = wal.watch(open::writer(dir)?).map_err(cannot)?;
        Ok(Writer {
            db,
            leases: Leases::default(),
            tallies: Tallies::default(),
            wal,
            checkpoints: Some(checkpoints),
            changes: 0,
            _lock: lock,
        })
    }
}

impl Tool for Writer {
    fn after_task(&mut self) {
        let changes = self.db.total_changes();
        if changes != self.changes {
            self.changes = changes;
            self.wal.after_commit(&self.db);
        }
    }
}

impl Drop for Writer {
    /// Leaves everything in the database file. A log that readers keep from being emptied is no loss: the next start reads it.
    fn drop(&mut self) {
        self.wal.end_watch();
        if self.checkpoints.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpoint thread ended in a panic");
        }
        self.wal.empty(&self.db);
    }
}
