//! Answers given under idempotency keys.

use escrow::{Hash, Owner, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::counters::{self, Counter};
use super::error::Fault;
use crate::Reply;
use crate::rows::codec;

/// How many forgotten replies are deleted in one transaction, so that commits never wait long.
const FORGET_AT_ONCE: usize = 1000;

/// The time before which replies are forgotten.
pub(super) fn kept_from(db: &Connection) -> Result<i64, Fault> {
    Ok(counters::get(db, Counter::RepliesFrom)?.unwrap_or(i64::MIN))
}

/// The reply under this key, unless it is forgotten.
pub(super) fn find(db: &Connection, owner: Owner, key: &str, kept_from: i64) -> Result<Option<Reply>, Fault> {
    // CROSS JOIN makes SQLite go through the few days and seek the key in each.
    let sql = "SELECT r.fingerprint, r.status, r.body, r.created
        FROM reply_days d CROSS JOIN replies r ON r.day = d.day AND r.owner = ?1 AND r.key = ?2
        WHERE r.created >= ?3";
    let mut statement = db.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        Ok(Reply {
            owner,
            key: key.to_owned(),
            fingerprint: Hash::from_bytes(row.get(0)?),
            status: row.get(1)?,
            body: row.get(2)?,
            created: Timestamp::from_ms(row.get(3)?),
        })
    };
    Ok(statement.query_row(params![codec::owner_bytes(owner), key, kept_from], read).optional()?)
}

/// Stores a reply; one of the same key that is forgotten but not deleted yet gives way.
pub(super) fn insert(db: &Connection, reply: &Reply, created: Timestamp) -> Result<(), Fault> {
    let sql = "INSERT OR REPLACE INTO replies (day, owner, key, fingerprint, status, created, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    db.prepare_cached(sql)?.execute(params![
        codec::day(created),
        codec::owner_bytes(reply.owner),
        reply.key,
        reply.fingerprint.bytes(),
        reply.status,
        created.ms(),
        reply.body
    ])?;
    Ok(())
}

/// Notes that replies may have this day.
pub(super) fn add_day(db: &Connection, day: i64) -> Result<(), Fault> {
    db.prepare_cached("INSERT INTO reply_days (day) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([day])?;
    Ok(())
}

/// From now on, replies created before this time are as good as gone.
pub(super) fn forget(db: &mut Connection, before: Timestamp) -> Result<(), Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if before.ms() > kept_from(&transaction)? {
        counters::set(&transaction, Counter::RepliesFrom, before.ms())?;
    }
    Ok(transaction.commit()?)
}

/// Deletes some replies of days on which all are forgotten; `true` when there may be more of them.
pub(super) fn delete_forgotten(db: &mut Connection) -> Result<bool, Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let first_kept_day = codec::day(Timestamp::from_ms(kept_from(&transaction)?));
    let sql = "DELETE FROM replies WHERE rowid IN (SELECT rowid FROM replies WHERE day < ?1 LIMIT ?2)";
    let limit = i64::try_from(FORGET_AT_ONCE).unwrap_or(i64::MAX);
    let deleted = transaction.prepare_cached(sql)?.execute([first_kept_day, limit])?;
    let is_done = deleted < FORGET_AT_ONCE;
    if is_done {
        transaction.prepare_cached("DELETE FROM reply_days WHERE day < ?1")?.execute([first_kept_day])?;
    }
    transaction.commit()?;
    Ok(!is_done)
}
