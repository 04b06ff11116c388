//! A PostgreSQL that lives as long as a test.
//!
//! [`Database::fresh`] is what most tests want: an empty database of their own. [`Cluster`] is a whole server of their
//! own, which they may stop, and start again. [`Proxy`] is the network between, which they may cut and halt.
//!
//! Tests are not skipped in silence: without a PostgreSQL they fail, and say what to install. Whoever wants them
//! skipped sets [`SERVER`] to `none`; then there is no database, and no cluster, and the test says so itself.
//! [`POOLER`] is the same for PgBouncer.
#![allow(clippy::panic, reason = "the helpers of tests fail like tests")]

mod account;
mod address;
mod cluster;
mod database;
mod keeper;
mod missing;
mod pooler;
mod port;
mod programs;
mod proxy;
mod psql;
mod random;
mod server;
mod settings;

pub use cluster::Cluster;
pub use database::{Database, SERVER, are_wanted};
pub use missing::Missing;
pub use pooler::{POOLER, Pooler};
pub use proxy::{Proxy, Way};
pub use server::Stop;
pub use settings::{Certificate, Settings};
