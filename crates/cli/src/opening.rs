//! Opening the store that a command works on: the embedded one in a folder, or one in a database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use engine::{Host, Keyring};
use escrow::Span;
use serde_json::{Value, json};
use store::{DatabaseUrl, OpenError, PostgresSettings, PostgresStore, SqliteStore, Store};

use crate::config::database::{DATABASE_CONNECTIONS, DATABASE_LOCK_TIMEOUT, DATABASE_STATEMENT_TIMEOUT, DATABASE_URL};
use crate::config::{DATA, SECRET_FILE, Sources};
use crate::failure::Failure;
use crate::merchants;
use crate::secret::{self, Keys, SECRET_NAME};

/// How many batches a gateway commits to a database side by side, as it can work on one while the other waits for its disk.
const DATABASE_LANES: usize = 2;

/// Which store a command works on.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The folder of the embedded store [env: MILEPOST_DATA] [default: ./milepost-data]
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// Use the store in this PostgreSQL database instead, postgres://USER:PASSWORD@HOST:PORT/DATABASE; others see the flag, but not the
    /// variable [env: MILEPOST_DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

/// Where the gateway's secret is.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// The file with the gateway's secret, the same for all gateways of a store [env: MILEPOST_SECRET_FILE]
    /// [default: secret.key in the folder of --data]
    #[arg(long, global = true, value_name = "FILE")]
    secret_file: Option<String>,
}

/// How a database is used.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub(crate) struct TuningArgs {
    /// Connections to the database at most [env: MILEPOST_DATABASE_CONNECTIONS] [default: 8]
    #[arg(long, value_name = "NUMBER")]
    database_connections: Option<String>,
    /// How long the database may take for a statement [env: MILEPOST_DATABASE_STATEMENT_TIMEOUT] [default: 10s]
    #[arg(long, value_name = "TIME")]
    database_statement_timeout: Option<String>,
    /// How long a statement may wait for a lock [env: MILEPOST_DATABASE_LOCK_TIMEOUT] [default: 5s]
    #[arg(long, value_name = "TIME")]
    database_lock_timeout: Option<String>,
}

impl StoreArgs {
    /// The store of a command that needs nothing else of the data folder.
    ///
    /// # Errors
    /// When it is not understood, or two were named.
    pub(crate) fn site(&self, sources: &Sources) -> Result<Site, Failure> {
        let site = self.named(&TuningArgs::default(), sources)?;
        match (&site, &self.data) {
            (Site::Database(_), Some(_)) => Err(Failure::usage(format!(
                "--data: the store is the database {site}; leave one of the two out (the database may be named by \
                 MILEPOST_DATABASE_URL or the configuration file)"
            ))),
            (Site::Database(_), None) | (Site::Folder(_), _) => Ok(site),
        }
    }

    /// The store of a command that needs the gateway's secret as well, and the file where that is.
    ///
    /// # Errors
    /// When something of it is not understood.
    pub(crate) fn site_and_secret(
        &self,
        secret: &SecretArgs,
        tuning: &TuningArgs,
        sources: &Sources,
    ) -> Result<(Site, PathBuf), Failure> {
        let file = secret.file(sources, &sources.get(&DATA, self.data.as_deref())?)?;
        Ok((self.named(tuning, sources)?, file))
    }

    fn named(&self, tuning: &TuningArgs, sources: &Sources) -> Result<Site, Failure> {
        match sources.find(&DATABASE_URL, self.database_url.as_deref())? {
            Some(url) => tuning.settings(url, sources).map(Box::new).map(Site::Database),
            None => {
                tuning.check(sources)?;
                sources.get(&DATA, self.data.as_deref()).map(Site::Folder)
            }
        }
    }
}

impl TuningArgs {
    /// How this database is used.
    ///
    /// # Errors
    /// When something of it is not understood.
    pub(crate) fn settings(&self, url: DatabaseUrl, sources: &Sources) -> Result<PostgresSettings, Failure> {
        let (connections, statement_timeout, lock_timeout) = self.check(sources)?;
        Ok(PostgresSettings { connections, statement_timeout, lock_timeout, ..PostgresSettings::of(url) })
    }

    /// Reads all of it, whether it is of use or not, so that what is wrong is told.
    fn check(&self, sources: &Sources) -> Result<(usize, Span, Span), Failure> {
        Ok((
            sources.get(&DATABASE_CONNECTIONS, self.database_connections.as_deref())?,
            sources.get(&DATABASE_STATEMENT_TIMEOUT, self.database_statement_timeout.as_deref())?,
            sources.get(&DATABASE_LOCK_TIMEOUT, self.database_lock_timeout.as_deref())?,
        ))
    }
}

impl SecretArgs {
    /// The file with the secret, which is in this folder unless it is set.
    ///
    /// # Errors
    /// When it is not understood.
    pub(crate) fn file(&self, sources: &Sources, folder: &Path) -> Result<PathBuf, Failure> {
        let file = sources.find(&SECRET_FILE, self.secret_file.as_deref())?;
        Ok(file.unwrap_or_else(|| folder.join(SECRET_NAME)))
    }
}

/// Where a store is. Its text is for people, and without passwords.
#[derive(Clone, Debug)]
pub(crate) enum Site {
    /// The embedded one, in this folder.
    Folder(PathBuf),
    /// One in this database.
    Database(Box<PostgresSettings>),
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Folder(folder) => write!(f, "{}", folder.display()),
            Site::Database(settings) => write!(f, "{}", settings.url),
        }
    }
}

impl Site {
    /// What kind of store it is, for machines.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Site::Folder(_) => "sqlite",
            Site::Database(_) => "postgres",
        }
    }

    /// Where it is, for machines: the name of what says so, and the text.
    pub(crate) fn place(&self) -> (&'static str, Value) {
        match self {
            Site::Folder(_) => ("data", json!(self.to_string())),
            Site::Database(_) => ("database", json!(self.to_string())),
        }
    }

    /// The flag that names it again, for people; without passwords.
    pub(crate) fn flag(&self) -> String {
        match self {
            Site::Folder(_) => format!("--data {self}"),
            Site::Database(_) => format!("--database-url {self}"),
        }
    }

    /// How many batches an engine may commit to it side by side: an embedded store has one writer.
    pub(crate) const fn lanes(&self) -> usize {
        match self {
            Site::Folder(_) => 1,
            Site::Database(_) => DATABASE_LANES,
        }
    }

    /// Opens the store for writing. An embedded one is made when there is none, and upgraded when it is older; a database must have
    /// been brought up to date.
    ///
    /// # Errors
    /// When it cannot be opened, for instance because another process has the folder.
    pub(crate) async fn open(self) -> Result<Opened, Failure> {
        match &self {
            Site::Folder(folder) => {
                let store = open(folder)?;
                Ok(Opened { site: self, store })
            }
            Site::Database(settings) => {
                let store = PostgresStore::open(settings).await.map(Arc::new).map_err(Failure::unavailable)?;
                Ok(Opened { site: self, store })
            }
        }
    }

    /// Opens the store for writing as [`Site::open`] does, and says whether it had to be made.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) async fn open_or_make(self) -> Result<(Opened, Found), Failure> {
        let found = if self.missing().is_some() { Found::Nothing } else { Found::Store };
        self.open().await.map(|opened| (opened, found))
    }

    /// Opens the store for writing, and makes nothing where there is none.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub(crate) async fn open_existing(self) -> Result<Opened, Failure> {
        match self.missing() {
            Some(error) => Err(Failure::unavailable(error)),
            None => self.open().await,
        }
    }

    /// Opens the store for reading, beside whoever else has it open.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) async fn open_read_only(self) -> Result<Opened, Failure> {
        match &self {
            Site::Folder(folder) => {
                let store = open_read_only(folder)?;
                Ok(Opened { site: self, store })
            }
            Site::Database(_) => self.open().await,
        }
    }

    /// The complaint about a folder without a store. Whatever else is wrong with it, or with a database, shows when it is opened for good.
    fn missing(&self) -> Option<OpenError> {
        match self {
            Site::Folder(folder) => {
                SqliteStore::open_read_only(folder).err().filter(|error| matches!(error, OpenError::Missing { .. }))
            }
            Site::Database(_) => None,
        }
    }
}

/// Whether there was a store already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There was.
    Store,
    /// There was none, and one was made.
    Nothing,
}

/// An open store, and where it is.
pub(crate) struct Opened {
    /// Where it is.
    pub(crate) site: Site,
    /// The store.
    pub(crate) store: Arc<dyn Store>,
}

impl Opened {
    /// The keyring with the secret in this file, which is made on first use. A store is for gateways with one secret alone: the first
    /// that comes.
    ///
    /// # Errors
    /// When the store or the secret cannot be read, or the secret is not the one of the store.
    pub(crate) async fn keyring(&self, file: &Path, host: &dyn Host) -> Result<Keyring, Failure> {
        let has_keys = !merchants::has_no_keys(self.store.as_ref()).await?;
        let has_secret = self.store.has_secret().await.map_err(Failure::unavailable)?;
        let keyring = secret::keyring(file, if has_keys || has_secret { Keys::Some } else { Keys::None }, host)?;
        let is_known = self.store.knows_secret(keyring.secret_fingerprint()).await.map_err(Failure::unavailable)?;
        if is_known { Ok(keyring) } else { Err(secret::another(file, &self.site)) }
    }
}

/// Opens the store in a folder for writing; makes it when there is none, and upgrades it when it is older.
///
/// # Errors
/// When it cannot be opened, for instance because another process has it open.
pub(crate) fn open(folder: &Path) -> Result<Arc<SqliteStore>, Failure> {
    SqliteStore::open(folder).map(Arc::new).map_err(Failure::unavailable)
}

/// Opens the store in a folder for reading, beside whoever else has it open.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open_read_only(folder: &Path) -> Result<Arc<SqliteStore>, Failure> {
    SqliteStore::open_read_only(folder).map(Arc::new).map_err(Failure::unavailable)
}
