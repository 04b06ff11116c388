//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};

use crate::account::{quiet, run};
use crate::{Missing, POOLER, SERVER};

/// The oldest version that the tests run with: the first that drops a database which somebody is connected to.
const OLDEST_VERSION: u32 = 13;

/// Where packages put versions side by side, each in a folder named after itself.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Where programs for root are.
const FOR_ROOT: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The folder that has all of these programs, the first of which says their version.
///
/// # Errors
/// When there is none.
pub(crate) fn folder_with(programs: &[&str]) -> Result<PathBuf, Missing> {
    let has_all = |folder: &PathBuf| programs.iter().all(|program| folder.join(program).is_file());
    let is_recent = |folder: &PathBuf| version(&folder.join(programs[0])).is_some_and(|it| it >= OLDEST_VERSION);
    candidates().into_iter().filter(has_all).find(is_recent).ok_or_else(|| Missing::Programs {
        what: "PostgreSQL 13 or later",
        looked: format!(
            "folder with `{}` where pg_config --bindir points to, on the PATH, or in {VERSIONS}/*/bin",
            programs.join("`, `")
        ),
        package: "postgresql",
        variable: SERVER,
    })
}

/// PgBouncer, which many systems install where only root looks.
///
/// # Errors
/// When there is none.
pub(crate) fn pooler() -> Result<PathBuf, Missing> {
    let folders = path().into_iter().chain(FOR_ROOT.map(PathBuf::from));
    folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file()).ok_or_else(|| Missing::Programs {
        what: "PgBouncer",
        looked: format!("`pgbouncer` on the PATH, or in {}", FOR_ROOT.join(" or ")),
        package: "pgbouncer",
        variable: POOLER,
    })
}

/// Where programs may be, the best place first.
fn candidates() -> Vec<PathBuf> {
    let chosen = run(quiet("pg_config").arg("--bindir")).ok().map(PathBuf::from);
    chosen.into_iter().chain(path()).chain(side_by_side()).collect()
}

/// The folders of the PATH.
fn path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

/// The folders of the versions that packages have installed, the newest first.
fn side_by_side() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by(|a, b| b.cmp(a));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn version(program: &Path) -> Option<u32> {
    major(&run(quiet(program).arg("--version")).ok()?)
}

/// The major version in what a program of PostgreSQL says of itself: `psql (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)`.
fn major(text: &str) -> Option<u32> {
    let number = text.split(") ").nth(1)?;
    number.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn the_version_is_read_from_what_a_program_says() {
        assert_eq!(major("postgres (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)"), Some(15));
        assert_eq!(major("psql (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(major("initdb (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }
}
