//! The embedded store as what is copied from.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tokio::sync::mpsc;

use super::open::{self, OpenError};
use super::writer::Writer;
use crate::copy::Table;
use crate::rows::list::Value;

/// Rows of the table in this place.
type Batch = (usize, Vec<Vec<Value>>);

/// A store that nobody else has open.
pub(crate) struct Source {
    dir: PathBuf,
    /// Held for its lock. It has brought the schema up to date, too.
    writer: Writer,
}

/// A reading under way.
pub(crate) struct Reading {
    dir: PathBuf,
    thread: JoinHandle<rusqlite::Result<()>>,
}

impl Source {
    /// Takes the store in a folder for this process.
    pub(crate) fn open(dir: &Path) -> Result<Source, OpenError> {
        // What is not there must not be made. One of an older version is brought up to date.
        if let Err(missing @ OpenError::Missing { .. }) = open::reader(dir) {
            return Err(missing);
        }
        Ok(Source { dir: dir.to_owned(), writer: Writer::open(dir)? })
    }

    /// Reads every row of these tables on a thread of its own, one table after the other.
    pub(crate) fn read(
        self,
        tables: &'static [Table],
        at_once: usize,
        hand_over: mpsc::Sender<Batch>,
    ) -> Result<Reading, OpenError> {
        let Source { dir, writer } = self;
        let thread = std::thread::Builder::new().name("milepost-copy".to_owned());
        let read = move || {
            let mut writer = writer;
            read_tables(&mut writer.db, tables, at_once, &hand_over)
        };
        let thread = thread.spawn(read).map_err(|error| open::inaccessible(&dir, &error))?;
        Ok(Reading { dir, thread })
    }
}

impl Reading {
    /// Whether it came to its end.
    pub(crate) fn end(self) -> Result<(), OpenError> {
        let why = || "the reading ended in a panic".to_owned();
        let path = open::database(&self.dir);
        let read = self.thread.join().map_err(|_| OpenError::NotAStore { path: path.clone(), why: why() })?;
        read.map_err(|error| open::explain(&path, error))
    }
}

fn read_tables(
    db: &mut Connection,
    tables: &[Table],
    at_once: usize,
    hand_over: &mpsc::Sender<Batch>,
) -> rusqlite::Result<()> {
    let snapshot = db.transaction()?;
    for (place, table) in tables.iter().enumerate() {
        let mut statement = snapshot.prepare(table.from)?;
        let mut rows = statement.query([])?;
        let mut batch = Vec::with_capacity(at_once);
        while let Some(row) = rows.next()? {
            batch.push(values(row, table.columns.len())?);
            if batch.len() == at_once && hand_over.blocking_send((place, std::mem::take(&mut batch))).is_err() {
                // Nobody takes them any more, and says why.
                return Ok(());
            }
        }
        if !batch.is_empty() && hand_over.blocking_send((place, batch)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn values(row: &Row<'_>, count: usize) -> rusqlite::Result<Vec<Value>> {
    let value = |column| {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Real(_) => return Err(rusqlite::Error::IntegralValueOutOfRange(column, 0)),
            ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        })
    };
    (0..count).map(value).collect()
}
