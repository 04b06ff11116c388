//! Deliveries: events that webhook endpoints are told, each with the calls that were made for it.

use std::collections::{BTreeMap, HashMap};

use escrow::{DeliveryId, EndpointId, RawId, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::events;
use super::page::{self, ColumnKey};
use super::seen::bytes;
use super::session::{Kind, Sessions};
use super::statement::Statement;
use crate::rows::codec::{self, IdBytes};
use crate::rows::lists;
use crate::{Delivery, DeliveryFilter, EndpointState, Page, PageRequest, Progress, StoredEvent, Told};

/// How many deliveries are deleted in one go.
const FORGOTTEN_AT_ONCE: i64 = 1000;

/// The columns of a delivery, and those of its event.
const COLUMNS: &str = "d.position, d.id, d.endpoint, d.state, d.due, d.tries, d.asked, d.heard, d.created, d.updated, d.attempts, t.state,
    e.position, e.sequence, e.id, e.created, e.hash, e.body, e.type, e.owner, e.subject,
    (SELECT p.hash FROM events p WHERE p.owner = e.owner AND p.subject = e.subject AND p.sequence = e.sequence - 1),
    EXISTS (SELECT 1 FROM journals j WHERE j.id = e.subject)
    FROM deliveries d JOIN endpoints t ON t.id = d.endpoint
    JOIN events e ON e.owner = t.owner AND e.position = d.position";

/// Where the columns of the event begin.
const EVENT: usize = 12;

pub(super) async fn list(
    sessions: &Sessions,
    endpoint: EndpointId,
    filter: DeliveryFilter,
    request: PageRequest,
) -> Result<Page<Delivery>, Fault> {
    let mut session = sessions.begin(Kind::Read).await?;
    let mut list = lists::deliveries(endpoint, filter.state);
    if let Some(event) = filter.event {
        let sql = "SELECT position FROM events WHERE id = $1";
        let rows = session.query(Statement::new(sql).bytes(event.raw().to_bytes())).await?;
        // What is in no stream of the endpoint's owner is told to nobody there.
        let place = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        list.within((place, place));
    }
    let rows = |places: &[i64]| {
        let sql = format!("SELECT {COLUMNS} WHERE d.position = ANY ($1) AND d.endpoint = $2");
        i64::column(Statement::new(sql), places).bytes(endpoint.raw().to_bytes())
    };
    page::page(session, list, request, rows, delivery).await
}

pub(super) async fn find(sessions: &Sessions, id: DeliveryId) -> Result<Option<Delivery>, Fault> {
    let statement = Statement::new(format!("SELECT {COLUMNS} WHERE d.id = $1")).bytes(id.raw().to_bytes());
    sessions.read(statement).await?.first().map(delivery).transpose()
}

/// The places of those events that an endpoint has deliveries of.
pub(super) fn told(endpoint: EndpointId, events: &[StoredEvent]) -> Statement {
    let sql = "SELECT position FROM deliveries WHERE endpoint = $1 AND position = ANY ($2)";
    let places = events.iter().map(|event| i64::try_from(event.position).unwrap_or(i64::MAX));
    Statement::new(sql).bytes(endpoint.raw().to_bytes()).integers(places)
}

/// Deliveries whose time has come, the earliest first.
pub(super) fn due(endpoint: EndpointId, now: Timestamp, limit: usize) -> Statement {
    let sql =
        format!("SELECT {COLUMNS} WHERE d.endpoint = $1 AND d.due IS NOT NULL AND d.due <= $2 ORDER BY d.due LIMIT $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Statement::new(sql).bytes(endpoint.raw().to_bytes()).integer(now.ms()).integer(limit)
}

/// When the next delivery's time comes, behind now.
pub(super) fn next_due(endpoint: EndpointId, now: Timestamp) -> Statement {
    let sql = "SELECT min(due) FROM deliveries WHERE endpoint = $1 AND due IS NOT NULL AND due > $2";
    Statement::new(sql).bytes(endpoint.raw().to_bytes()).integer(now.ms())
}

/// A delivery that is written, and whether it is a new one.
struct Written<'t> {
    delivery: &'t Delivery,
    is_new: bool,
}

/// What there is under the locks of the endpoints.
#[derive(Default)]
struct There {
    tokens: HashMap<IdBytes, u64>,
    deliveries: HashMap<(IdBytes, i64), IdBytes>,
}

/// Notes what was done for endpoints, in one transaction. What comes under an older lease than the newest is left out.
pub(super) async fn note(sessions: &Sessions, told: &[Told]) -> Result<(), Fault> {
    let mut session = sessions.begin(Kind::Write).await?;
    let rows = session.run(&look(told)?).await?;
    let there = there(rows)?;
    let is_newest = |told: &&Told| there.tokens.get(&told.endpoint.raw().to_bytes()) == Some(&told.token);
    let mut progress: BTreeMap<IdBytes, Progress> = BTreeMap::new();
    let mut written: BTreeMap<(IdBytes, i64), Written<'_>> = BTreeMap::new();
    for told in told.iter().filter(is_newest) {
        let endpoint = told.endpoint.raw().to_bytes();
        let cursor = progress.get(&endpoint).map_or(0, |before| before.cursor).max(told.progress.cursor);
        progress.insert(endpoint, Progress { cursor, ..told.progress });
        for delivery in &told.deliveries {
            let key = (endpoint, codec::integer(delivery.event.position)?);
            let before = written.get(&key).map(|written| (written.delivery.id.raw().to_bytes(), written.is_new));
            let before = before.or_else(|| there.deliveries.get(&key).map(|id| (*id, false)));
            // Of two of the same event, the first counts.
            if before.is_none_or(|(id, _)| id == delivery.id.raw().to_bytes()) {
                written.insert(key, Written { delivery, is_new: before.is_none_or(|(_, is_new)| is_new) });
            }
        }
    }
    let (new, known): (Vec<_>, Vec<_>) = written.into_values().partition(|written| written.is_new);
    session.finish(&[insert(&new)?, update(&known)?, advance(&progress)?]).await.map(drop)
}

fn look(told: &[Told]) -> Result<[Statement; 2], Fault> {
    let lock = "SELECT id, token FROM endpoints WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
    let lock = Statement::new(lock).blobs(told.iter().map(|told| told.endpoint.raw().to_bytes()));
    let found = "SELECT d.endpoint, d.position, d.id FROM unnest($1::BYTEA[], $2::BIGINT[]) AS w (endpoint, position)
        JOIN deliveries d ON d.endpoint = w.endpoint AND d.position = w.position";
    let deliveries =
        || told.iter().flat_map(|told| told.deliveries.iter().map(move |delivery| (told.endpoint, delivery)));
    let places = deliveries().map(|(_, delivery)| codec::integer(delivery.event.position));
    let places = places.collect::<Result<Vec<i64>, _>>()?;
    let endpoints = deliveries().map(|(endpoint, _)| endpoint.raw().to_bytes());
    Ok([lock, Statement::new(found).blobs(endpoints).integers(places)])
}

fn there(rows: Vec<Vec<Row>>) -> Result<There, Fault> {
    let [endpoints, deliveries] = <[Vec<Row>; 2]>::try_from(rows).unwrap_or_default();
    let mut there = There::default();
    for row in &endpoints {
        there.tokens.insert(bytes(row, 0)?, codec::count(row.try_get(1)?)?);
    }
    for row in &deliveries {
        there.deliveries.insert((bytes(row, 0)?, row.try_get(1)?), bytes(row, 2)?);
    }
    Ok(there)
}

fn insert(new: &[Written<'_>]) -> Result<Statement, Fault> {
    let deliveries = || new.iter().map(|written| written.delivery);
    let sql = "INSERT INTO deliveries
        (endpoint, position, id, state, due, tries, asked, heard, created, updated, attempts)
        SELECT * FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BYTEA[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[],
            $8::BIGINT[], $9::BIGINT[], $10::BIGINT[], $11::TEXT[])";
    Ok(Statement::new(sql)
        .blobs(deliveries().map(|delivery| delivery.endpoint.raw().to_bytes()))
        .integers(places(new)?)
        .blobs(deliveries().map(|delivery| delivery.id.raw().to_bytes()))
        .texts(deliveries().map(|delivery| delivery.state.name()))
        .integers(deliveries().map(|delivery| delivery.state.due().map(Timestamp::ms)))
        .integers(deliveries().map(|delivery| i64::from(delivery.tries)))
        .integers(deliveries().map(|delivery| i64::from(delivery.asked)))
        .integers(deliveries().map(|delivery| i64::from(delivery.heard)))
        .integers(deliveries().map(|delivery| delivery.created.ms()))
        .integers(deliveries().map(|delivery| delivery.updated.ms()))
        .texts(attempts(new)?.iter().map(String::as_str)))
}

/// Whoever asked for a call after the one had begun that is noted gets another one.
fn update(known: &[Written<'_>]) -> Result<Statement, Fault> {
    let deliveries = || known.iter().map(|written| written.delivery);
    let sql = "UPDATE deliveries d SET tries = w.tries, heard = w.heard, updated = w.updated, attempts = w.attempts,
        state = CASE WHEN d.asked > w.heard THEN d.state ELSE w.state END,
        due = CASE WHEN d.asked > w.heard THEN d.due ELSE w.due END
        FROM unnest($1::BYTEA[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[])
            AS w (endpoint, position, state, due, tries, heard, updated, attempts)
        WHERE d.endpoint = w.endpoint AND d.position = w.position";
    Ok(Statement::new(sql)
        .blobs(deliveries().map(|delivery| delivery.endpoint.raw().to_bytes()))
        .integers(places(known)?)
        .texts(deliveries().map(|delivery| delivery.state.name()))
        .integers(deliveries().map(|delivery| delivery.state.due().map(Timestamp::ms)))
        .integers(deliveries().map(|delivery| i64::from(delivery.tries)))
        .integers(deliveries().map(|delivery| i64::from(delivery.heard)))
        .integers(deliveries().map(|delivery| delivery.updated.ms()))
        .texts(attempts(known)?.iter().map(String::as_str)))
}

fn places(written: &[Written<'_>]) -> Result<Vec<i64>, Fault> {
    let places = written.iter().map(|written| Ok(codec::integer(written.delivery.event.position)?));
    places.collect()
}

fn attempts(written: &[Written<'_>]) -> Result<Vec<String>, Fault> {
    written.iter().map(|written| Ok(codec::json(&written.delivery.attempts)?)).collect()
}

/// Notes how far endpoints were told.
fn advance(progress: &BTreeMap<IdBytes, Progress>) -> Result<Statement, Fault> {
    let sql = "UPDATE endpoints e SET cursor = greatest(e.cursor, w.cursor), failing_since = w.failing_since
        FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BIGINT[]) AS w (id, cursor, failing_since) WHERE e.id = w.id";
    let cursors = progress.values().map(|progress| codec::integer(progress.cursor)).collect::<Result<Vec<i64>, _>>()?;
    let failing = progress.values().map(|progress| progress.failing_since.map(Timestamp::ms));
    Ok(Statement::new(sql).blobs(progress.keys()).integers(cursors).integers(failing))
}

/// Deletes some deliveries from before this time for which there will be no call; `true` when there may be more.
pub(super) async fn forget(sessions: &Sessions, before: Timestamp) -> Result<bool, Fault> {
    // Ids are in the order of time, and so no index of the time is needed.
    let highest = RawId::from_bits(u128::from(before.ms().max(0).unsigned_abs()) << 80);
    // Each is looked at again under its lock: somebody may have asked for a call meanwhile. What others hold is left for later.
    let sql = "WITH gone AS (
            SELECT d.endpoint, d.position FROM deliveries d WHERE d.id < $1 AND (d.due IS NULL OR NOT EXISTS
                (SELECT 1 FROM endpoints e WHERE e.id = d.endpoint AND e.state = $3))
            ORDER BY d.id LIMIT $2 FOR UPDATE OF d SKIP LOCKED)
        DELETE FROM deliveries d USING gone g WHERE d.endpoint = g.endpoint AND d.position = g.position RETURNING 1";
    let statement =
        Statement::new(sql).bytes(highest.to_bytes()).integer(FORGOTTEN_AT_ONCE).text(EndpointState::Enabled.name());
    let rows = sessions.run(Kind::Write, vec![statement]).await?;
    let deleted = rows.first().map_or(0, Vec::len);
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == FORGOTTEN_AT_ONCE))
}

/// A delivery from its columns.
pub(super) fn delivery(row: &Row) -> Result<Delivery, Fault> {
    let count = |column| {
        let count: i64 = row.try_get(column)?;
        u32::try_from(count).map_err(|_| Fault::Damaged(format!("{count} counts no calls")))
    };
    let due: Option<i64> = row.try_get(4)?;
    Ok(Delivery {
        id: DeliveryId::new(RawId::from_bytes(bytes(row, 1)?)),
        endpoint: EndpointId::new(RawId::from_bytes(bytes(row, 2)?)),
        event: events::stored_at(row, EVENT)?,
        state: codec::delivery_state(row.try_get(3)?, due, row.try_get(11)?)?,
        tries: count(5)?,
        asked: count(6)?,
        heard: count(7)?,
        attempts: codec::from_json("the calls of a delivery", row.try_get(10)?)?,
        created: Timestamp::from_ms(row.try_get(8)?),
        updated: Timestamp::from_ms(row.try_get(9)?),
    })
}
