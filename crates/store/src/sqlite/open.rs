//! Opening a store: its folder, its lock, its connections and its schema.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::{Fault, is_out_of_space};
use super::wal::BUSY_TIMEOUT;
use super::{jobs, metadata};

/// The database's name in its folder.
const DATABASE: &str = "milepost.db";
/// The lock's name in its folder.
const LOCK: &str = "milepost.lock";
/// What SQLite files of Milepost are marked with: "MILE" in ASCII.
const APPLICATION_ID: i32 = 0x4D49_4C45;
/// Each is applied once, in its own transaction, in this order; `user_version` counts those that were. Never change one.
const MIGRATIONS: [&str; 9] = [
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_payments.sql"),
    include_str!("migrations/0003_clocks.sql"),
    include_str!("migrations/0004_refunds.sql"),
    include_str!("migrations/0005_keys.sql"),
    include_str!("migrations/0006_lists.sql"),
    include_str!("migrations/0007_webhooks.sql"),
    include_str!("migrations/0008_secrets.sql"),
    include_str!("migrations/0009_leases.sql"),
];
/// The one that makes the table of metadata, which is filled right after it.
const METADATA_VERSION: i32 = 6;
/// Pages that a connection keeps in memory, in KiB. With a large cache the writer spends its time truncating it.
const CACHE_KIB: i32 = 16 * 1024;
/// How much of the database is read through mapped memory, in bytes: 256 MiB.
const MMAP_BYTES: i64 = 256 * 1024 * 1024;
/// More than there are different statements, but for filters of lists; of these, the ones in use.
const CACHED_STATEMENTS: usize = 128;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the data folder {} is in use by another milepost; stop that one first, or give this one a folder of its own",
        .dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// A newer version of Milepost has written it.
    #[error(
        "{} has schema version {found}, and this milepost knows versions up to {known}; use the newer milepost that wrote it",
        .path.display()
    )]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest version that this binary knows.
        known: i32,
    },
    /// It must be brought up to date first, which reading alone cannot do.
    #[error(
        "{} has schema version {found} and must be brought to version {known} first; start `milepost serve` on it once",
        .path.display()
    )]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The version that this binary needs.
        known: i32,
    },
    /// It cannot be created, read or written.
    #[error("{} cannot be created, read or written: {cause}", .path.display())]
    Inaccessible {
        /// What cannot be accessed.
        path: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// The file is something else, or damaged.
    #[error("{} is not a Milepost store, or it is damaged: {why}", .path.display())]
    NotAStore {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is nothing to read.
    #[error("there is no Milepost store in {}", .dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
}

/// Where the database of a folder is.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// Creates the folder, and takes it for this process alone. The system gives the lock back when the file is closed, whatever
/// becomes of the process.
pub(super) fn lock(dir: &Path) -> Result<File, OpenError> {
    if !dir.is_dir() {
        make_folder(dir).map_err(|error| inaccessible(dir, &error))?;
    }
    let path = dir.join(LOCK);
    let file = File::options().create(true).write(true).truncate(false).open(&path);
    let file = file.map_err(|error| inaccessible(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(inaccessible(&path, &error)),
    }
}

/// Makes a folder that only its owner may look into, and makes its name durable.
fn make_folder(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)?;
    // Other systems than Unix have no folders that can be opened and synced.
    if cfg!(unix) {
        let parent = dir.canonicalize()?.parent().map(Path::to_owned);
        parent.map_or(Ok(()), |parent| File::open(parent)?.sync_all())?;
    }
    Ok(())
}

/// Makes an empty file that nobody else may read, where there is none. To SQLite it is a new database, whose log and index get the same
/// rights.
pub(super) fn make_private(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(inaccessible(path, &error)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Opens a connection that writes, and brings the schema up to date.
pub(super) fn writer(dir: &Path) -> Result<Connection, OpenError> {
    let path = database(dir);
    make_private(&path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&path, flags).map_err(|error| explain(&path, error))?;
    let found = schema_version(&db, &path)?;
    let prepared = prepare(&mut db, found);
    prepared.map_err(|fault| match fault {
        Fault::Sql(error) => explain(&path, error),
        Fault::Damaged(why) => OpenError::NotAStore { path: path.clone(), why },
        Fault::UnknownCursor => OpenError::NotAStore { path: path.clone(), why: "no list was read".to_owned() },
    })?;
    Ok(db)
}

/// Opens a connection that only reads a store that is up to date.
pub(super) fn reader(dir: &Path) -> Result<Connection, OpenError> {
    let path = database(dir);
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Err(OpenError::Missing { dir: dir.to_owned() }),
        Err(error) => return Err(inaccessible(&path, &error)),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(&path, flags).map_err(|error| explain(&path, error))?;
    let found = schema_version(&db, &path)?;
    if found < SCHEMA_VERSION {
        return Err(OpenError::OlderSchema { path, found, known: SCHEMA_VERSION });
    }
    tune(&db).map_err(|error| explain(&path, error))?;
    Ok(db)
}

/// Says that something of the folder cannot be accessed.
pub(super) fn inaccessible(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Inaccessible { path: path.to_owned(), cause: error.to_string() }
}

/// The newest schema version that this binary knows.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "there are a handful of migrations")]
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// The schema version of a store, 0 for one to be made; anything else than a store of a known version is refused untouched.
fn schema_version(db: &Connection, path: &Path) -> Result<i32, OpenError> {
    let marks = |db: &Connection| {
        db.busy_timeout(BUSY_TIMEOUT)?;
        let application_id: i32 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let version: i32 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let objects: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        rusqlite::Result::Ok((application_id, version, objects))
    };
    let known = SCHEMA_VERSION;
    match marks(db).map_err(|error| explain(path, error))? {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, found, _) if found > known => {
            Err(OpenError::NewerSchema { path: path.to_owned(), found, known })
        }
        (APPLICATION_ID, found, _) if found >= 1 => Ok(found),
        _ => Err(OpenError::NotAStore { path: path.to_owned(), why: "another program wrote it".to_owned() }),
    }
}

fn prepare(db: &mut Connection, found: i32) -> Result<(), Fault> {
    tune(db)?;
    db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A commit is answered only once it is on the disk, so that each one syncs the log.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    for (version, sql) in (1..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        migrate(db, version, sql, found)?;
    }
    Ok(())
}

fn migrate(db: &mut Connection, version: i32, sql: &str, found: i32) -> Result<(), Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(sql)?;
    if found > 0 && version == METADATA_VERSION {
        metadata::catch_up(&transaction)?;
    }
    // With the last step, so that an older store is never open without it.
    if found > 0 && version == SCHEMA_VERSION {
        jobs::catch_up(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", version)?;
    Ok(transaction.commit()?)
}

fn tune(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    db.pragma_update_and_check(None, "mmap_size", MMAP_BYTES, |_| Ok(()))?;
    db.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

pub(super) fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            OpenError::NotAStore { path, why: error.to_string() }
        }
        _ if is_out_of_space(&error) => OpenError::Inaccessible { path, cause: "the disk is full".to_owned() },
        _ => OpenError::Inaccessible { path, cause: error.to_string() },
    }
}
