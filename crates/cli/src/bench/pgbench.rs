//! PostgreSQL's own benchmark, for comparison: what a program reaches that has one transaction for every request.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::{PGBENCH_COMPLETION, PGBENCH_SETUP};

use crate::failure::Failure;

/// Where Debian has the programs of PostgreSQL, beside the search path.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Whose escrows are completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merchants {
    /// All of one.
    One,
    /// Of a thousand.
    Many,
}

/// The program, and the database that it works on.
pub(crate) struct Pgbench {
    program: PathBuf,
    database: String,
    scripts: tempfile::TempDir,
}

impl Pgbench {
    /// Finds the program and makes its tables; `None` where there is no such program.
    ///
    /// # Errors
    /// When the tables cannot be made.
    pub(crate) fn prepare(database: &str) -> Result<Option<Pgbench>, Failure> {
        let Some(program) = program() else { return Ok(None) };
        let scripts = tempfile::tempdir().map_err(Failure::unavailable)?;
        let write = |name: &str, sql: &str| {
            std::fs::File::create(scripts.path().join(name)).and_then(|mut file| file.write_all(sql.as_bytes()))
        };
        write("setup.sql", PGBENCH_SETUP).map_err(Failure::unavailable)?;
        write("completion.sql", PGBENCH_COMPLETION).map_err(Failure::unavailable)?;
        let pgbench = Pgbench { program, database: database.to_owned(), scripts };
        pgbench.run("setup.sql", &["-t", "1"])?;
        Ok(Some(pgbench))
    }

    /// Completes milestones over so many connections for so many seconds, and gives how many a second.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn completions(&self, merchants: Merchants, connections: usize, seconds: u16) -> Result<f64, Failure> {
        let hot = match merchants {
            Merchants::One => "hot=1",
            Merchants::Many => "hot=0",
        };
        let (connections, seconds) = (connections.to_string(), seconds.to_string());
        let said =
            self.run("completion.sql", &["-M", "prepared", "-j", "2", "-c", &connections, "-T", &seconds, "-D", hot])?;
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.ok_or_else(|| Failure::unavailable(format!("pgbench said nothing of its rate: {said}")))
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(&self.program);
        command.arg("-n").args(arguments).arg("-f").arg(self.scripts.path().join(script)).arg(&self.database);
        let output = command.output().map_err(Failure::unavailable)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(Failure::unavailable(format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr).trim())))
        }
    }
}

/// The program on the search path, or the newest that Debian has.
fn program() -> Option<PathBuf> {
    let is_on_path = Command::new("pgbench").arg("--version").output().is_ok_and(|output| output.status.success());
    if is_on_path {
        return Some(PathBuf::from("pgbench"));
    }
    let versions = std::fs::read_dir(Path::new(DEBIAN)).ok()?.flatten();
    let mut programs: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| Some((version.file_name().to_str()?.parse().ok()?, version.path().join("bin/pgbench"))))
        .filter(|(_, program)| program.is_file())
        .collect();
    programs.sort();
    programs.pop().map(|(_, program)| program)
}
