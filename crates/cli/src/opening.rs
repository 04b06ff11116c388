//! Opening the store that a command works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use engine::{Host, Keyring};
use store::{OpenError, SqliteStore, Store};

use crate::config::{DATA, DATABASE_URL, Sources};
use crate::failure::Failure;
use crate::merchants;
use crate::secret;

/// Which store a command works on.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The folder of the embedded store [env: MILEPOST_DATA] [default: ./milepost-data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// A PostgreSQL store; not available yet [env: MILEPOST_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL", hide = true)]
    database_url: Option<String>,
}

impl StoreArgs {
    /// The folder of the store.
    ///
    /// # Errors
    /// When it is not understood, or a store of another kind was asked for.
    pub(crate) fn folder(&self, sources: &Sources) -> Result<PathBuf, Failure> {
        sources.find(&DATABASE_URL, self.database_url.as_deref())?;
        sources.get(&DATA, self.data.as_deref())
    }
}

/// Opens the store in a folder for writing; makes it when there is none, and upgrades it when it is older.
///
/// # Errors
/// When it cannot be opened, for instance because another process has it open.
pub(crate) fn open(folder: &Path) -> Result<Arc<SqliteStore>, Failure> {
    SqliteStore::open(folder).map(Arc::new).map_err(Failure::unavailable)
}

/// Whether there was a store in a folder already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There was.
    Store,
    /// There was none, and one was made.
    Nothing,
}

/// Opens the store in a folder for writing as [`open`] does, and says whether it had to be made.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open_or_make(folder: &Path) -> Result<(Arc<SqliteStore>, Found), Failure> {
    let found = if missing(folder).is_some() { Found::Nothing } else { Found::Store };
    open(folder).map(|store| (store, found))
}

/// Opens the store in a folder for writing, and makes nothing where there is none.
///
/// # Errors
/// When there is none, or it cannot be opened.
pub(crate) fn open_existing(folder: &Path) -> Result<Arc<SqliteStore>, Failure> {
    match missing(folder) {
        Some(error) => Err(Failure::unavailable(error)),
        None => open(folder),
    }
}

/// The complaint about a folder without a store. Whatever else is wrong with it shows when it is opened for good.
fn missing(folder: &Path) -> Option<OpenError> {
    SqliteStore::open_read_only(folder).err().filter(|error| matches!(error, OpenError::Missing { .. }))
}

/// Opens the store in a folder for reading, beside whoever else has it open.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open_read_only(folder: &Path) -> Result<Arc<SqliteStore>, Failure> {
    SqliteStore::open_read_only(folder).map(Arc::new).map_err(Failure::unavailable)
}

/// The keyring of an open store.
///
/// # Errors
/// When the store or the secret cannot be read.
pub(crate) async fn keyring(folder: &Path, store: &dyn Store, host: &dyn Host) -> Result<Keyring, Failure> {
    let keys = if merchants::has_no_keys(store).await? { secret::Keys::None } else { secret::Keys::Some };
    secret::keyring(folder, keys, host)
}
