//! PgBouncer, which gives a connection to the server to whoever has a transaction to do, and to the next one after it.

use std::net::{Ipv4Addr, TcpStream};

use rustix::process::Signal;

use crate::port::Port;
use crate::server::{Kind, Server};
use crate::{Cluster, Missing, address, database, programs};

/// The variable of the environment that says `none` when tests shall do without PgBouncer.
pub const POOLER: &str = "MILEPOST_TEST_PGBOUNCER";

/// How many connections to the server all clients share, for each database: so few that every client meets what others
/// leave behind.
const SHARED_CONNECTIONS: u32 = 3;

/// How long after a server refused a connection it is asked for one again.
const RETRY_S: &str = "0.2";

const CONFIGURATION: &str = "pgbouncer.ini";

/// PgBouncer in transaction mode before a cluster, at a port of 127.0.0.1 that the system chose. It ends like a
/// [`Cluster`].
pub struct Pooler {
    port: Port,
    _server: Server,
}

impl Pooler {
    /// Starts PgBouncer before a cluster, with three connections to the server for each database. It goes on when the
    /// cluster is stopped and started again.
    ///
    /// # Errors
    /// What is missing.
    pub fn start(cluster: &Cluster) -> Result<Pooler, Missing> {
        let program = programs::pooler()?;
        let kind =
            Kind { name: "PgBouncer", pid_file: "pgbouncer.pid", abort: (Signal::KILL, "KILL"), variable: POOLER };
        let pid_file = kind.pid_file;
        let server = Server::new(kind, &std::env::temp_dir())?;
        let port = Port::choose().map_err(|error| Missing::failed("choosing a port", error))?;
        let (user, password) = cluster.owner();
        server.write("users", &format!("\"{user}\" \"{password}\"\n"))?;
        server.write(
            CONFIGURATION,
            &format!(
                "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\npool_mode = transaction\nlisten_addr = 127.0.0.1\n\
                 listen_port = {}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = users\npidfile = {pid_file}\n\
                 default_pool_size = {SHARED_CONNECTIONS}\nserver_login_retry = {RETRY_S}\n",
                cluster.port(),
                port.number(),
            ),
        )?;
        let listens = |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port.number())).is_ok();
        server.start(server.command(&program).arg(CONFIGURATION), listens)?;
        Ok(Pooler { port, _server: server })
    }

    /// Starts PgBouncer for a test, which is skipped where there is none because [`POOLER`] is `none`.
    ///
    /// # Panics
    /// When something is missing.
    #[must_use]
    pub fn for_test(cluster: &Cluster) -> Option<Pooler> {
        database::is_wanted(POOLER).then(|| Pooler::start(cluster).unwrap_or_else(|missing| panic!("{missing}")))
    }

    /// The address of a database of the cluster by the way of PgBouncer.
    #[must_use]
    pub fn url(&self, database_url: &str) -> String {
        address::with_host(database_url, (Ipv4Addr::LOCALHOST, self.port()).into())
    }

    /// The port for clients.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }
}
