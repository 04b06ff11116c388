//! The walk over everything, for `verify` and `export`: one snapshot, a few hundred escrows in memory at a time.

use std::collections::HashMap;

use escrow::{Duty, Hash, IntentId, Owner, RawId, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::seen::bytes;
use super::session::{Kind, Session, Sessions};
use super::statement::Statement;
use super::{events, load, read};
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::split::Pieces;
use crate::{Audited, Balance, EventRow, Journal, KeyHolder, StoredTransfer};

/// How many escrows are read at once.
const AT_ONCE: i64 = 200;

/// How many rows are read at once of what belongs to nothing, and of balances.
const ROWS_AT_ONCE: i64 = 5000;

/// Rows that belong to no escrow, and to no journal either: the table, and a query for the intent they name and which of its rows
/// they are.
const ORPHANS: [(&str, &str); 6] = [
    (
        "parts",
        "SELECT p.escrow, 'kind ' || CAST(p.kind AS TEXT) || ', id ' || encode(p.id, 'hex') FROM parts p
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = p.owner AND e.id = p.escrow) ORDER BY p.escrow, p.kind, p.id",
    ),
    (
        "events",
        "SELECT v.subject, 'sequence ' || CAST(v.sequence AS TEXT) FROM events v
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = v.subject)
         AND NOT EXISTS (SELECT 1 FROM journals j WHERE j.id = v.subject) ORDER BY v.subject, v.sequence",
    ),
    (
        "transfers",
        "SELECT t.intent, 'id ' || encode(t.id, 'hex') FROM transfers t
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = t.intent) ORDER BY t.intent, t.id",
    ),
    (
        "jobs",
        "SELECT j.intent, 'duty ' || CAST(j.duty AS TEXT) || ', subject ' || encode(j.subject, 'hex') FROM jobs j
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = j.owner AND e.id = j.intent)
         ORDER BY j.intent, j.duty, j.subject",
    ),
    (
        "claims",
        "SELECT c.intent, 'hash ' || encode(c.hash, 'hex') FROM claims c
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = c.intent) ORDER BY c.intent, c.hash, c.owner",
    ),
    (
        "metadata",
        "SELECT m.escrow, 'name ' || encode(m.name, 'escape') FROM metadata m
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = m.owner AND e.id = m.escrow)
         ORDER BY m.escrow, m.name, m.owner, m.value",
    ),
];

/// Rows that name what is not there: the table, and a query that says of each which it is and what it lacks.
const STRAYS: [(&str, &str); 5] = [
    (
        "keys",
        "SELECT 'id ' || encode(k.id, 'hex') || ' acts for a merchant who does not exist' FROM keys k
         WHERE substring(k.owner, 1, 16) <> decode('00000000000000000000000000000000', 'hex')
         AND NOT EXISTS (SELECT 1 FROM merchants m WHERE m.id = substring(k.owner, 1, 16)) ORDER BY k.id",
    ),
    (
        "streams",
        "SELECT 'owner ' || encode(s.owner, 'hex') || ' says its last event is in place ' || CAST(s.last AS TEXT) FROM streams s
         WHERE s.last <> coalesce((SELECT max(v.position) FROM events v WHERE v.owner = s.owner), 0) ORDER BY s.owner",
    ),
    (
        "endpoints",
        "SELECT 'id ' || encode(e.id, 'hex') || ' was told more than has happened' FROM endpoints e
         WHERE e.cursor > coalesce((SELECT s.last FROM streams s WHERE s.owner = e.owner), 0) ORDER BY e.id",
    ),
    (
        "deliveries",
        "SELECT 'id ' || encode(d.id, 'hex') || ' goes to an endpoint that does not exist' FROM deliveries d
         WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.id = d.endpoint) ORDER BY d.endpoint, d.position",
    ),
    (
        "deliveries",
        "SELECT 'id ' || encode(d.id, 'hex') || ' is of an event that does not exist'
         FROM deliveries d JOIN endpoints e ON e.id = d.endpoint
         WHERE NOT EXISTS (SELECT 1 FROM events v WHERE v.owner = e.owner AND v.position = d.position)
         ORDER BY d.endpoint, d.position",
    ),
];

type Visit<'v> = &'v mut (dyn FnMut(Audited) + Send);

/// Walks over everything in one transaction.
pub(super) async fn audit(sessions: &Sessions, visit: Visit<'_>) -> Result<(), Fault> {
    let mut session = sessions.begin(Kind::LongRead).await?;
    escrows(&mut session, visit).await?;
    journals(&mut session, visit).await?;
    for (table, sql) in ORPHANS {
        for row in session.query(Statement::new(sql)).await? {
            if let Some(what) = readable(table, "a row", orphan(&row), visit)? {
                visit(Audited::Stray { table, what });
            }
        }
    }
    for (table, sql) in STRAYS {
        for row in session.query(Statement::new(sql)).await? {
            visit(Audited::Stray { table, what: row.try_get(0)? });
        }
    }
    balances(&mut session, visit).await?;
    session.roll_back().await
}

async fn escrows(session: &mut Session, visit: Visit<'_>) -> Result<(), Fault> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let sql = "SELECT id FROM escrows WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = session.query(Statement::new(sql).bytes(&after).integer(AT_ONCE)).await?;
        let ids = rows.iter().map(|row| bytes(row, 0)).collect::<Result<Vec<IdBytes>, Fault>>()?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = last.to_vec();
        some_escrows(session, &ids, visit).await?;
    }
}

/// Escrows with all that belongs to them.
async fn some_escrows(session: &mut Session, ids: &[IdBytes], visit: Visit<'_>) -> Result<(), Fault> {
    let transfers =
        format!("SELECT {} FROM transfers WHERE intent = ANY ($1) ORDER BY intent, id", read::TRANSFER_COLUMNS);
    let jobs = "SELECT intent, duty, subject, due FROM jobs WHERE intent = ANY ($1) ORDER BY intent, duty, subject";
    let claims = "SELECT intent, owner, hash FROM claims WHERE intent = ANY ($1) ORDER BY intent, owner, hash";
    let statements = [
        load::heads(ids.iter().copied()),
        load::parts(ids.iter().copied()),
        events::of_subjects(ids),
        Statement::new(transfers).blobs(ids),
        Statement::new(jobs).blobs(ids),
        Statement::new(claims).blobs(ids),
    ];
    let rows = session.run(&statements).await?;
    let [heads, parts, events, transfers, jobs, claims] = <[Vec<Row>; 6]>::try_from(rows).unwrap_or_default();
    let mut pieces = load::pieces(&heads, &parts)?;
    let (events, transfers) = (by_id(&events, 8)?, by_id(&transfers, 6)?);
    let (jobs, claims) = (by_id(&jobs, 0)?, by_id(&claims, 0)?);
    for id in ids {
        let name = IntentId::new(RawId::from_bytes(*id)).to_string();
        let found = pieces.remove(id).map(Pieces::assemble).transpose().map_err(Fault::from);
        let Some(stored) = readable("escrows", &name, found, visit)?.flatten() else { continue };
        let events = all_readable("events", &name, of(&events, id), |row| events::placed(row, 0), visit)?;
        let transfers = all_readable("transfers", &name, of(&transfers, id), transfer, visit)?;
        let jobs = all_readable("jobs", &name, of(&jobs, id), job, visit)?;
        let claims = all_readable("claims", &name, of(&claims, id), claim, visit)?;
        visit(Audited::Escrow { stored: Box::new(stored), events, transfers, jobs, claims });
    }
    Ok(())
}

/// Rows by the id in a column, in their order.
fn by_id(rows: &[Row], column: usize) -> Result<HashMap<IdBytes, Vec<&Row>>, Fault> {
    let mut found: HashMap<IdBytes, Vec<&Row>> = HashMap::new();
    for row in rows {
        found.entry(bytes(row, column)?).or_default().push(row);
    }
    Ok(found)
}

fn of<'r>(rows: &'r HashMap<IdBytes, Vec<&'r Row>>, id: &IdBytes) -> &'r [&'r Row] {
    rows.get(id).map_or(&[], Vec::as_slice)
}

fn transfer(row: &Row) -> Result<(Owner, StoredTransfer), Fault> {
    Ok((codec::owner(bytes(row, 10)?)?, read::transfer(row)?))
}

fn job(row: &Row) -> Result<(Duty, Timestamp), Fault> {
    Ok((codec::duty(row.try_get(1)?, row.try_get(2)?)?, Timestamp::from_ms(row.try_get(3)?)))
}

fn claim(row: &Row) -> Result<(Owner, Hash), Fault> {
    Ok((codec::owner(bytes(row, 1)?)?, Hash::from_bytes(bytes(row, 2)?)))
}

async fn journals(session: &mut Session, visit: Visit<'_>) -> Result<(), Fault> {
    for row in session.query(Statement::new("SELECT owner, id, count, head FROM journals ORDER BY owner")).await? {
        let found = load::journal(&row).and_then(|journal| Ok((codec::owner(bytes(&row, 0)?)?, journal)));
        let Some((stream, journal)) = readable("journals", "a row", found, visit)? else { continue };
        let events = events_of(session, journal, visit).await?;
        visit(Audited::Journal { holder: KeyHolder::of_stream(stream), journal, events });
    }
    Ok(())
}

async fn events_of(
    session: &mut Session,
    journal: Journal,
    visit: Visit<'_>,
) -> Result<Vec<(Owner, u64, EventRow)>, Fault> {
    let rows = session.query(events::of_subjects(&[journal.id.to_bytes()])).await?;
    let rows: Vec<&Row> = rows.iter().collect();
    all_readable("events", &format!("journal {}", journal.id), &rows, |row| events::placed(row, 0), visit)
}

fn orphan(row: &Row) -> Result<String, Fault> {
    let (intent, which): (IdBytes, &str) = (bytes(row, 0)?, row.try_get(1)?);
    Ok(format!("{which} belongs to {}, which does not exist", IntentId::new(RawId::from_bytes(intent))))
}

/// Balances by owner, those of each in the order of their accounts, which the database does not know.
async fn balances(session: &mut Session, visit: Visit<'_>) -> Result<(), Fault> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let sql = "SELECT b.account, b.currency, b.minor, b.owner FROM balances b
            WHERE b.owner IN (SELECT s.owner FROM (SELECT owner FROM balances WHERE owner > $1 GROUP BY owner) AS s
                ORDER BY s.owner LIMIT $2) ORDER BY b.owner";
        let rows = session.query(Statement::new(sql).bytes(&after).integer(ROWS_AT_ONCE)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get(3)?;
        let mut found: Vec<(Owner, Balance)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let balance = read::balance(row).and_then(|balance| {
                let owner: OwnerBytes = bytes(row, 3)?;
                Ok((codec::owner(owner)?, balance))
            });
            found.extend(readable("balances", "a row", balance, visit)?);
        }
        found.sort_unstable();
        found.into_iter().for_each(|(owner, balance)| visit(Audited::Balance(owner, balance)));
    }
}

/// Reports what cannot be understood and goes on; only a failure of the database itself ends the walk.
fn readable<T>(
    table: &'static str,
    which: &str,
    result: Result<T, Fault>,
    visit: Visit<'_>,
) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Damaged(why)) => {
            visit(Audited::Stray { table, what: format!("{which}: {why}") });
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

fn all_readable<T>(
    table: &'static str,
    intent: &str,
    rows: &[&Row],
    read: impl Fn(&Row) -> Result<T, Fault>,
    visit: Visit<'_>,
) -> Result<Vec<T>, Fault> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.extend(readable(table, intent, read(row), visit)?);
    }
    Ok(all)
}
