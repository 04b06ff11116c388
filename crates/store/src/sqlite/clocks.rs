//! The sandbox's clocks.

use std::collections::{BTreeMap, BTreeSet};

use escrow::{MerchantId, Mode, Owner, Span};
use rusqlite::{Connection, OptionalExtension, params};

use super::error::Fault;
use super::jobs;
use crate::ClockMove;
use crate::rows::codec::{self, OwnerBytes};

/// How far the clocks of these owners are ahead of real time; those that are not are left out.
pub(super) fn of_owners(db: &Connection, owners: &BTreeSet<OwnerBytes>) -> Result<BTreeMap<Owner, Span>, Fault> {
    let mut clocks = BTreeMap::new();
    for bytes in owners {
        let mut statement = db.prepare_cached("SELECT ahead_ms FROM clocks WHERE owner = ?1")?;
        let ahead_ms: Option<i64> = statement.query_row([bytes], |row| row.get(0)).optional()?;
        if let Some(ahead_ms) = ahead_ms {
            clocks.insert(codec::owner(*bytes)?, Span::from_ms(ahead_ms));
        }
    }
    Ok(clocks)
}

/// Moves a clock forward, and takes the jobs of its owner along.
pub(super) fn advance(db: &Connection, moved: ClockMove) -> Result<(), Fault> {
    let owner = sandbox(moved.merchant);
    let sql = "INSERT INTO clocks (owner, ahead_ms) VALUES (?1, ?2)
        ON CONFLICT (owner) DO UPDATE SET ahead_ms = ahead_ms + excluded.ahead_ms";
    db.prepare_cached(sql)?.execute(params![owner, moved.by.ms()])?;
    jobs::advance(db, owner, moved.by)
}

/// The sandbox of a merchant.
pub(super) fn sandbox(merchant: MerchantId) -> OwnerBytes {
    codec::owner_bytes(Owner { merchant, mode: Mode::Sandbox })
}
