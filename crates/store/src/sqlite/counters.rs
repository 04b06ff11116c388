//! Single numbers.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::Fault;

/// What is counted.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    /// The token of the last lease that was given.
    LeaseToken,
    /// The time, in milliseconds, before which replies are forgotten.
    RepliesFrom,
    /// How often the store was probed.
    Pings,
}

impl Counter {
    const fn name(self) -> &'static str {
        match self {
            Counter::LeaseToken => "lease_token",
            Counter::RepliesFrom => "replies_from",
            Counter::Pings => "pings",
        }
    }
}

pub(super) fn get(db: &Connection, counter: Counter) -> Result<Option<i64>, Fault> {
    let mut statement = db.prepare_cached("SELECT value FROM counters WHERE name = ?1")?;
    Ok(statement.query_row([counter.name()], |row| row.get(0)).optional()?)
}

pub(super) fn set(db: &Connection, counter: Counter, value: i64) -> Result<(), Fault> {
    let sql = "INSERT INTO counters (name, value) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.prepare_cached(sql)?.execute(params![counter.name(), value])?;
    Ok(())
}

/// Writes something small, durably.
pub(super) fn ping(db: &mut Connection) -> Result<(), Fault> {
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let pings = get(&transaction, Counter::Pings)?.unwrap_or(0);
    set(&transaction, Counter::Pings, pings.wrapping_add(1))?;
    Ok(transaction.commit()?)
}
