//! Starts a PostgreSQL for tests, prints the address that `MILEPOST_TEST_POSTGRES` takes, and stops it when its input
//! ends, or with this process. An argument names the folder that the cluster's folder is made in.

use std::io::{self, Write as _};
use std::process::ExitCode;

use cluster::{Missing, Settings};

/// What this ends with where PostgreSQL is not installed, so that whoever asked can install it.
const NOT_INSTALLED: u8 = 3;

fn main() -> ExitCode {
    let settings = Settings::default();
    let settings = match std::env::args_os().nth(1) {
        Some(folder) => settings.within(folder),
        None => settings,
    };
    let cluster = match settings.start() {
        Ok(cluster) => cluster,
        Err(missing) => {
            drop(writeln!(io::stderr(), "{missing}"));
            return match missing {
                Missing::Programs { .. } => ExitCode::from(NOT_INSTALLED),
                Missing::Account | Missing::Failed { .. } => ExitCode::FAILURE,
            };
        }
    };
    // Whoever does not hear the address has gone, and with them their end of the input.
    drop(writeln!(io::stdout(), "{}", cluster.admin_url()));
    drop(io::copy(&mut io::stdin(), &mut io::sink()));
    ExitCode::SUCCESS
}
