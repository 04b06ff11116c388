//! Journals: what happens to merchants and keys, each change together with the events that tell it.

use escrow::{Chain, Hash, RawId};
use rusqlite::{Connection, Row, params};

use super::error::Fault;
use super::page::{Readings, collect};
use super::{endpoints, people};
use crate::rows::codec::{self, OwnerBytes};
use crate::{Journal, JournalChange, KeyHolder};

const COLUMNS: &str = "SELECT id, count, head, owner FROM journals";

pub(super) fn find(db: &Connection, holder: KeyHolder) -> Result<Option<Journal>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE owner = ?1"))?;
    let mut rows = statement.query([codec::owner_bytes(holder.stream())])?;
    rows.next()?.map(journal).transpose()
}

pub(super) fn journal(row: &Row<'_>) -> Result<Journal, Fault> {
    let chain = Chain { count: codec::count(row.get(1)?)?, head: Hash::from_bytes(row.get(2)?) };
    Ok(Journal { id: RawId::from_bytes(row.get(0)?), chain })
}

/// Every journal by holder, as the bytes of whose stream its events are in.
pub(super) fn all(db: &Connection) -> Result<Readings<(OwnerBytes, Journal)>, Fault> {
    let mut statement = db.prepare(&format!("{COLUMNS} ORDER BY owner"))?;
    collect(statement.query([])?, |row| {
        Ok(row.get(3).map_err(Fault::from).and_then(|owner| Ok((owner, journal(row)?))))
    })
}

/// Whether a change still fits what is stored.
pub(super) fn fits(db: &Connection, change: &JournalChange) -> Result<bool, Fault> {
    let is_newest = find(db, change.holder)? == change.base;
    let is_merchant_new = match &change.merchant {
        Some(merchant) => people::is_merchant_new(db, merchant)?,
        None => true,
    };
    let is_key_new = match &change.key {
        Some((key, hash)) => people::is_key_new(db, key.id, hash)?,
        None => true,
    };
    let is_there = match &change.changed {
        Some(key) => people::key(db, key.id)?.is_some(),
        None => true,
    };
    let is_endpoint_fit = match &change.endpoint {
        Some(endpoint) => endpoints::fits(db, endpoint)?,
        None => true,
    };
    Ok(is_newest && is_merchant_new && is_key_new && is_there && is_endpoint_fit)
}

/// Writes a change that fits, but for its events and what depends on their places.
pub(super) fn apply(db: &Connection, change: &JournalChange) -> Result<(), Fault> {
    let sql = "INSERT INTO journals (owner, id, count, head) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (owner) DO UPDATE SET count = excluded.count, head = excluded.head";
    let Journal { id, chain } = change.next;
    let owner = codec::owner_bytes(change.holder.stream());
    db.prepare_cached(sql)?.execute(params![owner, id.to_bytes(), codec::integer(chain.count)?, chain.head.bytes()])?;
    change.merchant.iter().try_for_each(|merchant| people::add_merchant(db, merchant))?;
    change.key.iter().try_for_each(|(key, hash)| people::add_key(db, key, hash))?;
    change.changed.iter().try_for_each(|key| people::update_key(db, key))
}
