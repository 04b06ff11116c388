//! Transactions that intents name. Each belongs to the first intent of its owner that did, for ever.

use escrow::{Hash, Owner};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Fault;
use super::page::{Readings, collect};
use crate::rows::codec::{self, IdBytes, OwnerBytes};

/// Whether nobody else has claimed any of these transactions.
pub(super) fn are_free(db: &Connection, intent: IdBytes, owner: OwnerBytes, hashes: &[Hash]) -> Result<bool, Fault> {
    let sql = "SELECT intent FROM claims WHERE owner = ?1 AND hash = ?2";
    for hash in hashes {
        let key = params![owner, hash.bytes()];
        let holder: Option<IdBytes> = db.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?;
        if holder.is_some_and(|holder| holder != intent) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Claims a transaction that is free; does nothing when the intent has done so before.
pub(super) fn insert(db: &Connection, intent: IdBytes, owner: OwnerBytes, hash: Hash) -> Result<(), Fault> {
    let sql = "INSERT INTO claims (owner, hash, intent) VALUES (?1, ?2, ?3) ON CONFLICT (owner, hash) DO NOTHING";
    db.prepare_cached(sql)?.execute(params![owner, hash.bytes(), intent])?;
    Ok(())
}

/// The claims of an intent by hash, each with whose it is.
pub(super) fn of_intent(db: &Connection, intent: IdBytes) -> Result<Readings<(Owner, Hash)>, Fault> {
    let mut statement = db.prepare_cached("SELECT owner, hash FROM claims WHERE intent = ?1 ORDER BY hash, owner")?;
    let read = |row: &Row<'_>| Ok((codec::owner(row.get(0)?)?, Hash::from_bytes(row.get(1)?)));
    collect(statement.query([intent])?, |row| Ok(read(row)))
}
