//! The walk over everything, for `verify` and `export`: one snapshot, one escrow in memory at a time.
//!
//! The escrows are read in the order of their ids, and what belongs to each by an index that begins with that id. Both move in
//! the same direction, so that every page is read once, as in a merge.

use escrow::{IntentId, RawId};
use rusqlite::{Connection, Row};

use super::error::Fault;
use super::page::Readings;
use super::{claims, endpoints, events, jobs, journals, people, read};
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::split::{Listed, Pieces};
use crate::{AccountRow, Audited, Balance, KeyHolder};

/// Rows that belong to no escrow, and to no journal either: the table, and a query for the intent they name and which of its rows
/// they are.
const ORPHANS: [(&str, &str); 6] = [
    (
        "parts",
        "SELECT p.escrow, 'kind ' || p.kind || ', id ' || lower(hex(p.id)) FROM parts p
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = p.escrow) ORDER BY p.escrow, p.kind, p.id",
    ),
    (
        "events",
        "SELECT v.subject, 'sequence ' || v.sequence FROM events v
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = v.subject)
         AND NOT EXISTS (SELECT 1 FROM journals j WHERE j.id = v.subject) ORDER BY v.subject, v.sequence",
    ),
    (
        "transfers",
        "SELECT t.intent, 'id ' || lower(hex(t.id)) FROM transfers t
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = t.intent) ORDER BY t.intent, t.id",
    ),
    (
        "jobs",
        "SELECT j.intent, 'duty ' || j.duty || ', subject ' || lower(hex(j.subject)) FROM jobs j
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = j.intent) ORDER BY j.intent, j.duty, j.subject",
    ),
    (
        "claims",
        "SELECT c.intent, 'hash ' || lower(hex(c.hash)) FROM claims c
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = c.intent) ORDER BY c.intent, c.hash, c.owner",
    ),
    (
        "metadata",
        "SELECT m.escrow, 'name ' || m.name FROM metadata m
         WHERE NOT EXISTS (SELECT 1 FROM escrows e WHERE e.id = m.escrow) ORDER BY m.escrow, m.name, m.owner, m.value",
    ),
];

/// Rows that disagree with others: the table, and a query that says of each which it is and what is wrong with it.
const STRAYS: [(&str, &str); 9] = [
    (
        "keys",
        "SELECT 'id ' || lower(hex(k.id)) || ' acts for a merchant who does not exist' FROM keys k
         WHERE k.owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM merchants m WHERE m.id = substr(k.owner, 1, 16))
         ORDER BY k.id",
    ),
    (
        "streams",
        "SELECT 'owner ' || lower(hex(s.owner)) || ' says its last event is in place ' || s.last FROM streams s
         WHERE s.last <> coalesce((SELECT max(v.position) FROM events v WHERE v.owner = s.owner), 0) ORDER BY s.owner",
    ),
    (
        "streams",
        "SELECT 'owner ' || lower(hex(o.owner)) || ' has none' FROM
             (SELECT owner FROM escrows GROUP BY owner UNION SELECT owner FROM journals) o
         WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.owner = o.owner) ORDER BY o.owner",
    ),
    (
        "parts",
        "SELECT 'kind ' || p.kind || ', id ' || lower(hex(p.id)) || ' is of another owner than its intent'
         FROM parts p JOIN escrows e ON e.id = p.escrow WHERE p.owner <> e.owner ORDER BY p.escrow, p.kind, p.id",
    ),
    (
        "jobs",
        "SELECT 'duty ' || j.duty || ', subject ' || lower(hex(j.subject)) || ' is of another owner than its intent'
         FROM jobs j JOIN escrows e ON e.id = j.intent WHERE j.owner <> e.owner ORDER BY j.intent, j.duty, j.subject",
    ),
    // What was tried before is tried again later than it fell due; what is being done is due again whenever its lease ends.
    (
        "jobs",
        "SELECT 'duty ' || d.duty || ', subject ' || lower(hex(d.subject)) || ' waits until ' || d.run_at || ' where ' || d.real_due
             || ' is due'
         FROM (SELECT j.intent, j.duty, j.subject, j.run_at, j.attempts, j.due - coalesce(c.ahead_ms, 0) AS real_due
             FROM jobs j LEFT JOIN clocks c ON c.owner = j.owner WHERE j.token = 0) d
         WHERE d.run_at < d.real_due OR (d.attempts = 0 AND d.run_at <> d.real_due)
         ORDER BY d.intent, d.duty, d.subject",
    ),
    (
        "endpoints",
        "SELECT 'id ' || lower(hex(e.id)) || ' was told more than has happened' FROM endpoints e
         WHERE e.cursor > coalesce((SELECT s.last FROM streams s WHERE s.owner = e.owner), 0) ORDER BY e.id",
    ),
    (
        "deliveries",
        "SELECT 'id ' || lower(hex(d.id)) || ' goes to an endpoint that does not exist' FROM deliveries d
         WHERE NOT EXISTS (SELECT 1 FROM endpoints e WHERE e.id = d.endpoint) ORDER BY d.endpoint, d.position",
    ),
    (
        "deliveries",
        "SELECT 'id ' || lower(hex(d.id)) || ' is of an event that does not exist'
         FROM deliveries d JOIN endpoints e ON e.id = d.endpoint
         WHERE NOT EXISTS (SELECT 1 FROM events v WHERE v.owner = e.owner AND v.position = d.position)
         ORDER BY d.endpoint, d.position",
    ),
];

/// Walks over everything in one read transaction.
pub(super) fn audit(db: &mut Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    let snapshot = db.transaction()?;
    escrows(&snapshot, visit)?;
    journals(&snapshot, visit)?;
    orphans(&snapshot, visit)?;
    strays(&snapshot, visit)?;
    accounts(&snapshot, visit)?;
    balances(&snapshot, visit)
}

fn escrows(db: &Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    let mut statement = db.prepare("SELECT id, status, payment_type, currency FROM escrows ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some((id, listed)) = readable("escrows", "a row", listed(row), visit)? {
            escrow(db, id, &listed, visit)?;
        }
    }
    Ok(())
}

fn listed(row: &Row<'_>) -> Result<(IdBytes, Listed), Fault> {
    Ok((row.get(0)?, Listed { status: row.get(1)?, payment_type: row.get(2)?, currency: row.get(3)? }))
}

fn escrow(db: &Connection, id: IdBytes, listed: &Listed, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    let name = IntentId::new(RawId::from_bytes(id)).to_string();
    let found = read::escrow(db, id).and_then(|pieces| Ok(pieces.map(Pieces::assemble).transpose()?));
    let Some(stored) = readable("escrows", &name, found, visit)?.flatten() else { return Ok(()) };
    if let Some(what) = listed.wrong(&stored.escrow) {
        visit(Audited::Stray { table: "escrows", what });
    }
    let events = all_readable("events", &name, events::of_subject(db, id)?, visit)?;
    let transfers = all_readable("transfers", &name, read::transfers_of(db, id)?, visit)?;
    let jobs = all_readable("jobs", &name, jobs::of_intent(db, id)?, visit)?;
    let claims = all_readable("claims", &name, claims::of_intent(db, id)?, visit)?;
    visit(Audited::Escrow { stored: Box::new(stored), events, transfers, jobs, claims });
    Ok(())
}

fn journals(db: &Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    for found in journals::all(db)? {
        let Some((stream, journal)) = readable("journals", "a row", found, visit)? else { continue };
        let Some(stream) = readable("journals", "a row", codec::owner(stream).map_err(Fault::from), visit)? else {
            continue;
        };
        let events = events::of_subject(db, journal.id.to_bytes())?;
        let events = all_readable("events", &format!("journal {}", journal.id), events, visit)?;
        visit(Audited::Journal { holder: KeyHolder::of_stream(stream), journal, events });
    }
    Ok(())
}

fn orphans(db: &Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    for (table, sql) in ORPHANS {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let orphan = orphan(row);
            if let Some(what) = readable(table, "a row", orphan, visit)? {
                visit(Audited::Stray { table, what });
            }
        }
    }
    Ok(())
}

fn strays(db: &Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    for (table, sql) in STRAYS {
        let mut statement = db.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            visit(Audited::Stray { table, what: row.get(0)? });
        }
    }
    Ok(())
}

fn accounts(db: &Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    every(
        db,
        "merchants",
        people::MERCHANT_COLUMNS,
        |row| Ok(AccountRow::Merchant(people::read_merchant(row)?)),
        visit,
    )?;
    every(db, "keys", people::KEY_COLUMNS, |row| Ok(AccountRow::Key(people::api_key(row)?)), visit)?;
    every(db, "endpoints", endpoints::COLUMNS, |row| Ok(AccountRow::Endpoint(endpoints::endpoint(row)?)), visit)
}

/// Reads every row of a table in the order of their ids.
fn every(
    db: &Connection,
    table: &'static str,
    select: &str,
    read: impl Fn(&Row<'_>) -> Result<AccountRow, Fault>,
    visit: &mut dyn FnMut(Audited),
) -> Result<(), Fault> {
    let mut statement = db.prepare(&format!("{select} ORDER BY id"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if let Some(row) = readable(table, "a row", read(row), visit)? {
            visit(Audited::Account(row));
        }
    }
    Ok(())
}

fn orphan(row: &Row<'_>) -> Result<String, Fault> {
    let (intent, which): (IdBytes, String) = (row.get(0)?, row.get(1)?);
    Ok(format!("{which} belongs to {}, which does not exist", IntentId::new(RawId::from_bytes(intent))))
}

fn balances(db: &Connection, visit: &mut dyn FnMut(Audited)) -> Result<(), Fault> {
    let mut statement = db.prepare("SELECT account, currency, minor, owner FROM balances ORDER BY owner")?;
    let mut rows = statement.query([])?;
    // An owner has few balances. They are put into the order of their accounts, which the database does not know.
    let mut of_owner: (Option<OwnerBytes>, Vec<Balance>) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        let owner = row.get(3).map_err(Fault::from);
        let Some(owner) = readable("balances", "a row", owner, visit)? else { continue };
        if of_owner.0 != Some(owner) {
            flush(std::mem::replace(&mut of_owner, (Some(owner), Vec::new())), visit)?;
        }
        of_owner.1.extend(readable("balances", "a row", read::balance(row), visit)?);
    }
    flush(of_owner, visit)
}

fn flush(
    (bytes, mut balances): (Option<OwnerBytes>, Vec<Balance>),
    visit: &mut dyn FnMut(Audited),
) -> Result<(), Fault> {
    let Some(bytes) = bytes else { return Ok(()) };
    let Some(owner) = readable("balances", "a row", codec::owner(bytes).map_err(Fault::from), visit)? else {
        return Ok(());
    };
    balances.sort_unstable();
    balances.into_iter().for_each(|balance| visit(Audited::Balance(owner, balance)));
    Ok(())
}

/// Reports what cannot be understood and goes on; only a failure of the database itself ends the walk.
fn readable<T>(
    table: &'static str,
    which: &str,
    result: Result<T, Fault>,
    visit: &mut dyn FnMut(Audited),
) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Damaged(why)) => {
            visit(Audited::Stray { table, what: format!("{which}: {why}") });
            Ok(None)
        }
        Err(other @ (Fault::Sql(_) | Fault::UnknownCursor)) => Err(other),
    }
}

fn all_readable<T>(
    table: &'static str,
    intent: &str,
    rows: Readings<T>,
    visit: &mut dyn FnMut(Audited),
) -> Result<Vec<T>, Fault> {
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.extend(readable(table, intent, row, visit)?);
    }
    Ok(all)
}
