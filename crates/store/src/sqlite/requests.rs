//! The log of requests, in a database of its own: it is written all the time, nobody waits for it, and the books must not wait for
//! it either.

use std::io;
use std::path::{Path, PathBuf};

use escrow::{KeyId, RawId, RequestId, Timestamp};
use rusqlite::{Connection, Row, params};

use super::crew::Tool;
use super::error::Fault;
use super::open::{self, OpenError};
use super::people::{holder, owner_column};
use super::{DIALECT, page};
use crate::rows::lists;
use crate::{KeyHolder, LoggedRequest, Page, PageRequest};

/// How many requests are deleted in one go.
const DELETED_AT_ONCE: i64 = 1000;

/// The table. What is in it lives for days, so that a later version may begin anew under another name instead of migrating it.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS requests (
        id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
        owner      BLOB    CHECK (length(owner) = 17),
        key        BLOB    NOT NULL CHECK (length(key) = 16),
        method     TEXT    NOT NULL,
        path       TEXT    NOT NULL,
        query      TEXT,
        status     INTEGER NOT NULL,
        created    INTEGER NOT NULL,
        latency_ms INTEGER NOT NULL,
        idempotency_key TEXT,
        sent       TEXT,
        answered   TEXT
    ) STRICT;
    CREATE INDEX IF NOT EXISTS requests_by_owner ON requests (owner, id);
    CREATE INDEX IF NOT EXISTS requests_by_time ON requests (created);";

/// The connection to the log.
pub(super) struct RequestLog(Connection);

impl Tool for RequestLog {}

fn path(dir: &Path) -> PathBuf {
    dir.join("requests.db")
}

impl RequestLog {
    /// Opens the log in a folder, and makes it where there is none. One that is damaged keeps no gateway from starting: it is set
    /// aside, and a new one begun.
    pub(super) fn open(dir: &Path) -> Result<RequestLog, OpenError> {
        let path = path(dir);
        open::make_private(&path)?;
        match connect(&path).map_err(|error| open::explain(&path, error)) {
            Err(OpenError::NotAStore { why, .. }) => {
                tracing::warn!(why, "the log of requests is damaged; it is set aside, and a new one begun");
                set_aside(&path).map_err(|error| open::inaccessible(&path, &error))?;
                open::make_private(&path)?;
                connect(&path).map_err(|error| open::explain(&path, error)).map(RequestLog)
            }
            connected => connected.map(RequestLog),
        }
    }

    pub(super) fn db(&self) -> &Connection {
        &self.0
    }
}

/// Synced at checkpoints only, so that a crash of the machine loses the last of it and never the whole (SQLite, "WAL and NORMAL").
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.execute_batch(SCHEMA)?;
    Ok(db)
}

/// Names a damaged log so, in the place of one that was before, and drops what had not been written into it.
fn set_aside(path: &Path) -> io::Result<()> {
    for rest in ["db-wal", "db-shm"] {
        match std::fs::remove_file(path.with_extension(rest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    std::fs::rename(path, path.with_extension("db.damaged"))
}

pub(super) fn add(db: &Connection, requests: &[LoggedRequest]) -> Result<(), Fault> {
    let transaction = db.unchecked_transaction()?;
    for request in requests {
        let sql = "INSERT OR IGNORE INTO requests
            (id, owner, key, method, path, query, status, created, latency_ms, idempotency_key, sent, answered)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        transaction.prepare_cached(sql)?.execute(params![
            request.id.raw().to_bytes(),
            owner_column(request.holder),
            request.key.raw().to_bytes(),
            request.method,
            request.path,
            request.query,
            request.status,
            request.created.ms(),
            request.latency_ms,
            request.idempotency_key,
            request.sent,
            request.answered
        ])?;
    }
    Ok(transaction.commit()?)
}

const COLUMNS: &str = "SELECT id, owner, key, method, path, query, status, created, latency_ms, idempotency_key, sent,
    answered FROM requests";

pub(super) fn page(
    db: &Connection,
    holder: Option<KeyHolder>,
    request: PageRequest,
) -> Result<Page<LoggedRequest>, Fault> {
    page::page(db, lists::requests(DIALECT, holder), request, |id| find(db, RequestId::new(RawId::from_bytes(id))))
}

pub(super) fn find(db: &Connection, id: RequestId) -> Result<Option<LoggedRequest>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    let mut rows = statement.query([id.raw().to_bytes()])?;
    rows.next()?.map(logged).transpose()
}

/// Deletes some of the requests from before this time; `true` when there may be more.
pub(super) fn forget(db: &Connection, before: Timestamp) -> Result<bool, Fault> {
    let sql = "DELETE FROM requests WHERE rowid IN (SELECT rowid FROM requests WHERE created < ?1 LIMIT ?2)";
    let deleted = db.prepare_cached(sql)?.execute(params![before.ms(), DELETED_AT_ONCE])?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETED_AT_ONCE))
}

fn logged(row: &Row<'_>) -> Result<LoggedRequest, Fault> {
    Ok(LoggedRequest {
        id: RequestId::new(RawId::from_bytes(row.get(0)?)),
        holder: holder(row.get(1)?)?,
        key: KeyId::new(RawId::from_bytes(row.get(2)?)),
        method: row.get(3)?,
        path: row.get(4)?,
        query: row.get(5)?,
        status: row.get(6)?,
        created: Timestamp::from_ms(row.get(7)?),
        latency_ms: row.get(8)?,
        idempotency_key: row.get(9)?,
        sent: row.get(10)?,
        answered: row.get(11)?,
    })
}
