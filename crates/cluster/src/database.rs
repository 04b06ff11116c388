//! A database of a test's own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Cluster, Missing, address, programs, psql, random};

/// The variable of the environment that names a server for the databases of tests, by the address of any database of
/// somebody who may create others, or says `none` when tests shall do without PostgreSQL.
pub const SERVER: &str = "MILEPOST_TEST_POSTGRES";

/// What a variable says when tests shall do without.
const WITHOUT: &str = "none";

/// A database with a name that nobody else uses. It is dropped with this value, whoever is connected.
#[derive(Debug)]
pub struct Database {
    name: String,
    url: String,
    admin_url: String,
    programs: PathBuf,
}

impl Database {
    /// An empty database in the server that [`SERVER`] names, or else in a cluster that this process starts once, for
    /// all its tests. There is none when [`SERVER`] is `none`: then the test is skipped, and should say so.
    ///
    /// # Panics
    /// When there is no PostgreSQL, with what to do about it.
    #[must_use]
    pub fn fresh() -> Option<Database> {
        if !are_wanted() {
            return None;
        }
        let created = match named_server() {
            Some(admin_url) => Database::create(&admin_url),
            None => own_cluster().and_then(|cluster| Database::create(&cluster.admin_url())),
        };
        Some(created.unwrap_or_else(|missing| panic!("{missing}")))
    }

    /// Creates a database from where another address points to.
    pub(crate) fn create(admin_url: &str) -> Result<Database, Missing> {
        // The template that nobody can connect to: creating from any other fails while somebody is connected to that.
        Database::create_like("template0", admin_url)
    }

    fn create_like(template: &str, admin_url: &str) -> Result<Database, Missing> {
        let programs = clients()?.to_path_buf();
        let letters = random::letters::<8>().map_err(|error| Missing::failed("drawing a name", error))?;
        let name = format!("test_{letters}");
        // How it is copied is left to the server, since neither strategy is measurably faster here.
        psql::run(&programs, admin_url, &format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .map_err(|why| Missing::failed("creating a database", why))?;
        let url = address::with_database(admin_url, &name);
        Ok(Database { name, url, admin_url: admin_url.to_owned(), programs })
    }

    /// A database with all that is in this one.
    ///
    /// # Panics
    /// While somebody is connected to this one.
    #[must_use]
    pub fn copy(&self) -> Database {
        Database::create_like(&self.name, &self.admin_url).unwrap_or_else(|missing| panic!("{missing}"))
    }

    /// Its address, for somebody who may do everything.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements in it, and gives what they answer, a row a line and `|` between columns.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn sql(&self, statements: &str) -> String {
        psql::run(&self.programs, &self.url, statements).unwrap_or_else(|why| panic!("{statements}: {why}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Where the server is gone, so is the database.
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        drop(psql::run(&self.programs, &self.admin_url, &statement));
    }
}

/// Whether databases are wanted: tests shall do without them where [`SERVER`] is `none`.
#[must_use]
pub fn are_wanted() -> bool {
    is_wanted(SERVER)
}

/// Whether something is wanted, for all that a variable says.
pub(crate) fn is_wanted(variable: &str) -> bool {
    std::env::var(variable).as_deref() != Ok(WITHOUT)
}

fn named_server() -> Option<String> {
    std::env::var(SERVER).ok().filter(|server| !server.is_empty())
}

/// The cluster that this process starts for its tests where no server is named. Nobody drops it: its keeper ends it
/// with the process.
fn own_cluster() -> Result<&'static Cluster, Missing> {
    static OWN: OnceLock<Result<Cluster, Missing>> = OnceLock::new();
    OWN.get_or_init(Cluster::start).as_ref().map_err(Missing::clone)
}

/// The folder with PostgreSQL's client.
fn clients() -> Result<&'static Path, Missing> {
    static CLIENTS: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    CLIENTS.get_or_init(|| programs::folder_with(&["psql"])).as_deref().map_err(Missing::clone)
}
