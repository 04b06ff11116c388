//! The helpers that other tests rely on.
//!
//! Where there is no PostgreSQL because `MILEPOST_TEST_POSTGRES` is `none`, these tests do nothing; `./test` says that
//! they were skipped.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
mod clusters;
mod databases;
mod end;
mod poolers;
mod proxies;
