//! Webhook endpoints, and what they are to be told.

use escrow::{EndpointId, Owner, RawId, Span, Timestamp};
use rusqlite::{Connection, Row, params};

use super::error::Fault;
use super::page::collect;
use super::{clocks, deliveries, events, page};
use crate::rows::codec::{self, IdBytes};
use crate::rows::lists;
use crate::{
    AccountEvent, Endpoint, EndpointChange, EndpointState, EventFilter, EventType, Outbox, Page, PageRequest, Progress,
    Tail,
};

pub(super) const COLUMNS: &str =
    "SELECT id, owner, url, description, events, state, secret, previous_until, created, updated,
    cursor, failing_since FROM endpoints";

pub(super) fn page(db: &Connection, owner: Owner, request: PageRequest) -> Result<Page<Endpoint>, Fault> {
    page::page(db, lists::endpoints(owner), request, |id| find(db, EndpointId::new(RawId::from_bytes(id))))
}

pub(super) fn find(db: &Connection, id: EndpointId) -> Result<Option<Endpoint>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?;
    let mut rows = statement.query([id.raw().to_bytes()])?;
    rows.next()?.map(endpoint).transpose()
}

pub(super) fn enabled(db: &Connection) -> Result<Vec<(EndpointId, Owner)>, Fault> {
    let mut statement = db.prepare_cached("SELECT id, owner FROM endpoints WHERE state = ?1 ORDER BY id")?;
    collect(statement.query([EndpointState::Enabled.name()])?, |row| {
        Ok((EndpointId::new(RawId::from_bytes(row.get(0)?)), codec::owner(row.get(1)?)?))
    })
}

/// Whether a change still fits what is stored.
pub(super) fn fits(db: &Connection, change: &EndpointChange) -> Result<bool, Fault> {
    Ok(match change {
        EndpointChange::Added(endpoint) => find(db, endpoint.id)?.is_none(),
        EndpointChange::Changed(endpoint) | EndpointChange::Resumed(endpoint) => find(db, endpoint.id)?.is_some(),
    })
}

/// Writes a change that fits; `position` is that of the last event of the endpoint's owner.
pub(super) fn apply(db: &Connection, change: &EndpointChange, position: i64) -> Result<(), Fault> {
    let endpoint = match change {
        EndpointChange::Added(endpoint) => return add(db, endpoint, position),
        EndpointChange::Changed(endpoint) | EndpointChange::Resumed(endpoint) => endpoint,
    };
    let id = endpoint.id.raw().to_bytes();
    let sql =
        "UPDATE endpoints SET url = ?2, description = ?3, events = ?4, state = ?5, secret = ?6, previous_until = ?7,
        updated = ?8 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![
        id,
        endpoint.url,
        endpoint.description,
        codec::json(&endpoint.events)?,
        endpoint.state.name(),
        endpoint.secret,
        endpoint.previous_until.map(Timestamp::ms),
        endpoint.updated.ms()
    ])?;
    if matches!(change, EndpointChange::Resumed(_)) {
        let sql = "UPDATE endpoints SET cursor = ?2, failing_since = NULL WHERE id = ?1";
        db.prepare_cached(sql)?.execute(params![id, position])?;
    }
    Ok(())
}

fn add(db: &Connection, endpoint: &Endpoint, position: i64) -> Result<(), Fault> {
    let sql = "INSERT INTO endpoints
        (id, owner, url, description, events, state, secret, previous_until, created, updated, cursor, failing_since)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, NULL)";
    db.prepare_cached(sql)?.execute(params![
        endpoint.id.raw().to_bytes(),
        codec::owner_bytes(endpoint.owner),
        endpoint.url,
        endpoint.description,
        codec::json(&endpoint.events)?,
        endpoint.state.name(),
        endpoint.secret,
        endpoint.previous_until.map(Timestamp::ms),
        endpoint.created.ms(),
        endpoint.updated.ms(),
        position
    ])?;
    Ok(())
}

/// Notes how far an endpoint was told.
pub(super) fn note(db: &Connection, id: IdBytes, progress: Progress) -> Result<(), Fault> {
    let sql = "UPDATE endpoints SET cursor = max(cursor, ?2), failing_since = ?3 WHERE id = ?1";
    let row = params![id, codec::integer(progress.cursor)?, progress.failing_since.map(Timestamp::ms)];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// What an endpoint that is enabled is to be told.
pub(super) fn outbox(
    db: &Connection,
    id: EndpointId,
    position: u64,
    now: Timestamp,
    limit: usize,
) -> Result<Option<Outbox>, Fault> {
    let Some(endpoint) = find(db, id)?.filter(|endpoint| endpoint.state == EndpointState::Enabled) else {
        return Ok(None);
    };
    let owner = endpoint.owner;
    let clocks = clocks::of_owners(db, &[codec::owner_bytes(owner)].into())?;
    let ahead = clocks.get(&owner).copied().unwrap_or(Span::from_ms(0));
    let position = position.max(endpoint.progress.cursor);
    let filter = EventFilter { types: EventType::chosen(&endpoint.events), intent: None };
    let Tail { events, position } = match limit {
        0 => Tail { events: Vec::new(), position },
        _ => events::after(db, owner, &filter, position, limit)?,
    };
    let has_more = limit > 0 && events.len() >= limit;
    let mut fresh = Vec::with_capacity(events.len());
    for event in events {
        // A test is told to the endpoint that it is of, by a delivery that was made with it.
        let is_test = event.event.kind == EventType::Account(AccountEvent::EndpointTested);
        if !is_test && !deliveries::is_there(db, id, event.position)? {
            fresh.push(event);
        }
    }
    let own_now = now.after(ahead);
    let due = deliveries::due(db, id, owner, own_now, limit)?;
    let next_due = deliveries::next_due(db, id, own_now)?;
    Ok(Some(Outbox { endpoint, ahead, fresh, position, has_more, due, next_due }))
}

pub(super) fn endpoint(row: &Row<'_>) -> Result<Endpoint, Fault> {
    let (events, state): (String, String) = (row.get(4)?, row.get(5)?);
    let time = |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(Timestamp::from_ms));
    Ok(Endpoint {
        id: EndpointId::new(RawId::from_bytes(row.get(0)?)),
        owner: codec::owner(row.get(1)?)?,
        url: row.get(2)?,
        description: row.get(3)?,
        events: codec::from_json("the events of an endpoint", &events)?,
        state: codec::endpoint_state(&state)?,
        secret: row.get(6)?,
        previous_until: time(7)?,
        created: Timestamp::from_ms(row.get(8)?),
        updated: Timestamp::from_ms(row.get(9)?),
        progress: Progress { cursor: codec::count(row.get(10)?)?, failing_since: time(11)? },
    })
}
