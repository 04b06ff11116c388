//! What escrows are found by of their metadata, in a table of its own.

use std::collections::BTreeMap;

use escrow::Metadata;
use rusqlite::{Connection, params};
use serde::Deserialize;

use super::codec::{IdBytes, OwnerBytes};
use super::error::Fault;
use crate::metadata::found_by;
use crate::rows::split::Kind;

pub(super) fn insert(
    db: &Connection,
    escrow: IdBytes,
    owner: OwnerBytes,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Fault> {
    let sql = "INSERT INTO metadata (owner, name, value, escrow) VALUES (?1, ?2, ?3, ?4)";
    for (name, value) in metadata {
        db.prepare_cached(sql)?.execute(params![owner, name, value, escrow])?;
    }
    Ok(())
}

/// Makes escrows of an older version found as those of this one are. What cannot be read is left to `verify`.
pub(super) fn catch_up(db: &Connection) -> Result<(), Fault> {
    /// All that is asked of the terms, so that a later form of them makes no difference.
    #[derive(Deserialize)]
    struct OfTerms {
        metadata: Option<Metadata>,
    }
    let sql = "SELECT e.id, e.owner, p.body FROM escrows e CROSS JOIN parts p ON p.escrow = e.id AND p.kind = ?1";
    let mut statement = db.prepare(sql)?;
    let mut rows = statement.query([Kind::Terms as i64])?;
    while let Some(row) = rows.next()? {
        let (id, owner, body): (IdBytes, OwnerBytes, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let Ok(OfTerms { metadata: Some(metadata) }) = serde_json::from_str(&body) else { continue };
        insert(db, id, owner, &found_by(&metadata))?;
    }
    Ok(())
}
