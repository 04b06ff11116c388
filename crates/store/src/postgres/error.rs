//! What can go wrong with the database, in words for people: no SQL, no addresses.

use deadpool_postgres::PoolError;
use tokio_postgres::error::{Severity, SqlState};

use crate::StoreError;
use crate::rows::Damaged;

/// Why a PostgreSQL store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It cannot be reached, or refuses whoever asks.
    #[error("the database {database} cannot be used: {why}")]
    Unreachable {
        /// Its address, without the password.
        database: String,
        /// What is wrong.
        why: String,
    },
    /// A newer version of Milepost has changed it.
    #[error(
        "the database {database} has schema version {found}, and this milepost knows versions up to {known}; use the newer milepost"
    )]
    NewerSchema {
        /// Its address, without the password.
        database: String,
        /// Its version.
        found: i32,
        /// The newest version that this binary knows.
        known: i32,
    },
    /// It must be brought up to date first.
    #[error(
        "the database {database} has schema version {found} and must be brought to version {known} first; run `milepost migrate`, or start with --migrate"
    )]
    OlderSchema {
        /// Its address, without the password.
        database: String,
        /// Its version; 0 where there is no store yet.
        found: i32,
        /// The version that this binary needs.
        known: i32,
    },
}

/// Why something asked of the database did not succeed.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server refused a statement, or the connection ended.
    Sql(tokio_postgres::Error),
    /// There was no connection to be had.
    Connection(String),
    /// There was no answer in time.
    TimedOut,
    /// The store was closed.
    Closed,
    /// Whether a commit happened cannot be learned.
    InDoubt,
    /// A value that is stored cannot be understood.
    Damaged(String),
    /// The cursor of a page names nothing that the list's owner has.
    UnknownCursor,
}

/// What the refusals of the server mean to whoever runs the gateway.
const WORDS: [(&SqlState, &str); 16] = [
    (&SqlState::DISK_FULL, "the database's disk is full"),
    (&SqlState::OUT_OF_MEMORY, "the database has not enough memory"),
    (&SqlState::TOO_MANY_CONNECTIONS, "the database has too many connections"),
    (&SqlState::QUERY_CANCELED, "the database took too long"),
    (&SqlState::LOCK_NOT_AVAILABLE, "something else keeps a part of the database locked"),
    (&SqlState::READ_ONLY_SQL_TRANSACTION, "the database is read-only"),
    (&SqlState::ADMIN_SHUTDOWN, "the database ended the connection"),
    (&SqlState::CRASH_SHUTDOWN, "the database ended the connection"),
    (&SqlState::CANNOT_CONNECT_NOW, "the database is starting or stopping"),
    (&SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT, "the database ended the connection"),
    (&SqlState::IO_ERROR, "the database cannot read or write its disk"),
    (&SqlState::INSUFFICIENT_PRIVILEGE, "the database's user lacks a right"),
    (&SqlState::INVALID_PASSWORD, "the database refuses the password"),
    (&SqlState::INVALID_AUTHORIZATION_SPECIFICATION, "the database refuses the user"),
    (&SqlState::INVALID_CATALOG_NAME, "there is no such database"),
    (&SqlState::UNDEFINED_TABLE, "the database lacks a table: is it a Milepost store?"),
];

impl Fault {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Fault::Sql(error) => error.code(),
            Fault::Connection(_)
            | Fault::TimedOut
            | Fault::Closed
            | Fault::InDoubt
            | Fault::Damaged(_)
            | Fault::UnknownCursor => None,
        }
    }

    /// Whether others came in between, so that the same may succeed when it is tried again. A row that is there already is one
    /// that another gateway wrote after this one had looked.
    pub(super) fn is_conflict(&self) -> bool {
        let conflicts =
            [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNIQUE_VIOLATION];
        self.code().is_some_and(|code| conflicts.contains(code))
    }

    /// Whether there is no table of the name that was used.
    pub(super) fn is_missing_table(&self) -> bool {
        self.code() == Some(&SqlState::UNDEFINED_TABLE)
    }

    /// Whether something else was in the way of a change of the schema: it kept a lock for too long, or made the same table, whose row
    /// type may be noticed first.
    pub(super) fn is_in_the_way(&self) -> bool {
        let in_the_way = [SqlState::LOCK_NOT_AVAILABLE, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
        self.is_conflict() || self.code().is_some_and(|code| in_the_way.contains(code))
    }

    /// Whether the server said that it took nothing of a transaction, and not that it goes away, in which case nobody can know.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Fault::Sql(error) => error.as_db_error().and_then(|error| error.parsed_severity()) == Some(Severity::Error),
            Fault::Damaged(_) | Fault::UnknownCursor => true,
            Fault::Connection(_) | Fault::TimedOut | Fault::Closed | Fault::InDoubt => false,
        }
    }

    /// Whether a connection that there was has been lost, so that another one may do better.
    pub(super) fn is_of_connection(&self) -> bool {
        match self {
            Fault::Sql(error) => error
                .as_db_error()
                .is_none_or(|error| matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))),
            Fault::Connection(_)
            | Fault::TimedOut
            | Fault::Closed
            | Fault::InDoubt
            | Fault::Damaged(_)
            | Fault::UnknownCursor => false,
        }
    }

    /// What went wrong, in words for people.
    pub(super) fn words(&self) -> String {
        let known = |code: &SqlState| WORDS.iter().find(|(other, _)| *other == code).map(|(_, words)| *words);
        match self {
            Fault::Sql(error) => match error.code() {
                Some(code) => known(code).unwrap_or("the database failed unexpectedly; the log has the details"),
                None => "the connection to the database was lost",
            },
            Fault::Connection(_) => "the database cannot be reached",
            Fault::TimedOut => "the database did not answer in time",
            Fault::Closed => "the store is closed",
            Fault::InDoubt => "whether it was stored cannot be learned",
            Fault::Damaged(what) => what,
            Fault::UnknownCursor => "no such cursor",
        }
        .to_owned()
    }

    /// What went wrong, with the details, for the log and for whoever sets a gateway up.
    pub(super) fn details(&self) -> String {
        match self {
            Fault::Sql(error) => match error.as_db_error() {
                Some(refusal) => format!("{} (SQLSTATE {})", refusal.message(), refusal.code().code()),
                None => std::error::Error::source(error)
                    .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
            },
            Fault::Connection(why) => why.clone(),
            Fault::TimedOut | Fault::Closed | Fault::InDoubt | Fault::Damaged(_) | Fault::UnknownCursor => self.words(),
        }
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        Fault::Sql(error)
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Fault {
        match error {
            PoolError::Backend(error) => Fault::Connection(Fault::Sql(error).details()),
            PoolError::Closed => Fault::Closed,
            PoolError::Timeout(_) => Fault::Connection("there was no connection in time".to_owned()),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Fault::Connection(error.to_string()),
        }
    }
}

impl From<Damaged> for Fault {
    fn from(Damaged(what): Damaged) -> Fault {
        Fault::Damaged(what)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Damaged(what) => StoreError::Damaged(what),
            Fault::UnknownCursor => StoreError::UnknownCursor,
            Fault::Closed => StoreError::Unavailable(fault.words()),
            Fault::InDoubt => StoreError::InDoubt,
            Fault::Sql(_) | Fault::Connection(_) | Fault::TimedOut => {
                // The details are for the log alone: the answer reaches people who must not see the database's insides.
                tracing::warn!(error = fault.details(), "the database failed");
                let code = fault.code();
                if matches!(code, Some(code) if *code == SqlState::DATA_CORRUPTED || *code == SqlState::INDEX_CORRUPTED)
                {
                    return StoreError::Damaged("the database is damaged".to_owned());
                }
                StoreError::Unavailable(fault.words())
            }
        }
    }
}
