//! Statements, through PostgreSQL's own client.

use std::path::Path;

use crate::account;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT_S: &str = "10";

/// Runs statements in the database of an address, and gives what they answer, a row a line and `|` between columns.
pub(crate) fn run(programs: &Path, url: &str, statements: &str) -> Result<String, String> {
    let mut command = account::quiet(programs.join("psql"));
    command.env("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT_S);
    command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--no-password"]);
    command.args(["--set", "ON_ERROR_STOP=1", "--dbname", url, "--command", statements]);
    account::run(&mut command)
}
