//! Moving up: an embedded store, copied into an empty database.

use std::path::Path;

use tokio::sync::mpsc;

use crate::postgres::{Intake, PostgresSettings};
use crate::rows::list::Value;
use crate::sqlite::Source;
use crate::{DatabaseError, OpenError};

/// How many rows are read and written at once.
const ROWS_AT_ONCE: usize = 500;

/// How many times that may wait to be written.
const MOST_WAITING: usize = 4;

/// Why a store was not copied. Nothing of it is in the database then.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The embedded store cannot be opened or read.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The database cannot be opened or written.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is something in the database already.
    #[error("the database {0} is not empty; copy into a new one")]
    NotEmpty(String),
}

/// What kind of values a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// Numbers.
    Integer,
    /// Texts.
    Text,
    /// Bytes.
    Blob,
}

/// A table of the database, and where its rows come from.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its columns.
    pub(crate) columns: &'static [(&'static str, Column)],
    /// The query of the embedded store that gives them, in the order of the columns.
    pub(crate) from: &'static str,
}

use Column::{Blob, Integer, Text};

/// Everything but the log of requests, which lives for days, and what is only about the process that has the store open.
const TABLES: [Table; 17] = [
    Table {
        name: "escrows",
        columns: &[
            ("owner", Blob),
            ("id", Blob),
            ("version", Integer),
            ("status", Text),
            ("payment_type", Text),
            ("currency", Text),
            ("created", Integer),
            ("body", Text),
        ],
        from: "SELECT owner, id, version, status, payment_type, currency, created, body FROM escrows ORDER BY owner, id",
    },
    Table {
        name: "parts",
        columns: &[
            ("owner", Blob),
            ("escrow", Blob),
            ("kind", Integer),
            ("id", Blob),
            ("place", Integer),
            ("waits", Integer),
            ("body", Text),
        ],
        from: "SELECT e.owner, p.escrow, p.kind, p.id, p.place, p.waits, p.body FROM parts p JOIN escrows e ON e.id = p.escrow
            ORDER BY p.escrow, p.kind, p.id",
    },
    Table {
        name: "metadata",
        columns: &[("owner", Blob), ("name", Blob), ("value", Blob), ("escrow", Blob)],
        from: "SELECT owner, CAST(name AS BLOB), CAST(value AS BLOB), escrow FROM metadata ORDER BY owner, name, value, escrow",
    },
    Table {
        name: "transfers",
        columns: &[
            ("owner", Blob),
            ("id", Blob),
            ("intent", Blob),
            ("created", Integer),
            ("kind", Text),
            ("subject", Blob),
            ("method", Text),
            ("minor", Integer),
            ("currency", Text),
            ("from_after", Integer),
            ("to_after", Integer),
        ],
        from: "SELECT owner, id, intent, created, kind, subject, method, minor, currency, from_after, to_after FROM transfers
            ORDER BY owner, id",
    },
    Table {
        name: "balances",
        columns: &[("owner", Blob), ("account", Text), ("currency", Text), ("minor", Integer)],
        from: "SELECT owner, account, currency, minor FROM balances ORDER BY owner, account, currency",
    },
    Table {
        name: "streams",
        columns: &[("owner", Blob), ("last", Integer)],
        from: "SELECT owner, last FROM streams ORDER BY owner",
    },
    Table {
        name: "events",
        columns: &[
            ("owner", Blob),
            ("position", Integer),
            ("subject", Blob),
            ("sequence", Integer),
            ("id", Blob),
            ("created", Integer),
            ("hash", Blob),
            ("type", Text),
            ("body", Blob),
        ],
        from: "SELECT owner, position, subject, sequence, id, created, hash, type, body FROM events ORDER BY owner, position",
    },
    Table {
        name: "jobs",
        columns: &[
            ("owner", Blob),
            ("intent", Blob),
            ("duty", Integer),
            ("subject", Blob),
            ("due", Integer),
            ("run_at", Integer),
            ("token", Integer),
            ("attempts", Integer),
        ],
        // Nobody holds a lease of a store that nobody serves.
        from: "SELECT owner, intent, duty, subject, due, run_at, 0, attempts FROM jobs ORDER BY owner, intent, duty, subject",
    },
    Table {
        name: "clocks",
        columns: &[("owner", Blob), ("ahead_ms", Integer)],
        from: "SELECT owner, ahead_ms FROM clocks ORDER BY owner",
    },
    Table {
        name: "replies",
        columns: &[
            ("owner", Blob),
            ("key", Text),
            ("fingerprint", Blob),
            ("status", Integer),
            ("created", Integer),
            ("body", Blob),
        ],
        // Of several under one key the others are forgotten.
        from: "SELECT owner, key, fingerprint, status, created, body FROM replies
            WHERE created >= coalesce((SELECT value FROM counters WHERE name = 'replies_from'), created) ORDER BY owner, key",
    },
    Table {
        name: "claims",
        columns: &[("owner", Blob), ("hash", Blob), ("intent", Blob)],
        from: "SELECT owner, hash, intent FROM claims ORDER BY owner, hash",
    },
    Table {
        name: "merchants",
        columns: &[("id", Blob), ("name", Text), ("created", Integer)],
        from: "SELECT id, name, created FROM merchants ORDER BY id",
    },
    Table {
        name: "keys",
        columns: &[
            ("owner", Blob),
            ("id", Blob),
            ("hash", Blob),
            ("kind", Text),
            ("last_four", Text),
            ("created", Integer),
            ("expires", Integer),
            ("revoked", Integer),
            ("name", Text),
            ("scopes", Text),
            ("last_used", Integer),
        ],
        // The operator's keys are those of merchant 0, live.
        from: "SELECT coalesce(owner, x'0000000000000000000000000000000001'), id, hash, kind, last_four, created, expires, revoked,
            name, scopes, last_used FROM keys ORDER BY id",
    },
    Table {
        name: "journals",
        columns: &[("owner", Blob), ("id", Blob), ("count", Integer), ("head", Blob)],
        from: "SELECT owner, id, count, head FROM journals ORDER BY owner",
    },
    Table {
        name: "endpoints",
        columns: &[
            ("owner", Blob),
            ("id", Blob),
            ("state", Text),
            ("url", Text),
            ("description", Text),
            ("events", Text),
            ("secret", Integer),
            ("previous_until", Integer),
            ("created", Integer),
            ("updated", Integer),
            ("cursor", Integer),
            ("failing_since", Integer),
            ("holder", Blob),
            ("token", Integer),
            ("held_until", Integer),
        ],
        from: "SELECT owner, id, state, url, description, events, secret, previous_until, created, updated, cursor, failing_since,
            NULL, 0, 0 FROM endpoints ORDER BY id",
    },
    Table {
        name: "deliveries",
        columns: &[
            ("endpoint", Blob),
            ("position", Integer),
            ("id", Blob),
            ("state", Text),
            ("due", Integer),
            ("tries", Integer),
            ("asked", Integer),
            ("heard", Integer),
            ("created", Integer),
            ("updated", Integer),
            ("attempts", Text),
        ],
        from: "SELECT endpoint, position, id, state, due, tries, asked, heard, created, updated, attempts FROM deliveries
            ORDER BY endpoint, position",
    },
    Table {
        name: "counters",
        columns: &[("name", Text), ("value", Integer)],
        from: "SELECT name, value FROM counters WHERE name = 'replies_from'",
    },
];

/// Copies everything but the log of requests from the embedded store in a folder, which nobody may have open, into a database that is
/// empty: all of it, or nothing. `progress` is told after every step of which table how many rows were written.
///
/// # Errors
/// Why it was not copied.
pub async fn copy(
    from: &Path,
    to: &PostgresSettings,
    mut progress: impl FnMut(&'static str, u64) + Send,
) -> Result<(), CopyError> {
    let source = Source::open(from)?;
    let mut intake = Intake::begin(to).await?;
    if !intake.is_empty(&TABLES).await? {
        return Err(CopyError::NotEmpty(to.url.to_string()));
    }
    let (hand_over, mut batches) = mpsc::channel::<(usize, Vec<Vec<Value>>)>(MOST_WAITING);
    let reading = source.read(&TABLES, ROWS_AT_ONCE, hand_over)?;
    let mut written = 0;
    let mut current = 0;
    while let Some((place, rows)) = batches.recv().await {
        if place != current {
            (current, written) = (place, 0);
        }
        let Some(table) = TABLES.get(place) else { continue };
        written += rows.len() as u64;
        intake.take(table, rows).await?;
        progress(table.name, written);
    }
    // All that there is has been written only if it was read to its end.
    reading.end()?;
    Ok(intake.finish().await?)
}
