//! Whom servers run as: whoever runs the tests, unless that is root, as which no server would run.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Missing;

/// Whom servers run as instead of as root, in the order of preference.
const INSTEAD_OF_ROOT: [&str; 2] = ["postgres", "nobody"];

/// Where the system's users are listed: name, password, user id, group id and more, with colons between.
const USERS: &str = "/etc/passwd";

/// Whom servers run as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// User and group, where that is not whoever runs the tests.
    other: Option<(u32, u32)>,
}

impl Account {
    pub(crate) fn find() -> Result<Account, Missing> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Account { other: None });
        }
        let users =
            std::fs::read_to_string(USERS).map_err(|error| Missing::failed(format!("reading {USERS}"), error))?;
        let other = INSTEAD_OF_ROOT.iter().find_map(|name| ids(&users, name));
        other.map(|ids| Account { other: Some(ids) }).ok_or(Missing::Account)
    }

    /// A command that is run as this account in a folder of its, deaf to the interrupt that a terminal sends to
    /// whatever runs in it, and to settings of PostgreSQL's clients that somebody has for themselves.
    pub(crate) fn command(self, program: impl AsRef<OsStr>, folder: &Path) -> Command {
        let mut command = quiet(program);
        command.current_dir(folder).process_group(0);
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command
    }

    /// Gives a file or folder to this account, which alone may read it.
    pub(crate) fn take(self, path: &Path) -> io::Result<()> {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode))?;
        if let Some((user, group)) = self.other {
            chown(path, Some(user), Some(group))?;
        }
        Ok(())
    }
}

/// A command that reads nothing, speaks English and heeds no settings of PostgreSQL's clients.
pub(crate) fn quiet(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_owned();
    let output = command.output().map_err(|error| format!("{} does not run: {error}", program.display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn ids(users: &str, name: &str) -> Option<(u32, u32)> {
    let user = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = user.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::ids;

    #[test]
    fn a_user_is_found_by_the_whole_name() {
        let users =
            "postgresql:x:1:2::/:/bin/sh\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\nbroken";
        assert_eq!(ids(users, "postgres"), Some((101, 104)));
        assert_eq!(ids(users, "nobody"), None);
        assert_eq!(ids(users, "broken"), None);
    }
}
