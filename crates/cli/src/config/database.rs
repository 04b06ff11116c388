//! Settings about a store in a PostgreSQL database.

use escrow::Span;
use store::DatabaseUrl;

use super::limits::parse_timeout;
use super::{Setting, parse_whole};

/// Where the database is; the store is the embedded one, unless it is set.
pub(crate) const DATABASE_URL: Setting<DatabaseUrl> =
    Setting { name: "database_url", default: None, parse: DatabaseUrl::parse };
/// How many connections to it this process has at most.
pub(crate) const DATABASE_CONNECTIONS: Setting<usize> =
    Setting { name: "database_connections", default: Some("8"), parse: parse_connections };
/// How long it may take for a statement.
pub(crate) const DATABASE_STATEMENT_TIMEOUT: Setting<Span> =
    Setting { name: "database_statement_timeout", default: Some("10s"), parse: parse_timeout };
/// How long a statement may wait for a lock.
pub(crate) const DATABASE_LOCK_TIMEOUT: Setting<Span> =
    Setting { name: "database_lock_timeout", default: Some("5s"), parse: parse_timeout };

/// The names of these settings.
pub(super) const NAMES: [&str; 4] =
    [DATABASE_URL.name, DATABASE_CONNECTIONS.name, DATABASE_STATEMENT_TIMEOUT.name, DATABASE_LOCK_TIMEOUT.name];

/// One connection for each lane, and one for everything else, is the least; with more than the most, the database has to do with them
/// instead of with payments, and the process may run out of files.
fn parse_connections(text: &str) -> Result<usize, String> {
    const LEAST: usize = 3;
    const MOST: usize = 100;
    parse_whole(text, LEAST..=MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_about_an_address_repeats_its_password() {
        for text in ["mysql://u:s3cret@h/d", "postgres://u:s3cret@h:x/d", "postgres://u:s3cret@h/d?sslmode=x"] {
            let told = DATABASE_URL.read("--database-url", text).expect_err(text).to_string();
            assert!(told.starts_with("--database-url: ") && !told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn numbers_of_connections() {
        for (text, is_fine) in [("3", true), ("100", true), ("2", false), ("101", false), ("many", false)] {
            assert_eq!(parse_connections(text).is_ok(), is_fine, "{text}");
        }
    }
}
