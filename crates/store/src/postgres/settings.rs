//! Where a PostgreSQL store is, and how it is used.

use std::fmt;

use escrow::Span;

/// The address of a database, `postgres://user:password@host:port/database?sslmode=…`. Its text is shown without the password.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, in words that do not repeat the password.
    pub fn parse(text: &str) -> Result<DatabaseUrl, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            Ok(DatabaseUrl(text.to_owned()))
        } else {
            Err("it must begin with postgres://".to_owned())
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://…")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How a PostgreSQL store is used.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// How many connections this process has at most.
    pub connections: usize,
    /// How long a statement may take, on the server.
    pub statement_timeout: Span,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Span,
    /// How long to wait for a connection.
    pub connect_timeout: Span,
    /// Whose time jobs and webhook endpoints are claimed in.
    pub times: Times,
}

/// Whose time claims are made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The database's, which is the same for every gateway.
    Database,
    /// That of whoever claims, for tests that stop the time.
    Given,
}

impl PostgresSettings {
    pub(super) fn config(&self) -> tokio_postgres::Config {
        let mut config: tokio_postgres::Config = self.url.0.parse().unwrap_or_default();
        config
            .application_name("milepost")
            .connect_timeout(std::time::Duration::from_millis(self.connect_timeout.ms().unsigned_abs()));
        config.keepalives_idle(std::time::Duration::from_secs(30));
        config
    }

    /// The usual settings for a database.
    #[must_use]
    pub const fn of(url: DatabaseUrl) -> PostgresSettings {
        PostgresSettings {
            url,
            connections: 8,
            statement_timeout: Span::from_seconds(10),
            lock_timeout: Span::from_seconds(5),
            connect_timeout: Span::from_seconds(5),
            times: Times::Database,
        }
    }
}
