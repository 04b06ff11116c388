//! The schema and its versions.
//!
//! Gateways go on while a migration runs, and several may begin the same one: each step is a transaction that locks the one row of
//! `milepost`, looks at the version there, and writes the next. A step may only add what the gateways of the version before it do not
//! notice; what they still need is taken away by a later version. Steps wait for locks only for a moment, and are tried again, so that
//! nobody queues up behind one.

use super::error::{DatabaseError, Fault};
use super::session::{Kind, Session, Sessions};
use super::settings::PostgresSettings;
use super::statement::Statement;

/// Each is applied once, in its own transaction, in this order. Never change one.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_first.sql")];

/// The newest schema version of PostgreSQL stores that this binary knows.
#[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "there are a handful of migrations")]
pub const POSTGRES_SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// Where the version is. What it is called tells it from the tables of other programs.
const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS milepost (version BIGINT NOT NULL PRIMARY KEY)";

/// The encoding that can write down whatever clients send.
const ENCODING: &str = "UTF8";

/// How often a step is tried again that others have got in the way of.
const MOST_TRIES: u32 = 20;

pub(super) fn unreachable(settings: &PostgresSettings, why: String) -> DatabaseError {
    DatabaseError::Unreachable { database: settings.url.to_string(), why }
}

/// Whether the store is of the version that this binary needs.
pub(super) async fn check(sessions: &Sessions, settings: &PostgresSettings) -> Result<(), DatabaseError> {
    let found = found(sessions).await.map_err(|fault| unreachable(settings, fault.details()))?;
    let (database, known) = (settings.url.to_string(), POSTGRES_SCHEMA_VERSION);
    if found > known {
        return Err(DatabaseError::NewerSchema { database, found, known });
    }
    if found < known {
        return Err(DatabaseError::OlderSchema { database, found, known });
    }
    Ok(())
}

/// Brings the schema up to date, and gives the version that it had.
pub(super) async fn migrate(sessions: &Sessions, settings: &PostgresSettings) -> Result<i32, DatabaseError> {
    let cannot = |fault: Fault| unreachable(settings, fault.details());
    let before = found(sessions).await.map_err(cannot)?;
    let known = POSTGRES_SCHEMA_VERSION;
    let mut version = before;
    let mut tries = 0;
    while version < known {
        match step(sessions, version).await {
            Ok(reached) => (version, tries) = (reached, 0),
            Err(fault) if tries < MOST_TRIES && fault.is_in_the_way() => tries += 1,
            Err(fault) => return Err(cannot(fault)),
        }
    }
    if version > known {
        return Err(DatabaseError::NewerSchema { database: settings.url.to_string(), found: version, known });
    }
    Ok(before)
}

/// The version that there is; 0 where there is no store.
async fn found(sessions: &Sessions) -> Result<i32, Fault> {
    let rows = sessions.read(Statement::new("SELECT current_setting('server_encoding')")).await?;
    let encoding: &str = rows.first().map_or(Ok(""), |row| row.try_get(0))?;
    if encoding != ENCODING {
        // What it cannot write down would fail with everything that is committed beside it.
        let what = format!("its encoding is {encoding}; make one with TEMPLATE template0 ENCODING '{ENCODING}'");
        return Err(Fault::Damaged(what));
    }
    match sessions.read(Statement::new("SELECT max(version) FROM milepost")).await {
        Ok(rows) => version(&rows),
        Err(fault) if fault.is_missing_table() => Ok(0),
        Err(fault) => Err(fault),
    }
}

fn version(rows: &[tokio_postgres::Row]) -> Result<i32, Fault> {
    let found: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
    let found = found.unwrap_or(0);
    i32::try_from(found).map_err(|_| Fault::Damaged(format!("{found} is no schema version")))
}

/// Takes one step from a version, unless somebody else has, and gives the version that was reached.
async fn step(sessions: &Sessions, from: i32) -> Result<i32, Fault> {
    let mut session = sessions.begin(Kind::Migration).await?;
    session.script(VERSION_TABLE).await?;
    session.query(Statement::new("INSERT INTO milepost (version) VALUES (0) ON CONFLICT (version) DO NOTHING")).await?;
    // The row of version 0 stays, for all to lock; those above it say what was reached.
    session.query(Statement::new("SELECT version FROM milepost WHERE version = 0 FOR UPDATE")).await?;
    let reached = version(&session.query(Statement::new("SELECT max(version) FROM milepost")).await?)?;
    if reached > from {
        session.finish(&[]).await?;
        return Ok(reached);
    }
    apply(session, from).await
}

async fn apply(mut session: Session, from: i32) -> Result<i32, Fault> {
    let next = from.saturating_add(1);
    let sql = usize::try_from(from).ok().and_then(|place| MIGRATIONS.get(place));
    let sql = sql.ok_or_else(|| Fault::Damaged(format!("there is no step from schema version {from}")))?;
    session.script(sql).await?;
    let note = Statement::new("INSERT INTO milepost (version) VALUES ($1)").integer(i64::from(next));
    session.finish(&[note]).await?;
    Ok(next)
}
