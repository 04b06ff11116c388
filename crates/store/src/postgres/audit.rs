//! The walk over everything, for `verify` and `export`: one snapshot, a few hundred escrows in memory at a time.

use std::collections::{BTreeMap, HashMap};

use escrow::{Duty, Hash, IntentId, Owner, RawId, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::seen::bytes;
use super::session::{Kind, Session, Sessions};
use super::statement::Statement;
use super::{endpoints, events, load, people, read};
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::split::{Listed, Pieces};
use crate::{AccountRow, Audited, KeyHolder, StoredTransfer};

/// How many escrows are read at once.
const AT_ONCE: i64 = 200;

/// How many journals are read at once. Each may have many events.
const JOURNALS_AT_ONCE: i64 = 20;

/// How many merchants, keys or webhook endpoints are read at once.
const ACCOUNTS_AT_ONCE: i64 = 500;

/// How many owners' balances are read at once.
const OWNERS_AT_ONCE: i64 = 500;

/// Rows that belong to no escrow of their owner, and to no journal either: the table, and a query for the intent they name, which of its
/// rows they are, and whether somebody else has that intent. What may have any characters comes last, in bytes.
const ORPHANS: [(&str, &str); 6] = [
    (
        "parts",
        "SELECT p.escrow, 'kind ' || CAST(p.kind AS TEXT) || ', id ' || encode(p.id, 'hex'),
             EXISTS (SELECT 1 FROM escrows o WHERE o.id = p.escrow) FROM parts p
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = p.owner AND e.id = p.escrow)
         ORDER BY p.escrow, p.kind, p.id",
    ),
    (
        "events",
        "SELECT v.subject, 'sequence ' || CAST(v.sequence AS TEXT),
             EXISTS (SELECT 1 FROM escrows o WHERE o.id = v.subject) FROM events v
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = v.owner AND e.id = v.subject)
         AND NOT EXISTS (SELECT 1 FROM journals j WHERE j.owner = v.owner AND j.id = v.subject)
         ORDER BY v.subject, v.sequence",
    ),
    (
        "transfers",
        "SELECT t.intent, 'id ' || encode(t.id, 'hex'),
             EXISTS (SELECT 1 FROM escrows o WHERE o.id = t.intent) FROM transfers t
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = t.owner AND e.id = t.intent)
         ORDER BY t.intent, t.id",
    ),
    (
        "jobs",
        "SELECT j.intent, 'duty ' || CAST(j.duty AS TEXT) || ', subject ' || encode(j.subject, 'hex'),
             EXISTS (SELECT 1 FROM escrows o WHERE o.id = j.intent) FROM jobs j
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = j.owner AND e.id = j.intent)
         ORDER BY j.intent, j.duty, j.subject",
    ),
    (
        "claims",
        "SELECT c.intent, 'hash ' || encode(c.hash, 'hex'), FALSE FROM claims c
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = c.intent) ORDER BY c.intent, c.hash, c.owner",
    ),
    (
        "metadata",
        "SELECT m.escrow, 'name ', EXISTS (SELECT 1 FROM escrows o WHERE o.id = m.escrow), m.name FROM metadata m
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.owner = m.owner AND e.id = m.escrow)
         ORDER BY m.escrow, m.name, m.owner, m.value",
    ),
];

/// Rows that disagree with others: the table, and a query that says of each which it is and what is wrong with it.
const STRAYS: [(&str, &str); 7] = [
    (
        "keys",
        "SELECT 'id ' || encode(k.id, 'hex') || ' acts for a merchant who does not exist' FROM keys k
         WHERE k.owner <> decode('0000000000000000000000000000000001', 'hex')
         AND NOT EXISTS (SELECT 1 FROM merchants m WHERE m.id = substring(k.owner, 1, 16)) ORDER BY k.id",
    ),
    (
        "streams",
        "SELECT 'owner ' || encode(s.owner, 'hex') || ' says its last event is in place ' || CAST(s.last AS TEXT) FROM streams s
         WHERE s.last <> coalesce((SELECT max(v.position) FROM events v WHERE v.owner = s.owner), 0) ORDER BY s.owner",
    ),
    (
        "streams",
        "SELECT 'owner ' || encode(o.owner, 'hex') || ' has none' FROM
             (SELECT owner FROM escrows GROUP BY owner UNION SELECT owner FROM journals) AS o
         WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.owner = o.owner) ORDER BY o.owner",
    ),
    // What was tried before is tried again later than it fell due; what is being done is due again whenever its lease ends.
    (
        "jobs",
        "SELECT 'duty ' || CAST(d.duty AS TEXT) || ', subject ' || encode(d.subject, 'hex') || ' waits until '
             || CAST(d.run_at AS TEXT) || ' where ' || CAST(d.real_due AS TEXT) || ' is due'
         FROM (SELECT j.intent, j.duty, j.subject, j.run_at, j.attempts, j.due - coalesce(c.ahead_ms, 0) AS real_due
             FROM jobs j LEFT JOIN clocks c ON c.owner = j.owner WHERE j.token = 0) AS d
         WHERE d.run_at < d.real_due OR (d.attempts = 0 AND d.run_at <> d.real_due)
         ORDER BY d.intent, d.duty, d.subject",
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
    accounts(&mut session, visit).await?;
    balances(&mut session, visit).await?;
    session.roll_back().await;
    Ok(())
}

async fn escrows(session: &mut Session, visit: Visit<'_>) -> Result<(), Fault> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let sql = "SELECT id, status, payment_type, currency FROM escrows WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = session.query(Statement::new(sql).bytes(&after).integer(AT_ONCE)).await?;
        let some = rows.iter().map(listed).collect::<Result<Vec<(IdBytes, Listed)>, Fault>>()?;
        let Some((last, _)) = some.last() else { return Ok(()) };
        after = last.to_vec();
        some_escrows(session, &some, visit).await?;
    }
}

fn listed(row: &Row) -> Result<(IdBytes, Listed), Fault> {
    let (status, payment_type, currency) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
    Ok((bytes(row, 0)?, Listed { status, payment_type, currency }))
}

/// Statements for escrows and all that belongs to them. Their owners are looked up with them, since they lead the indexes; what
/// another owner has of an escrow is found as an orphan.
pub(super) fn of_escrows(ids: &[IdBytes]) -> [Statement; 6] {
    let jobs = "SELECT j.intent, j.duty, j.subject, j.due
        FROM escrows e JOIN jobs j ON j.owner = e.owner AND j.intent = e.id WHERE e.id = ANY ($1)
        ORDER BY j.intent, j.duty, j.subject";
    let claims = "SELECT intent, owner, hash FROM claims WHERE intent = ANY ($1) ORDER BY intent, hash, owner";
    [
        load::heads(ids.iter().copied()),
        load::parts(ids.iter().copied()),
        events::of_intents(ids),
        read::transfers_of(ids),
        Statement::new(jobs).blobs(ids),
        Statement::new(claims).blobs(ids),
    ]
}

/// A statement for the events of journals.
pub(super) fn of_journals(ids: &[IdBytes]) -> Statement {
    events::of_journals(ids)
}

/// Escrows with all that belongs to them.
async fn some_escrows(session: &mut Session, some: &[(IdBytes, Listed)], visit: Visit<'_>) -> Result<(), Fault> {
    let ids: Vec<IdBytes> = some.iter().map(|(id, _)| *id).collect();
    let rows = session.run(&of_escrows(&ids)).await?;
    let [heads, parts, events, transfers, jobs, claims] = <[Vec<Row>; 6]>::try_from(rows).unwrap_or_default();
    let mut pieces = load::pieces(&heads, &parts)?;
    let (events, transfers) = (by_id(&events, 8)?, by_id(&transfers, 6)?);
    let (jobs, claims) = (by_id(&jobs, 0)?, by_id(&claims, 0)?);
    for (id, listed) in some {
        let name = IntentId::new(RawId::from_bytes(*id)).to_string();
        let found = pieces.remove(id).map(Pieces::assemble).transpose().map_err(Fault::from);
        let Some(stored) = readable("escrows", &name, found, visit)?.flatten() else { continue };
        if let Some(what) = listed.wrong(&stored.escrow) {
            visit(Audited::Stray { table: "escrows", what });
        }
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
    let mut after: Vec<u8> = Vec::new();
    loop {
        let sql = "SELECT owner, id, count, head FROM journals WHERE owner > $1 ORDER BY owner LIMIT $2";
        let rows = session.query(Statement::new(sql).bytes(&after).integer(JOURNALS_AT_ONCE)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get(0)?;
        let ids = rows.iter().map(|row| bytes(row, 1)).collect::<Result<Vec<IdBytes>, Fault>>()?;
        let events = session.query(of_journals(&ids)).await?;
        let events = by_id(&events, 8)?;
        for (row, id) in rows.iter().zip(&ids) {
            let found = load::journal(row).and_then(|journal| Ok((codec::owner(bytes(row, 0)?)?, journal)));
            let Some((stream, journal)) = readable("journals", "a row", found, visit)? else { continue };
            let name = format!("journal {}", journal.id);
            let events = all_readable("events", &name, of(&events, id), |row| events::placed(row, 0), visit)?;
            visit(Audited::Journal { holder: KeyHolder::of_stream(stream), journal, events });
        }
    }
}

async fn accounts(session: &mut Session, visit: Visit<'_>) -> Result<(), Fault> {
    every(session, "merchants", people::MERCHANTS, |row| Ok(AccountRow::Merchant(people::read_merchant(row)?)), visit)
        .await?;
    every(session, "keys", people::KEYS, |row| Ok(AccountRow::Key(people::api_key(row)?)), visit).await?;
    let endpoints = format!("SELECT {} FROM endpoints e", endpoints::COLUMNS);
    every(session, "endpoints", &endpoints, |row| Ok(AccountRow::Endpoint(endpoints::endpoint(row)?)), visit).await
}

/// Reads every row of a table in the order of their ids, which are its first column.
async fn every(
    session: &mut Session,
    table: &'static str,
    select: &str,
    read: impl Fn(&Row) -> Result<AccountRow, Fault>,
    visit: Visit<'_>,
) -> Result<(), Fault> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let sql = format!("{select} WHERE id > $1 ORDER BY id LIMIT $2");
        let rows = session.query(Statement::new(sql).bytes(&after).integer(ACCOUNTS_AT_ONCE)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get(0)?;
        for row in &rows {
            if let Some(row) = readable(table, "a row", read(row), visit)? {
                visit(Audited::Account(row));
            }
        }
    }
}

fn orphan(row: &Row) -> Result<String, Fault> {
    let (intent, which, is_anothers): (IdBytes, &str, bool) = (bytes(row, 0)?, row.try_get(1)?, row.try_get(2)?);
    let rest: &[u8] = if row.len() > 3 { row.try_get(3)? } else { &[] };
    let (rest, intent) = (String::from_utf8_lossy(rest), IntentId::new(RawId::from_bytes(intent)));
    let why = if is_anothers { "which is another owner's" } else { "which does not exist" };
    Ok(format!("{which}{rest} belongs to {intent}, {why}"))
}

/// Balances by owner, those of each in the order of their accounts, which the database does not know.
async fn balances(session: &mut Session, visit: Visit<'_>) -> Result<(), Fault> {
    let mut after: Vec<u8> = Vec::new();
    loop {
        let sql = "SELECT b.account, b.currency, b.minor, b.owner FROM balances b
            WHERE b.owner IN (SELECT s.owner FROM (SELECT owner FROM balances WHERE owner > $1 GROUP BY owner) AS s
                ORDER BY s.owner LIMIT $2) ORDER BY b.owner";
        let rows = session.query(Statement::new(sql).bytes(&after).integer(OWNERS_AT_ONCE)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.try_get(3)?;
        let mut of_owner: BTreeMap<OwnerBytes, Vec<&Row>> = BTreeMap::new();
        for row in &rows {
            of_owner.entry(bytes(row, 3)?).or_default().push(row);
        }
        for (owner, rows) in of_owner {
            let mut balances = all_readable("balances", "a row", &rows, read::balance, visit)?;
            let owner = codec::owner(owner).map_err(Fault::from);
            let Some(owner) = readable("balances", "a row", owner, visit)? else { continue };
            balances.sort_unstable();
            balances.into_iter().for_each(|balance| visit(Audited::Balance(owner, balance)));
        }
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
