//! What can go wrong with the database, in words for people: no SQL, no paths.

use rusqlite::{ErrorCode, ffi};

use crate::StoreError;
use crate::rows::Damaged;

/// Why something asked of the database did not succeed.
#[derive(Debug)]
pub(super) enum Fault {
    /// SQLite refused or failed.
    Sql(rusqlite::Error),
    /// A value that is stored cannot be understood.
    Damaged(String),
    /// The cursor of a page names nothing that the list's owner has.
    UnknownCursor,
}

/// What SQLite's failures mean to whoever runs the gateway.
const WORDS: [(ErrorCode, &str); 8] = [
    (ErrorCode::DiskFull, "the disk is full"),
    (ErrorCode::SystemIoFailure, "the disk cannot be read or written"),
    (ErrorCode::ReadOnly, "the database is read-only"),
    (ErrorCode::CannotOpen, "the database file cannot be opened"),
    (ErrorCode::PermissionDenied, "access to the database file was denied"),
    (ErrorCode::DatabaseBusy, "another process keeps the database busy"),
    (ErrorCode::DatabaseLocked, "another process keeps the database locked"),
    (ErrorCode::OutOfMemory, "there is not enough memory"),
];

impl From<Damaged> for Fault {
    fn from(Damaged(what): Damaged) -> Fault {
        Fault::Damaged(what)
    }
}

impl From<rusqlite::Error> for Fault {
    /// Errors without a code of SQLite's are about values of the wrong type or range.
    fn from(error: rusqlite::Error) -> Fault {
        match error.sqlite_error_code() {
            Some(_) => Fault::Sql(error),
            None => Fault::Damaged(error.to_string()),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Sql(error) => {
                // The details are for the log alone: the answer reaches people who must not see the database's insides.
                tracing::warn!(%error, "the database failed");
                in_words(&error)
            }
            Fault::Damaged(what) => StoreError::Damaged(what),
            Fault::UnknownCursor => StoreError::UnknownCursor,
        }
    }
}

/// Whether there was no space left. Where the log's shared memory cannot grow for want of it, SQLite speaks of input and output.
pub(super) fn is_out_of_space(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || extended == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

fn in_words(error: &rusqlite::Error) -> StoreError {
    let code = if is_out_of_space(error) { Some(ErrorCode::DiskFull) } else { error.sqlite_error_code() };
    if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
        return StoreError::Damaged("the database file is malformed".to_owned());
    }
    let known = WORDS.iter().find(|(other, _)| Some(*other) == code);
    let words = known.map_or("the database failed unexpectedly; the log has the details", |(_, words)| words);
    StoreError::Unavailable(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: std::ffi::c_int) -> StoreError {
        let details = Some("near \"SELECT\" in /var/lib/milepost.db".to_owned());
        StoreError::from(Fault::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), details)))
    }

    #[test]
    fn failures_are_worded_for_operators_and_show_no_insides() {
        for (code, words) in [
            (ffi::SQLITE_FULL, "the store is unavailable: the disk is full"),
            (ffi::SQLITE_IOERR_SHMSIZE, "the store is unavailable: the disk is full"),
            (ffi::SQLITE_IOERR_FSYNC, "the store is unavailable: the disk cannot be read or written"),
            (ffi::SQLITE_READONLY_DBMOVED, "the store is unavailable: the database is read-only"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "the store is unavailable: another process keeps the database busy"),
            (ffi::SQLITE_CORRUPT, "the store is damaged: the database file is malformed"),
            (
                ffi::SQLITE_CONSTRAINT,
                "the store is unavailable: the database failed unexpectedly; the log has the details",
            ),
        ] {
            assert_eq!(failure(code).to_string(), words);
        }
    }
}
