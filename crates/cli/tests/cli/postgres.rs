//! Gateways that share a store in a PostgreSQL database.

use std::path::{Path, PathBuf};
use std::process::Output;

use cluster::Database;
use serde_json::Value;

use crate::harness::{Environment, Gateway, command, stderr};

mod bench;
mod keys;
mod moving;
mod outage;
mod secret;
mod serve;
mod tampered;
mod tls;
mod traces;

/// What the environment of a process says about a database, and nothing else.
fn environment(url: &str) -> Environment {
    Environment::from([("MILEPOST_DATABASE_URL", PathBuf::from(url))])
}

/// A database with a store in it.
fn store() -> Option<Database> {
    let database = Database::fresh()?;
    let folder = crate::harness::folder();
    run_json(folder.path(), database.url(), &["migrate"]);
    Some(database)
}

/// Runs the binary on a database to its end.
fn run(folder: &Path, url: &str, args: &[&str]) -> Output {
    command(folder).env("MILEPOST_DATABASE_URL", url).args(args).output().expect("milepost runs")
}

/// Runs the binary on a database to its end, which must be a success, and reads the JSON it prints.
fn run_json(folder: &Path, url: &str, args: &[&str]) -> Value {
    let output = run(folder, url, &[args, &["--json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Starts a gateway on a database, with its secret in this folder.
fn start(folder: &Path, url: &str, args: &[&str]) -> Gateway {
    Gateway::start_in(&environment(url), folder, args)
}
