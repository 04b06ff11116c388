//! What there must be and is not.

use std::fmt;

/// Why there is no server. What it shows is for people: what is missing, and how they get it.
#[derive(Clone, Debug)]
pub enum Missing {
    /// Programs that are not installed.
    Programs {
        /// What they are, such as "PostgreSQL 13 or later".
        what: &'static str,
        /// What was looked for, and where.
        looked: String,
        /// What they are called by the package managers of Debian and of Homebrew.
        package: &'static str,
        /// The variable of the environment that does without.
        variable: &'static str,
    },
    /// Somebody whom the server may run as, where the tests run as root.
    Account,
    /// The server was there, and did not do what it must.
    Failed {
        /// What was tried.
        what: String,
        /// What it said.
        why: String,
    },
}

impl Missing {
    pub(crate) fn failed(what: impl Into<String>, why: impl fmt::Display) -> Missing {
        Missing::Failed { what: what.into(), why: why.to_string() }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Programs { what, looked, package, variable } => write!(
                f,
                "{what} is not installed: there is no {looked}.\nInstall it (`apt-get install {package}` on Debian and Ubuntu, \
                 `brew install {package}` on a Mac), or set {variable}=none to skip the tests that need it."
            ),
            Missing::Account => write!(
                f,
                "servers refuse to run as root, and there is no user `postgres` or `nobody` to run them as; run the tests as \
                 somebody else"
            ),
            Missing::Failed { what, why } => write!(f, "{what} failed: {why}"),
        }
    }
}

impl std::error::Error for Missing {}

#[cfg(test)]
mod tests {
    use super::Missing;

    #[test]
    fn what_is_not_installed_is_named_with_how_to_get_it_and_how_to_do_without() {
        let missing = Missing::Programs {
            what: "PostgreSQL 13 or later",
            looked: "folder with `postgres` on the PATH".to_owned(),
            package: "postgresql",
            variable: "MILEPOST_TEST_POSTGRES",
        };
        let said = missing.to_string();
        for part in ["no folder with `postgres`", "apt-get install postgresql", "MILEPOST_TEST_POSTGRES=none"] {
            assert!(said.contains(part), "{said}");
        }
    }
}
