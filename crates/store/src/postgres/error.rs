//! What can go wrong with the database.

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
