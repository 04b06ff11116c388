//! A server of PostgreSQL.

use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::port::Port;
use crate::server::{Kind, Server};
use crate::{Database, Missing, SERVER, Settings, Stop, programs, psql, random};

/// What of PostgreSQL a cluster is made and used with; the first says which version it is.
const PROGRAMS: [&str; 3] = ["postgres", "initdb", "psql"];

/// Who owns all, as whom all connect.
const OWNER: &str = "postgres";

/// The database for whoever has none, which every cluster has.
const FIRST_DATABASE: &str = "postgres";

/// How often another port is tried where the one that was chosen was taken meanwhile.
const PORTS: u32 = 3;

/// A server of PostgreSQL with its databases, in a temporary folder, at a port of 127.0.0.1 that the system chose. It
/// ends with this value, or with this process when that is earlier, whatever ends it.
pub struct Cluster {
    server: Server,
    programs: PathBuf,
    port: Port,
    password: String,
}

impl Cluster {
    /// Starts a cluster with the usual settings.
    ///
    /// # Errors
    /// What is missing.
    pub fn start() -> Result<Cluster, Missing> {
        Settings::default().start()
    }

    /// Starts a cluster with the usual settings for a test, which is skipped where there is none because
    /// [`SERVER`](crate::SERVER) is `none`.
    ///
    /// # Panics
    /// When something is missing.
    #[must_use]
    pub fn for_test() -> Option<Cluster> {
        Settings::default().for_test()
    }

    pub(crate) fn of(settings: &Settings) -> Result<Cluster, Missing> {
        let programs = programs::folder_with(&PROGRAMS)?;
        let abort = (Signal::QUIT, "QUIT");
        let kind = Kind { name: "PostgreSQL", pid_file: "data/postmaster.pid", abort, variable: SERVER };
        let server = Server::new(kind, settings.folder())?;
        let password = random::letters::<16>().map_err(|error| Missing::failed("drawing a password", error))?;
        let mut cluster = Cluster { server, programs, port: port()?, password };
        cluster.create(settings)?;
        for _ in 1..PORTS {
            match cluster.launch() {
                Err(Missing::Failed { why, .. }) if why.contains("Address already in use") => cluster.port = port()?,
                done => return done.map(|()| cluster),
            }
        }
        cluster.launch()?;
        Ok(cluster)
    }

    /// Makes the files of the cluster.
    fn create(&self, settings: &Settings) -> Result<(), Missing> {
        self.server.write("password", &self.password)?;
        // Text is sorted as people do it, like in most databases out there, so that a statement that takes it for the
        // order of bytes fails its test. Versions before 15, and those built without ICU, sort by bytes.
        self.initdb(&["--locale-provider=icu", "--icu-locale=en-US"]).or_else(|_| self.initdb(&[]))?;
        let mut lines = settings.lines();
        if let Some(certificate) = settings.shown() {
            self.server.write("data/chain.pem", &certificate.chain_pem)?;
            self.server.write("data/key.pem", &certificate.key_pem)?;
            lines.push_str("ssl = on\nssl_cert_file = 'chain.pem'\nssl_key_file = 'key.pem'\n");
        }
        self.server.write("data/postgresql.conf", &lines)
    }

    fn initdb(&self, sorting: &[&str]) -> Result<String, Missing> {
        let mut command = self.server.command(&self.programs.join("initdb"));
        command.args(["--pgdata", "data", "--username", OWNER, "--pwfile", "password", "--no-sync"]);
        command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]).args(sorting);
        self.server.run(&mut command)
    }

    fn launch(&self) -> Result<(), Missing> {
        let mut command = self.server.command(&self.programs.join("postgres"));
        command.args(["-D", "data", "-p", &self.port().to_string()]);
        let pid_file = self.server.folder().join("data/postmaster.pid");
        self.server.start(&mut command, |pid| says_ready(&pid_file, pid))
    }

    /// Stops the server, and returns when it is gone. Nothing happens when it does not run.
    pub fn stop(&self, how: Stop) {
        self.server.stop(match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        });
    }

    /// Starts the server after it was stopped, with everything that was committed, at the same port. It returns when
    /// the server takes connections.
    ///
    /// # Panics
    /// When the server runs, or does not start.
    pub fn start_again(&self) {
        self.launch().unwrap_or_else(|missing| panic!("{missing}"));
    }

    /// Closes the connections of all clients from the server's side, and says how many there were.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn terminate_backends(&self) -> usize {
        let ended = self.sql(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        ended.parse().unwrap_or_else(|_| panic!("{ended} is no number of connections"))
    }

    /// Runs statements as the owner of the cluster, in its first database, and gives what they answer, a row a line and
    /// `|` between columns.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn sql(&self, statements: &str) -> String {
        psql::run(&self.programs, &self.admin_url(), statements).unwrap_or_else(|why| panic!("{statements}: {why}"))
    }

    /// Creates an empty database.
    ///
    /// # Panics
    /// When the server does not run.
    #[must_use]
    pub fn create_database(&self) -> Database {
        Database::create(&self.admin_url()).unwrap_or_else(|missing| panic!("{missing}"))
    }

    /// The address of a database, `postgres://user:password@127.0.0.1:port/database`, for somebody who may do
    /// everything.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{OWNER}:{}@127.0.0.1:{}/{database}", self.password, self.port())
    }

    /// The address of the database for whoever has none, from where others are created.
    #[must_use]
    pub fn admin_url(&self) -> String {
        self.url(FIRST_DATABASE)
    }

    /// The port, which stays the same when the server is stopped and started again.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The process id of the server.
    ///
    /// # Panics
    /// When the server does not run.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// User and password of whom all belongs to.
    pub(crate) fn owner(&self) -> (&str, &str) {
        (OWNER, &self.password)
    }

    /// The folder that all of it is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }
}

fn port() -> Result<Port, Missing> {
    Port::choose().map_err(|error| Missing::failed("choosing a port", error))
}

/// Whether the file in which PostgreSQL says how it fares is of this process, and says that it takes connections. The
/// id stands in the first line, and how it fares in the eighth.
fn says_ready(file: &Path, pid: u32) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |number| text.lines().nth(number).map(str::trim);
    line(0) == Some(pid.to_string().as_str()) && line(7) == Some("ready")
}
