//! Events: what happened, in the streams of their owners and the chains of what they are about.

use escrow::{EventId, Hash, IntentId, Owner, RawId, Span, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::page::{self, ColumnKey};
use super::seen::bytes;
use super::session::{Kind, Session, Sessions};
use super::statement::Statement;
use crate::rows::codec::{self, IdBytes};
use crate::rows::lists::{self, Dialect};
use crate::{EventFilter, EventRow, EventType, Head, Page, PageRequest, StoredEvent, Tail};

/// The columns of an event, with the hash of the one before it and whether it stands in a journal.
const COLUMNS: &str = "e.position, e.sequence, e.id, e.created, e.hash, e.body, e.type, e.owner, e.subject,
    (SELECT p.hash FROM events p WHERE p.owner = e.owner AND p.subject = e.subject AND p.sequence = e.sequence - 1),
    EXISTS (SELECT 1 FROM journals j WHERE j.id = e.subject)";

/// How the events of a stream are read by their places, which are the first column.
pub(super) fn in_places(owner: Owner, places: &[i64]) -> Statement {
    let sql = format!("SELECT {COLUMNS} FROM events e WHERE e.owner = $2 AND e.position = ANY ($1)");
    i64::column(Statement::new(sql), places).bytes(codec::owner_bytes(owner))
}

/// How the events of an intent are read by their sequences, which come first as well.
fn in_chain(owner: Owner, intent: IntentId, sequences: &[i64]) -> Statement {
    let sql = format!(
        "SELECT e.sequence, {COLUMNS} FROM events e WHERE e.owner = $2 AND e.subject = $3 AND e.sequence = ANY ($1)"
    );
    i64::column(Statement::new(sql), sequences).bytes(codec::owner_bytes(owner)).bytes(intent.raw().to_bytes())
}

/// Events of an owner, newest first.
pub(super) async fn list(
    sessions: &Sessions,
    owner: Owner,
    filter: &EventFilter,
    request: PageRequest,
) -> Result<Page<StoredEvent>, Fault> {
    let session = sessions.begin(Kind::Read).await?;
    let types = filter.types.as_deref();
    match filter.intent {
        None => {
            let rows = |places: &[i64]| in_places(owner, places);
            page::page(session, lists::events(owner, types), request, rows, stored).await
        }
        Some(intent) => {
            let rows = |sequences: &[i64]| in_chain(owner, intent, sequences);
            let list = lists::events_of(Dialect::Postgres, owner, intent, types);
            page::page(session, list, request, rows, |row| stored_at(row, 1)).await
        }
    }
}

/// What came behind a place of an owner's stream.
pub(super) async fn after(
    sessions: &Sessions,
    owner: Owner,
    filter: &EventFilter,
    position: u64,
    limit: usize,
) -> Result<Tail, Fault> {
    let mut session = sessions.begin(Kind::Read).await?;
    let tail = behind(&mut session, owner, filter, position, limit).await?;
    session.roll_back().await;
    Ok(tail)
}

/// As [`after`], in a transaction that goes on.
pub(super) async fn behind(
    session: &mut Session,
    owner: Owner,
    filter: &EventFilter,
    position: u64,
    limit: usize,
) -> Result<Tail, Fault> {
    // What comes from outside may be past everything that can be counted.
    let after = i64::try_from(position).unwrap_or(i64::MAX);
    let types = filter.types.as_deref();
    let (rows, first) = match filter.intent {
        None => {
            let places = page::keys_behind(session, lists::events(owner, types), after, limit).await?;
            (session.query(in_places(owner, &places)).await?, 0)
        }
        Some(intent) => {
            // The events of one intent are few, and their places grow with their sequence.
            let list = lists::events_of(Dialect::Postgres, owner, intent, types);
            let sequence = sequence_at(session, owner, intent, after).await?;
            let sequences = page::keys_behind(session, list, sequence, limit).await?;
            (session.query(in_chain(owner, intent, &sequences)).await?, 1)
        }
    };
    let mut events = rows.iter().map(|row| stored_at(row, first)).collect::<Result<Vec<StoredEvent>, Fault>>()?;
    events.sort_by_key(|stored| stored.position);
    let position = match events.last() {
        Some(last) if events.len() >= limit => last.position,
        Some(_) | None => last(session, owner).await?.max(position),
    };
    Ok(Tail { events, position })
}

/// The place of an owner's last event, 0 where there is none.
async fn last(session: &mut Session, owner: Owner) -> Result<u64, Fault> {
    let sql = "SELECT last FROM streams WHERE owner = $1";
    let rows = session.query(Statement::new(sql).bytes(codec::owner_bytes(owner))).await?;
    Ok(codec::count(rows.first().map_or(Ok(0), |row| row.try_get(0))?)?)
}

/// The sequence of an intent's last event up to a place, 0 where there is none.
async fn sequence_at(session: &mut Session, owner: Owner, intent: IntentId, position: i64) -> Result<i64, Fault> {
    let sql = "SELECT coalesce(max(sequence), 0) FROM events WHERE owner = $1 AND subject = $2 AND position <= $3";
    let statement =
        Statement::new(sql).bytes(codec::owner_bytes(owner)).bytes(intent.raw().to_bytes()).integer(position);
    let rows = session.query(statement).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
}

/// How far streams have come, and their owners' clocks.
pub(super) async fn heads(sessions: &Sessions, owners: &[Owner]) -> Result<Vec<Head>, Fault> {
    let sql = "SELECT coalesce(s.last, 0), coalesce(c.ahead_ms, 0)
        FROM unnest($1::BYTEA[], $2::BIGINT[]) AS w (owner, place)
        LEFT JOIN streams s ON s.owner = w.owner LEFT JOIN clocks c ON c.owner = w.owner ORDER BY w.place";
    let places = (0..).zip(owners).map(|(place, _): (i64, _)| place);
    let statement = Statement::new(sql).blobs(owners.iter().map(|owner| codec::owner_bytes(*owner))).integers(places);
    let rows = sessions.read(statement).await?;
    let head = |row: &Row| Ok(Head { last: codec::count(row.try_get(0)?)?, ahead: Span::from_ms(row.try_get(1)?) });
    rows.iter().map(head).collect()
}

pub(super) async fn find(sessions: &Sessions, id: EventId) -> Result<Option<StoredEvent>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM events e WHERE e.id = $1");
    let rows = sessions.read(Statement::new(sql).bytes(id.raw().to_bytes())).await?;
    rows.first().map(stored).transpose()
}

/// The columns of an event without what comes from elsewhere.
const OWN_COLUMNS: &str = "v.position, v.sequence, v.id, v.created, v.hash, v.body, v.type, v.owner, v.subject";

/// The events of intents by sequence, each with what it is about.
pub(super) fn of_intents(intents: &[IdBytes]) -> Statement {
    let sql = format!(
        "SELECT {OWN_COLUMNS} FROM escrows e JOIN events v ON v.owner = e.owner AND v.subject = e.id
        WHERE e.id = ANY ($1) ORDER BY v.subject, v.sequence"
    );
    Statement::new(sql).blobs(intents)
}

/// The events of journals by sequence, each with what it stands in.
pub(super) fn of_journals(journals: &[IdBytes]) -> Statement {
    let sql = format!(
        "SELECT {OWN_COLUMNS} FROM journals j JOIN events v ON v.owner = j.owner AND v.subject = j.id
        WHERE j.id = ANY ($1) ORDER BY v.subject, v.sequence"
    );
    Statement::new(sql).blobs(journals)
}

/// An event from its columns.
pub(super) fn stored(row: &Row) -> Result<StoredEvent, Fault> {
    stored_at(row, 0)
}

pub(super) fn stored_at(row: &Row, first: usize) -> Result<StoredEvent, Fault> {
    let is_of_journal: bool = row.try_get(first + 10)?;
    let subject = IntentId::new(RawId::from_bytes(bytes(row, first + 8)?));
    let previous: Option<&[u8]> = row.try_get(first + 9)?;
    let previous = previous.map(|_| bytes(row, first + 9)).transpose()?;
    let (owner, position, event) = placed(row, first)?;
    Ok(StoredEvent {
        owner,
        position,
        intent: (!is_of_journal).then_some(subject),
        previous: previous.map_or(Hash::ZERO, Hash::from_bytes),
        event,
    })
}

/// An event from its first eight columns, with whose stream it is in and its place there.
pub(super) fn placed(row: &Row, first: usize) -> Result<(Owner, u64, EventRow), Fault> {
    let kind: &str = row.try_get(first + 6)?;
    let event = EventRow {
        id: EventId::new(RawId::from_bytes(bytes(row, first + 2)?)),
        kind: codec::named("type of event", kind, EventType::from_name)?,
        sequence: codec::count(row.try_get(first + 1)?)?,
        created: Timestamp::from_ms(row.try_get(first + 3)?),
        hash: Hash::from_bytes(bytes(row, first + 4)?),
        body: row.try_get(first + 5)?,
    };
    Ok((codec::owner(bytes(row, first + 7)?)?, codec::count(row.try_get(first)?)?, event))
}
