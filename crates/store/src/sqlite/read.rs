//! Reads. Each runs in one read transaction on a reader's connection; what takes time to understand is understood elsewhere.

use std::collections::BTreeMap;

use escrow::{Account, Amount, IntentId, Owner, RawId, Span, Timestamp, Transfer, TransferId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Fault;
use super::page::{Readings, collect};
use super::{DIALECT, clocks, journals, page, replies};
use crate::rows::codec::{self, IdBytes};
use crate::rows::list::List;
use crate::rows::lists::{self, Way};
use crate::rows::period::{Bounds, Search};
use crate::rows::split::{Kind, Pieces};
use crate::{Balance, EscrowFilter, Journal, Page, PageRequest, Reply, StoredTransfer, TransferFilter, Wanted, Which};

/// What was found of [`Wanted`], the escrows still in pieces.
pub(super) struct Found {
    pub(super) escrows: Vec<Option<Pieces>>,
    pub(super) replies: Vec<Option<Reply>>,
    pub(super) clocks: BTreeMap<Owner, Span>,
    pub(super) journals: Vec<Option<Journal>>,
}

pub(super) fn load(db: &Connection, wanted: &Wanted) -> Result<Found, Fault> {
    let escrows = wanted.escrows.iter().map(|id| escrow(db, id.raw().to_bytes()));
    let escrows = escrows.collect::<Result<Vec<Option<Pieces>>, Fault>>()?;
    let owners = escrows.iter().flatten().map(|pieces| pieces.owner);
    let clocks = clocks::of_owners(db, &owners.chain(wanted.clocks.iter().copied().map(codec::owner_bytes)).collect())?;
    let kept_from = replies::kept_from(db)?;
    let replies = wanted.replies.iter().map(|(owner, key)| replies::find(db, *owner, key, kept_from));
    let replies = replies.collect::<Result<_, Fault>>()?;
    let journals = wanted.journals.iter().map(|holder| journals::find(db, *holder)).collect::<Result<_, Fault>>()?;
    Ok(Found { escrows, replies, clocks, journals })
}

const ESCROW_COLUMNS: &str = "SELECT id, owner, version, created, body FROM escrows";

pub(super) fn escrow(db: &Connection, id: IdBytes) -> Result<Option<Pieces>, Fault> {
    let mut statement = db.prepare_cached(&format!("{ESCROW_COLUMNS} WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    rows.next()?.map(|row| pieces(db, row)).transpose()
}

fn pieces(db: &Connection, row: &Row<'_>) -> Result<Pieces, Fault> {
    let id = row.get(0)?;
    let mut statement = db.prepare_cached("SELECT kind, body FROM parts WHERE escrow = ?1 ORDER BY kind, place")?;
    let parts = collect(statement.query([id])?, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Pieces { id, owner: row.get(1)?, version: row.get(2)?, created: row.get(3)?, head: row.get(4)?, parts })
}

pub(super) fn escrows(
    db: &Connection,
    owner: Owner,
    filter: &EscrowFilter,
    request: PageRequest,
) -> Result<Page<Pieces>, Fault> {
    let list = list_of_escrows(db, owner, filter)?;
    page::page(db, list, request, |id| escrow(db, id))
}

/// The escrows that pass a filter, by the shortest way.
fn list_of_escrows(db: &Connection, owner: Owner, filter: &EscrowFilter) -> Result<List, Fault> {
    let bounds = bounds(db, owner, filter)?;
    let way = match lists::ways(filter).as_slice() {
        [] => Way::Everything,
        [only] => *only,
        several => {
            let walk = |way: &Way<'_>| lists::walk(DIALECT, *way, owner, filter, bounds);
            let counts = several.iter().map(|way| page::count_up_to(db, &walk(way), lists::COUNTED));
            let counts = counts.collect::<Result<Vec<i64>, Fault>>()?;
            let shortest = several.iter().zip(counts).min_by_key(|(_, count)| *count);
            shortest.map_or(Way::Everything, |(way, _)| *way)
        }
    };
    Ok(lists::escrows_by(DIALECT, way, owner, filter, bounds))
}

/// The ids that the escrows of the filter's period are between.
fn bounds(db: &Connection, owner: Owner, filter: &EscrowFilter) -> Result<Bounds, Fault> {
    let mut search = Search::of(filter.created_from, filter.created_to);
    while let Some(id) = search.next() {
        let sql = "SELECT id, created FROM escrows WHERE owner = ?1 AND id >= ?2 ORDER BY id LIMIT 1";
        let key = params![codec::owner_bytes(owner), id.to_bytes()];
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = db.prepare_cached(sql)?.query_row(key, read).optional()?;
        search.tell(found.map(|(id, created)| (RawId::from_bytes(id), Timestamp::from_ms(created))));
    }
    Ok(search.bounds())
}

/// The escrow that has a part of a kind that is listed.
pub(super) fn escrow_of(db: &Connection, kind: Kind, id: RawId) -> Result<Option<Pieces>, Fault> {
    let sql = "SELECT escrow FROM parts WHERE kind = ?1 AND id = ?2 AND owner IS NOT NULL";
    let mut statement = db.prepare_cached(sql)?;
    let intent: Option<IdBytes> =
        statement.query_row(params![kind as i64, id.to_bytes()], |row| row.get(0)).optional()?;
    intent.map_or(Ok(None), |intent| escrow(db, intent))
}

/// Parts of a kind that is listed, of one intent or all, as the id of their intent and their JSON.
pub(super) fn parts(
    db: &Connection,
    kind: Kind,
    (owner, intent): (Owner, Option<IntentId>),
    request: PageRequest,
) -> Result<Page<(IntentId, String)>, Fault> {
    let sql = "SELECT escrow, body FROM parts WHERE kind = ?1 AND id = ?2 AND owner IS NOT NULL";
    page::page(db, lists::parts(DIALECT, owner, kind, intent), request, |id| {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![kind as i64, id])?;
        rows.next()?.map(|row| Ok((IntentId::new(RawId::from_bytes(row.get(0)?)), row.get(1)?))).transpose()
    })
}

/// Parts of a kind of everybody, as whose they are, the id of their intent and their JSON.
pub(super) fn everybodys_parts(
    db: &Connection,
    kind: Kind,
    which: Which,
    request: PageRequest,
) -> Result<Page<(Owner, IntentId, String)>, Fault> {
    let sql = "SELECT owner, escrow, body FROM parts WHERE kind = ?1 AND id = ?2 AND owner IS NOT NULL";
    page::page(db, lists::everybodys_parts(kind, which), request, |id| {
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query(params![kind as i64, id])?;
        let part = |row: &Row<'_>| {
            Ok((codec::owner(row.get(0)?)?, IntentId::new(RawId::from_bytes(row.get(1)?)), row.get(2)?))
        };
        rows.next()?.map(part).transpose()
    })
}

const TRANSFER_COLUMNS: &str =
    "SELECT id, kind, subject, method, minor, currency, intent, created, from_after, to_after, owner
    FROM transfers";

pub(super) fn transfers(
    db: &Connection,
    owner: Owner,
    filter: &TransferFilter,
    request: PageRequest,
) -> Result<Page<StoredTransfer>, Fault> {
    page::page(db, lists::transfers(DIALECT, owner, filter), request, |id| {
        let mut statement = db.prepare_cached(&format!("{TRANSFER_COLUMNS} WHERE owner = ?1 AND id = ?2"))?;
        let mut rows = statement.query(params![codec::owner_bytes(owner), id])?;
        rows.next()?.map(transfer).transpose()
    })
}

/// The transfers of an intent by id, each with whose ledger it is in.
pub(super) fn transfers_of(db: &Connection, intent: IdBytes) -> Result<Readings<(Owner, StoredTransfer)>, Fault> {
    let mut statement = db.prepare_cached(&format!("{TRANSFER_COLUMNS} WHERE intent = ?1 ORDER BY id"))?;
    let read = |row: &Row<'_>| Ok((codec::owner(row.get(10)?)?, transfer(row)?));
    collect(statement.query([intent])?, |row| Ok(read(row)))
}

fn transfer(row: &Row<'_>) -> Result<StoredTransfer, Fault> {
    let (kind, currency): (String, String) = (row.get(1)?, row.get(5)?);
    let method: Option<String> = row.get(3)?;
    let amount = Amount::from_minor(row.get(4)?, codec::currency(&currency)?);
    Ok(StoredTransfer {
        transfer: Transfer {
            id: TransferId::new(RawId::from_bytes(row.get(0)?)),
            purpose: codec::purpose(&kind, row.get(2)?, method.as_deref())?,
            amount: amount.map_err(|error| Fault::Damaged(error.to_string()))?,
        },
        intent: IntentId::new(RawId::from_bytes(row.get(6)?)),
        created: Timestamp::from_ms(row.get(7)?),
        from_after: row.get(8)?,
        to_after: row.get(9)?,
    })
}

/// The running totals of an owner, in the order of their accounts and currencies.
pub(super) fn balances(db: &Connection, owner: Owner) -> Result<Vec<Balance>, Fault> {
    let mut statement = db.prepare_cached("SELECT account, currency, minor FROM balances WHERE owner = ?1")?;
    let mut balances = collect(statement.query([codec::owner_bytes(owner)])?, balance)?;
    balances.sort_unstable();
    Ok(balances)
}

/// A balance from the columns account, currency and minor.
pub(super) fn balance(row: &Row<'_>) -> Result<Balance, Fault> {
    let (account, currency): (String, String) = (row.get(0)?, row.get(1)?);
    let account: Account = codec::parsed(&account)?;
    Ok(Balance { account, currency: codec::currency(&currency)?, minor: row.get(2)? })
}
