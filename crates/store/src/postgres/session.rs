//! Connections, and transactions on them.
//!
//! What a transaction is to do next is sent all at once, its beginning and its end with it, so that a read takes one round trip and a
//! commit two. Settings are those of the transaction, not of the connection, which may be another one's behind a pooler.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use futures_util::future::join_all;
use tokio_postgres::{NoTls, Row};

use super::error::Fault;
use super::settings::PostgresSettings;
use super::statement::Statement;

/// How much longer to wait for an answer than the server may take for it.
const NETWORK_GRACE: Duration = Duration::from_secs(2);

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Read only, all of it from one snapshot.
    Read,
    /// As [`Kind::Read`], for as long as it takes.
    LongRead,
    /// Read what is there now, and write.
    Write,
    /// As [`Kind::Write`], waiting for locks only for a moment: others must not queue up behind it.
    Migration,
}

/// Whether a transaction goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// There is more to come.
    Stay,
    /// It is committed.
    Commit,
}

/// The connections of this process.
pub(super) struct Sessions {
    pool: Pool,
    settings: PostgresSettings,
}

impl Sessions {
    /// Connections are made as they are needed.
    pub(super) fn new(settings: &PostgresSettings) -> Result<Sessions, String> {
        let (config, manager) = (settings.config(), ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let manager = match settings.url.connector()? {
            Some(tls) => Manager::from_config(config, tls, manager),
            None => Manager::from_config(config, NoTls, manager),
        };
        let patience = Some(duration(settings.connect_timeout));
        let pool = Pool::builder(manager).max_size(settings.connections).runtime(Runtime::Tokio1).timeouts(Timeouts {
            wait: patience,
            create: patience,
            recycle: patience,
        });
        let pool = pool.build().map_err(|error| error.to_string())?;
        Ok(Sessions { pool, settings: settings.clone() })
    }

    /// Begins a transaction.
    pub(super) async fn begin(&self, kind: Kind) -> Result<Session, Fault> {
        let connection = self.pool.get().await?;
        let patience = match kind {
            Kind::Read | Kind::Write | Kind::Migration => {
                Some(duration(self.settings.statement_timeout) + NETWORK_GRACE)
            }
            Kind::LongRead => None,
        };
        Ok(Session { connection: Some(connection), beginning: Some(self.beginning(kind)), patience })
    }

    /// Runs statements in a transaction of their own, in one round trip, and gives the rows of each. Reads are tried again on another
    /// connection where one was lost; writes are for the caller to try again, who knows whether that does harm.
    pub(super) async fn run(&self, kind: Kind, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, Fault> {
        let first = self.begin(kind).await?.finish(&statements).await;
        match first {
            Err(fault) if kind == Kind::Read && fault.is_of_connection() => {
                self.begin(kind).await?.finish(&statements).await
            }
            other => other,
        }
    }

    /// Runs one read, and gives its rows.
    pub(super) async fn read(&self, statement: Statement) -> Result<Vec<Row>, Fault> {
        let rows = self.run(Kind::Read, vec![statement]).await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Gives no more connections, and closes them as they come back.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    fn beginning(&self, kind: Kind) -> String {
        let (statement_ms, lock_ms) = (self.settings.statement_timeout.ms(), self.settings.lock_timeout.ms());
        let limits = format!("SET LOCAL statement_timeout = {statement_ms}; SET LOCAL lock_timeout = {lock_ms}");
        // A gateway that stands still in the middle of a commit must give its locks up before the others stop waiting for them.
        let idle_ms = (lock_ms / 2).max(1);
        let idle = format!("SET LOCAL idle_in_transaction_session_timeout = {idle_ms}");
        match kind {
            Kind::Read => format!("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; {limits}"),
            Kind::LongRead => {
                "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL statement_timeout = 0".to_owned()
            }
            Kind::Write => format!("BEGIN ISOLATION LEVEL READ COMMITTED; {limits}; {idle}"),
            Kind::Migration => {
                format!(
                    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = {lock_ms}"
                )
            }
        }
    }
}

fn duration(span: escrow::Span) -> Duration {
    Duration::from_millis(span.ms().max(0).unsigned_abs())
}

/// A transaction under way. One that is dropped before its end takes the connection with it: nobody must get it in that state.
pub(super) struct Session {
    connection: Option<Object>,
    /// What begins the transaction, until it was sent.
    beginning: Option<String>,
    patience: Option<Duration>,
}

impl Session {
    /// Runs statements one after the other, and gives the rows of each.
    pub(super) async fn run(&mut self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Fault> {
        self.send(statements, End::Stay).await
    }

    /// Runs one statement, and gives its rows.
    pub(super) async fn query(&mut self, statement: Statement) -> Result<Vec<Row>, Fault> {
        Ok(self.run(&[statement]).await?.into_iter().flatten().collect())
    }

    /// Runs statements and commits. Unless the fault is a refusal, an error leaves it open whether that happened.
    pub(super) async fn finish(mut self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Fault> {
        let done = self.send(statements, End::Commit).await;
        if done.as_ref().err().is_none_or(Fault::is_refusal) {
            // The transaction is over, and the connection as it was: others may have it.
            drop(self.connection.take());
        }
        done
    }

    /// Ends the transaction with nothing of it done; after that, there is none. Where nobody says so in time, that is so all the same, and
    /// the connection is given up.
    pub(super) async fn roll_back(&mut self) {
        let ended = tokio::time::timeout(NETWORK_GRACE, self.script("ROLLBACK")).await;
        let connection = self.connection.take();
        if !matches!(ended, Ok(Ok(()))) {
            drop(connection.map(Object::take));
        }
    }

    /// Runs what has no parameters, as it stands.
    pub(super) async fn script(&mut self, sql: &str) -> Result<(), Fault> {
        self.run(&[]).await?;
        let connection = self.connection.as_ref().ok_or(Fault::Closed)?;
        Ok(connection.batch_execute(sql).await?)
    }

    async fn send(&mut self, statements: &[Statement], end: End) -> Result<Vec<Vec<Row>>, Fault> {
        let beginning = self.beginning.take();
        let connection = self.connection.as_ref().ok_or(Fault::Closed)?;
        let begun = async {
            match &beginning {
                Some(sql) => connection.batch_execute(sql).await,
                None => Ok(()),
            }
        };
        let rows = join_all(statements.iter().map(async |statement| {
            let params = statement.typed();
            connection.query_typed(&statement.sql, &params).await
        }));
        let ended = async {
            match end {
                End::Stay => Ok(()),
                End::Commit => connection.batch_execute("COMMIT").await,
            }
        };
        // Each is sent when it is first asked, which is in this order; the server does one after the other.
        let all = async { tokio::join!(biased; begun, rows, ended) };
        let (begun, rows, ended) = match self.patience {
            Some(patience) => tokio::time::timeout(patience, all).await.map_err(|_| Fault::TimedOut)?,
            None => all.await,
        };
        begun?;
        let mut all = Vec::with_capacity(rows.len());
        for rows in rows {
            all.push(rows?);
        }
        ended?;
        Ok(all)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
