//! What a cluster is like.

use std::path::{Path, PathBuf};

use crate::{Cluster, Missing};

/// A folder that is kept in memory, on Linux. Creating a database there takes a tenth of the time that it takes on many
/// a disk.
const MEMORY: &str = "/dev/shm";

/// How much room there must be in memory: for a few dozen databases at a time, with what is logged of them.
const ROOM_BYTES: u64 = 2 << 30;

/// What every cluster of tests is set to, which [`Settings::set`] can override.
const USUAL: [(&str, &str); 9] = [
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("max_connections", "200"),
    ("shared_buffers", "64MB"),
    // What is logged must not fill the memory that it is in.
    ("max_wal_size", "256MB"),
    // A test survives the server, and the server the test, but neither survives the machine.
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("lc_messages", "C"),
    ("timezone", "UTC"),
];

/// What a cluster is like. Unless told otherwise it takes 200 connections, and is in memory where there is room, else
/// on a disk that it does not wait for.
#[derive(Clone, Debug)]
pub struct Settings {
    within: PathBuf,
    certificate: Option<Certificate>,
    set: Vec<(String, String)>,
}

/// What a server shows who it is with.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, with those between it and the authority, in PEM.
    pub chain_pem: String,
    /// Its private key, in PEM.
    pub key_pem: String,
}

impl Default for Settings {
    fn default() -> Settings {
        let set = USUAL.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Settings { within: in_memory().unwrap_or_else(std::env::temp_dir), certificate: None, set }
    }
}

impl Settings {
    /// What is answered is on the disk.
    #[must_use]
    pub fn durable(self) -> Settings {
        self.within(std::env::temp_dir()).set("fsync", "on").set("full_page_writes", "on")
    }

    /// Sets anything that `postgresql.conf` takes.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Settings {
        self.set.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the cluster's folder is made, such as a small disk. Whoever the server runs as must be able to reach it.
    #[must_use]
    pub fn within(mut self, folder: impl Into<PathBuf>) -> Settings {
        self.within = folder.into();
        self
    }

    /// Offers TLS with this certificate; whoever does not ask for TLS is let in without.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Settings {
        self.certificate = Some(certificate);
        self
    }

    /// Starts the cluster.
    ///
    /// # Errors
    /// What is missing.
    pub fn start(self) -> Result<Cluster, Missing> {
        Cluster::of(&self)
    }

    /// Starts the cluster for a test, which is skipped where there is none because [`SERVER`](crate::SERVER) is `none`.
    ///
    /// # Panics
    /// When something is missing.
    #[must_use]
    pub fn for_test(self) -> Option<Cluster> {
        crate::database::are_wanted().then(|| self.start().unwrap_or_else(|missing| panic!("{missing}")))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.within
    }

    pub(crate) fn shown(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// The lines of `postgresql.conf`, of which the last counts for each name.
    pub(crate) fn lines(&self) -> String {
        self.set.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect()
    }
}

/// The folder in memory, where there is one with enough room.
fn in_memory() -> Option<PathBuf> {
    let disk = rustix::fs::statvfs(MEMORY).ok()?;
    (disk.f_bavail.saturating_mul(disk.f_frsize) >= ROOM_BYTES).then(|| PathBuf::from(MEMORY))
}
