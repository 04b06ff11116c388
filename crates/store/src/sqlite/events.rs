//! Events: what happened, in the streams of their owners and the chains of what they are about.

use escrow::{EventId, Hash, IntentId, Owner, RawId, Span, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Fault;
use super::page::{self, Readings, collect};
use super::{DIALECT, clocks};
use crate::rows::codec::{self, IdBytes};
use crate::rows::lists;
use crate::{EventFilter, EventRow, EventType, Head, Page, PageRequest, StoredEvent, Tail};

/// An event, and with it the hash of the one before it and whether it stands in a journal.
const COLUMNS: &str = "SELECT e.id, e.sequence, e.created, e.hash, e.body, e.type, e.owner, e.position, e.subject,
        (SELECT p.hash FROM events p WHERE p.subject = e.subject AND p.sequence = e.sequence - 1),
        EXISTS (SELECT 1 FROM journals j WHERE j.id = e.subject)
    FROM events e";

/// Events of an owner, newest first.
pub(super) fn page(
    db: &Connection,
    owner: Owner,
    filter: &EventFilter,
    request: PageRequest,
) -> Result<Page<StoredEvent>, Fault> {
    let types = filter.types.as_deref();
    match filter.intent {
        None => page::page_by_key(db, lists::events(owner, types), request, |position| in_place(db, owner, position)),
        Some(intent) => {
            let list = lists::events_of(DIALECT, owner, intent, types);
            page::page_by_key(db, list, request, |sequence| in_chain(db, intent.raw().to_bytes(), sequence))
        }
    }
}

/// What came behind a place of an owner's stream.
pub(super) fn after(
    db: &Connection,
    owner: Owner,
    filter: &EventFilter,
    position: u64,
    limit: usize,
) -> Result<Tail, Fault> {
    // What comes from outside may be past everything that can be counted.
    let after = i64::try_from(position).unwrap_or(i64::MAX);
    let types = filter.types.as_deref();
    let events: Vec<StoredEvent> = match filter.intent {
        None => {
            let places = page::keys_behind(db, lists::events(owner, types), after, limit)?;
            let found = places.into_iter().map(|position| in_place(db, owner, position));
            found.filter_map(Result::transpose).collect::<Result<_, Fault>>()?
        }
        Some(intent) => {
            // The events of one intent are few, and their places grow with their sequence.
            let sequence = sequence_at(db, intent.raw().to_bytes(), after)?;
            let sequences = page::keys_behind(db, lists::events_of(DIALECT, owner, intent, types), sequence, limit)?;
            let found = sequences.into_iter().map(|sequence| in_chain(db, intent.raw().to_bytes(), sequence));
            found.filter_map(Result::transpose).collect::<Result<_, Fault>>()?
        }
    };
    let position = match events.last() {
        Some(last) if events.len() >= limit => last.position,
        Some(_) | None => self::last(db, owner)?.max(position),
    };
    Ok(Tail { events, position })
}

/// The place of an owner's last event, 0 where there is none.
fn last(db: &Connection, owner: Owner) -> Result<u64, Fault> {
    let mut statement = db.prepare_cached("SELECT last FROM streams WHERE owner = ?1")?;
    let last: Option<i64> = statement.query_row([codec::owner_bytes(owner)], |row| row.get(0)).optional()?;
    Ok(codec::count(last.unwrap_or(0))?)
}

/// How far an owner's stream has come, and their clock.
pub(super) fn head(db: &Connection, owner: Owner) -> Result<Head, Fault> {
    let clocks = clocks::of_owners(db, &[codec::owner_bytes(owner)].into())?;
    let ahead = clocks.get(&owner).copied().unwrap_or(Span::from_ms(0));
    Ok(Head { last: last(db, owner)?, ahead })
}

/// The sequence of a subject's last event up to a place, 0 where there is none.
fn sequence_at(db: &Connection, subject: IdBytes, position: i64) -> Result<i64, Fault> {
    let sql = "SELECT max(sequence) FROM events WHERE subject = ?1 AND position <= ?2";
    let found: Option<i64> = db.prepare_cached(sql)?.query_row(params![subject, position], |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

pub(super) fn find(db: &Connection, id: EventId) -> Result<Option<StoredEvent>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE e.id = ?1"))?;
    let mut rows = statement.query([id.raw().to_bytes()])?;
    rows.next()?.map(stored).transpose()
}

pub(super) fn in_place(db: &Connection, owner: Owner, position: i64) -> Result<Option<StoredEvent>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE e.owner = ?1 AND e.position = ?2"))?;
    let mut rows = statement.query(params![codec::owner_bytes(owner), position])?;
    rows.next()?.map(stored).transpose()
}

fn in_chain(db: &Connection, subject: IdBytes, sequence: i64) -> Result<Option<StoredEvent>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE e.subject = ?1 AND e.sequence = ?2"))?;
    let mut rows = statement.query(params![subject, sequence])?;
    rows.next()?.map(stored).transpose()
}

/// The events of an intent or a journal by sequence, each with whose stream it is in and its place there.
pub(super) fn of_subject(db: &Connection, subject: IdBytes) -> Result<Readings<(Owner, u64, EventRow)>, Fault> {
    let mut statement = db.prepare_cached(&format!("{COLUMNS} WHERE e.subject = ?1 ORDER BY e.sequence"))?;
    let read = |row: &Row<'_>| Ok((codec::owner(row.get(6)?)?, codec::count(row.get(7)?)?, event(row)?));
    collect(statement.query([subject])?, |row| Ok(read(row)))
}

fn stored(row: &Row<'_>) -> Result<StoredEvent, Fault> {
    let is_of_journal: bool = row.get(10)?;
    let subject = IntentId::new(RawId::from_bytes(row.get(8)?));
    Ok(StoredEvent {
        owner: codec::owner(row.get(6)?)?,
        position: codec::count(row.get(7)?)?,
        intent: (!is_of_journal).then_some(subject),
        previous: row.get::<_, Option<[u8; 32]>>(9)?.map_or(Hash::ZERO, Hash::from_bytes),
        event: event(row)?,
    })
}

fn event(row: &Row<'_>) -> Result<EventRow, Fault> {
    let kind: String = row.get(5)?;
    Ok(EventRow {
        id: EventId::new(RawId::from_bytes(row.get(0)?)),
        kind: codec::named("type of event", &kind, EventType::from_name)?,
        sequence: codec::count(row.get(1)?)?,
        created: Timestamp::from_ms(row.get(2)?),
        hash: Hash::from_bytes(row.get(3)?),
        body: row.get(4)?,
    })
}
