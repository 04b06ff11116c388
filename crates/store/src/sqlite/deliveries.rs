//! Deliveries: events that webhook endpoints are told, each with the calls that were made for it.

use escrow::{DeliveryId, EndpointId, EventId, Owner, RawId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::error::Fault;
use super::page::collect;
use super::{endpoints, events, page};
use crate::rows::codec::{self, IdBytes};
use crate::rows::lists;
use crate::{Delivery, DeliveryAsk, DeliveryFilter, DeliveryState, EndpointState, Page, PageRequest, Told};

/// How many deliveries are deleted in one go.
const FORGET_AT_ONCE: i64 = 1000;

const COLUMNS: &str =
    "SELECT d.id, d.endpoint, d.position, d.state, d.due, d.tries, d.asked, d.heard, d.created, d.updated,
    d.attempts, e.owner, e.state FROM deliveries d JOIN endpoints e ON e.id = d.endpoint";

pub(super) fn page(
    db: &Connection,
    endpoint: EndpointId,
    filter: DeliveryFilter,
    request: PageRequest,
) -> Result<Page<Delivery>, Fault> {
    let mut list = lists::deliveries(endpoint, filter.state);
    if let Some(event) = filter.event {
        // What is in no stream of the endpoint's owner is told to nobody there.
        let place = position_of(db, event)?.unwrap_or(0);
        list.within((place, place));
    }
    page::page_by_key(db, list, request, |position| in_place(db, endpoint.raw().to_bytes(), position))
}

pub(super) fn find(db: &Connection, id: DeliveryId) -> Result<Option<Delivery>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE d.id = ?1"))?;
    let mut rows = statement.query([id.raw().to_bytes()])?;
    rows.next()?.map(|row| delivery(db, row)).transpose()
}

fn in_place(db: &Connection, endpoint: IdBytes, position: i64) -> Result<Option<Delivery>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE d.endpoint = ?1 AND d.position = ?2"))?;
    let mut rows = statement.query(params![endpoint, position])?;
    rows.next()?.map(|row| delivery(db, row)).transpose()
}

/// Whether an endpoint has a delivery of the event in this place.
pub(super) fn is_there(db: &Connection, endpoint: EndpointId, position: u64) -> Result<bool, Fault> {
    let mut statement = db.prepare_cached("SELECT 1 FROM deliveries WHERE endpoint = ?1 AND position = ?2")?;
    Ok(statement.exists(params![endpoint.raw().to_bytes(), codec::integer(position)?])?)
}

/// Deliveries whose time has come, the earliest first.
pub(super) fn due(
    db: &Connection,
    endpoint: EndpointId,
    owner: Owner,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Delivery>, Fault> {
    let sql =
        "SELECT position FROM deliveries WHERE endpoint = ?1 AND due IS NOT NULL AND due <= ?2 ORDER BY due LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let id = endpoint.raw().to_bytes();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let places: Vec<i64> = collect(statement.query(params![id, now.ms(), limit])?, |row| Ok(row.get(0)?))?;
    let found = places.into_iter().map(|position| in_place(db, id, position));
    let found = found.filter_map(Result::transpose).collect::<Result<Vec<Delivery>, Fault>>()?;
    Ok(found.into_iter().filter(|delivery| delivery.event.owner == owner).collect())
}

/// When the next delivery's time comes, behind now.
pub(super) fn next_due(db: &Connection, endpoint: EndpointId, now: Timestamp) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT min(due) FROM deliveries WHERE endpoint = ?1 AND due IS NOT NULL AND due > ?2";
    let mut statement = db.prepare_cached(sql)?;
    let due: Option<i64> = statement.query_row(params![endpoint.raw().to_bytes(), now.ms()], |row| row.get(0))?;
    Ok(due.map(Timestamp::from_ms))
}

/// Whether there still is what an ask was made on.
pub(super) fn fits(db: &Connection, ask: &DeliveryAsk) -> Result<bool, Fault> {
    // An event of the same unit is not there yet, and nothing was delivered of it.
    let position = position_of(db, ask.event)?;
    let found = match position {
        Some(position) => id_in_place(db, ask.endpoint.raw().to_bytes(), position)?,
        None => None,
    };
    let is_new = ask.base.is_some() || find(db, ask.id)?.is_none();
    Ok(found.map(|(id, _)| id) == ask.base.map(|id| id.raw().to_bytes()) && is_new)
}

/// Has a call made.
pub(super) fn ask(db: &Connection, ask: &DeliveryAsk) -> Result<(), Fault> {
    let endpoint = ask.endpoint.raw().to_bytes();
    let missing = || Fault::Damaged(format!("there is no event {} to be delivered", ask.event));
    let position = position_of(db, ask.event)?.ok_or_else(missing)?;
    let pending = DeliveryState::Pending(ask.due).name();
    let sql =
        "INSERT INTO deliveries (endpoint, position, id, state, due, tries, asked, heard, created, updated, attempts)
        VALUES (?1, ?2, ?3, ?4, ?5, 0, 1, 0, ?6, ?6, '[]')
        ON CONFLICT (endpoint, position) DO UPDATE
        SET state = excluded.state, due = excluded.due, asked = asked + 1, updated = excluded.updated";
    let row = params![endpoint, position, ask.id.raw().to_bytes(), pending, ask.due.ms(), ask.now.ms()];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// Notes what was done for endpoints, in one transaction.
pub(super) fn note<'a>(db: &mut Connection, told: impl IntoIterator<Item = &'a Told>) -> Result<(), Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for told in told {
        let endpoint = told.endpoint.raw().to_bytes();
        told.deliveries.iter().try_for_each(|delivery| write(&transaction, endpoint, delivery))?;
        endpoints::note(&transaction, endpoint, told.progress)?;
    }
    Ok(transaction.commit()?)
}

fn write(db: &Connection, endpoint: IdBytes, delivery: &Delivery) -> Result<(), Fault> {
    let (id, position) = (delivery.id.raw().to_bytes(), codec::integer(delivery.event.position)?);
    let (state, due) = (delivery.state.name(), delivery.state.due().map(Timestamp::ms));
    let attempts = codec::json(&delivery.attempts)?;
    match id_in_place(db, endpoint, position)? {
        None => {
            let sql = "INSERT INTO deliveries
                (endpoint, position, id, state, due, tries, asked, heard, created, updated, attempts)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            db.prepare_cached(sql)?.execute(params![
                endpoint,
                position,
                id,
                state,
                due,
                delivery.tries,
                delivery.asked,
                delivery.heard,
                delivery.created.ms(),
                delivery.updated.ms(),
                attempts
            ])?;
        }
        Some((stored, asked)) if stored == id => {
            // Whoever asked after the call had begun gets another one.
            let is_asked = asked > delivery.heard;
            let sql = "UPDATE deliveries SET tries = ?3, heard = ?4, updated = ?5, attempts = ?6,
                state = iif(?7, state, ?8), due = iif(?7, due, ?9) WHERE endpoint = ?1 AND position = ?2";
            db.prepare_cached(sql)?.execute(params![
                endpoint,
                position,
                delivery.tries,
                delivery.heard,
                delivery.updated.ms(),
                attempts,
                is_asked,
                state,
                due
            ])?;
        }
        Some(_) => {}
    }
    Ok(())
}

/// Deletes some deliveries from before this time for which there will be no call; `true` when there may be more.
pub(super) fn forget(db: &Connection, before: Timestamp) -> Result<bool, Fault> {
    // Ids are in the order of time, and so no index of the time is needed.
    let highest = RawId::from_bits(u128::from(before.ms().max(0).unsigned_abs()) << 80);
    let sql = "DELETE FROM deliveries WHERE rowid IN
        (SELECT d.rowid FROM deliveries d WHERE d.id < ?1 AND (d.due IS NULL OR NOT EXISTS
            (SELECT 1 FROM endpoints e WHERE e.id = d.endpoint AND e.state = ?3)) ORDER BY d.id LIMIT ?2)";
    let row = params![highest.to_bytes(), FORGET_AT_ONCE, EndpointState::Enabled.name()];
    let deleted = db.prepare_cached(sql)?.execute(row)?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == FORGET_AT_ONCE))
}

/// The id of the delivery in this place, and how often it was asked for.
fn id_in_place(db: &Connection, endpoint: IdBytes, position: i64) -> Result<Option<(IdBytes, u32)>, Fault> {
    let sql = "SELECT id, asked FROM deliveries WHERE endpoint = ?1 AND position = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![endpoint, position], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn position_of(db: &Connection, event: EventId) -> Result<Option<i64>, Fault> {
    let mut statement = db.prepare_cached("SELECT position FROM events WHERE id = ?1")?;
    Ok(statement.query_row([event.raw().to_bytes()], |row| row.get(0)).optional()?)
}

fn delivery(db: &Connection, row: &Row<'_>) -> Result<Delivery, Fault> {
    let id = DeliveryId::new(RawId::from_bytes(row.get(0)?));
    let (due, of_endpoint): (Option<i64>, String) = (row.get(4)?, row.get(12)?);
    let (position, state, attempts): (i64, String, String) = (row.get(2)?, row.get(3)?, row.get(10)?);
    let event = events::in_place(db, codec::owner(row.get(11)?)?, position)?;
    Ok(Delivery {
        id,
        endpoint: EndpointId::new(RawId::from_bytes(row.get(1)?)),
        event: event.ok_or_else(|| Fault::Damaged(format!("{id} is of an event that is not there")))?,
        state: codec::delivery_state(&state, due, &of_endpoint)?,
        tries: row.get(5)?,
        asked: row.get(6)?,
        heard: row.get(7)?,
        attempts: codec::from_json("the calls of a delivery", &attempts)?,
        created: Timestamp::from_ms(row.get(8)?),
        updated: Timestamp::from_ms(row.get(9)?),
    })
}
