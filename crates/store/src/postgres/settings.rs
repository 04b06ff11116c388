//! Where a PostgreSQL store is, and how it is used.

use std::time::Duration;

use escrow::Span;

mod parameters;
mod tls;
mod url;

pub use url::DatabaseUrl;

/// How long to wait for a connection where the address does not say.
const CONNECT_TIMEOUT: Span = Span::from_seconds(5);

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
    /// The usual settings for a database.
    #[must_use]
    pub fn of(url: DatabaseUrl) -> PostgresSettings {
        PostgresSettings {
            connect_timeout: url.connect_timeout().unwrap_or(CONNECT_TIMEOUT),
            url,
            connections: 8,
            statement_timeout: Span::from_seconds(10),
            lock_timeout: Span::from_seconds(5),
            times: Times::Database,
        }
    }

    /// How to connect. Of several hosts each gets its part of the time, so that one that does not answer leaves some for the others.
    pub(super) fn config(&self) -> tokio_postgres::Config {
        let mut config = self.url.config();
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX).max(1);
        let patience = Duration::from_millis(self.connect_timeout.ms().max(0).unsigned_abs());
        config.connect_timeout(patience / hosts);
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each_attempt_ms(url: &str) -> Option<u128> {
        let settings = PostgresSettings::of(DatabaseUrl::parse(url).expect(url));
        settings.config().get_connect_timeout().map(Duration::as_millis)
    }

    #[test]
    fn hosts_share_the_time_that_a_connection_may_take() {
        assert_eq!(each_attempt_ms("postgres://u@a/d"), Some(5_000));
        assert_eq!(each_attempt_ms("postgres://u@a,b/d"), Some(2_500));
        assert_eq!(each_attempt_ms("postgres://u@a,b/d?connect_timeout=3"), Some(1_500));
    }
}
