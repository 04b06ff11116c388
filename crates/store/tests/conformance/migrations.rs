//! Stores that older versions wrote: they are brought up to date, and hold what they held.

use std::path::Path;

use escrow::{Chain, Command, Currency, Duty, Ids, IntentStatus, Terms};
use rusqlite::Connection;
use rusqlite::types::Value;
use store::{Audited, EscrowFilter, OpenError, PageRequest, Position, SCHEMA_VERSION, SqliteStore, Store};

use crate::sqlite::{folder, open};
use crate::world::{
    World, at, audit, complete, intent, load, milestone, milestones, owner, pay, stored, terms, with_lease,
};

/// The tables of schema 1.
const TABLES: [&str; 10] =
    ["escrows", "parts", "transfers", "balances", "events", "streams", "jobs", "replies", "reply_days", "counters"];

/// Makes a store as Milepost wrote it with schema 1: one escrow with a payout under way and one to come, one settled, one given
/// up with its refund on its way, and one not paid.
fn write_schema_1(dir: &Path) -> Connection {
    let db = Connection::open(dir.join("milepost.db")).expect("a database");
    let marks = "PRAGMA application_id = 0x4D494C45; PRAGMA user_version = 1;";
    for sql in [include_str!("../../src/sqlite/migrations/0001_first.sql"), marks, include_str!("schema_1.sql")] {
        db.execute_batch(sql).expect("a change");
    }
    db
}

/// Every row of schema 1's tables, in words.
fn rows(db: &Connection) -> Vec<(&'static str, Vec<String>)> {
    let of_table = |table| {
        let mut statement = db.prepare(&format!("SELECT * FROM {table}")).expect("a query");
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values: rusqlite::Result<Vec<Value>> = (0..columns).map(|column| row.get(column)).collect();
            values.map(|values| format!("{values:?}"))
        });
        let mut rows: Vec<String> = rows.expect("rows").map(|row| row.expect("a row")).collect();
        rows.sort_unstable();
        (table, rows)
    };
    TABLES.into_iter().map(of_table).collect()
}

/// Takes back what the migrations after the fourth did to a store without keys, journals, disputes and settlements.
const BACK_TO_SCHEMA_4: &str = "
    DROP INDEX keys_by_owner;
    DROP INDEX jobs_leased;
    DROP TABLE secrets;
    DROP TABLE journals;
    DROP TABLE endpoints;
    DROP TABLE deliveries;
    DROP INDEX events_by_id;
    DROP INDEX events_by_type;
    ALTER TABLE events DROP COLUMN type;
    ALTER TABLE events RENAME COLUMN subject TO intent;
    DROP INDEX parts_that_wait;
    ALTER TABLE parts DROP COLUMN waits;
    ALTER TABLE keys DROP COLUMN name;
    ALTER TABLE keys DROP COLUMN scopes;
    ALTER TABLE keys DROP COLUMN last_used;
    DROP TABLE metadata;
    DROP INDEX escrows_by_state;
    DROP INDEX transfers_by_kind;
    PRAGMA user_version = 4;";

fn assert_owners_of_refunds(db: &Connection) {
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count");
    let refunds = "SELECT count(*) FROM parts p JOIN escrows e ON e.id = p.escrow WHERE p.kind = 3";
    assert_eq!(count(refunds), 1);
    assert_eq!(count(&format!("{refunds} AND p.owner = e.owner")), 1);
}

fn assert_types_of_events(db: &Connection) {
    let mut statement = db.prepare("SELECT type, CAST(body AS TEXT) FROM events").expect("a query");
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    for event in statement.query_map([], read).expect("rows") {
        let (kind, body) = event.expect("a row");
        assert!(body.contains(&format!(r#""type":"{kind}""#)), "{kind}: {body}");
        assert!(store::EventType::from_name(&kind).is_some(), "{kind}");
    }
}

fn objects(db: &Connection) -> Vec<(String, String)> {
    let sql = "SELECT name, tbl_name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";
    let mut statement = db.prepare(sql).expect("a query");
    let objects = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    objects.map(|object| object.expect("a row")).collect()
}

#[tokio::test]
async fn what_an_older_version_owed_nobody_is_owed_by_this_one() {
    let (dir, world) = (folder(), World::default());
    let store = open(dir.path());
    let by_hand = Terms { auto_release: false, ..terms(1_000_000_000, Currency::Usdc) };
    let unit = world.open_with(owner(1), by_hand, vec![milestone(&world, 0, "1000")], at(1000));
    let (id, share) = (intent(&unit), milestones(&unit)[0]);
    store.commit(vec![unit]).await.expect("a commit");
    let base = stored(&store, world.after(&load(&store, id).await.expect("opened"), complete(share), at(2000))).await;
    assert_eq!(base.escrow.duties().len(), 1, "its silence ends some day");
    let before = audit(&store).await;
    store.close().await;
    let db = Connection::open(dir.path().join("milepost.db")).expect("a database");
    db.execute_batch(BACK_TO_SCHEMA_4).expect("a change");
    db.execute_batch("DELETE FROM jobs").expect("a change");
    drop(db);
    let store = open(dir.path());
    assert_eq!(audit(&store).await, before);
    store.close().await;
}

#[tokio::test]
async fn every_row_of_schema_1_stays_as_it_was() {
    let dir = folder();
    let db = write_schema_1(dir.path());
    let before = rows(&db);
    assert!(before.iter().all(|(_, rows)| !rows.is_empty()));
    let indexes = objects(&db);
    drop(db);
    open(dir.path()).close().await;
    let db = Connection::open(dir.path().join("milepost.db")).expect("a database");
    assert_owners_of_refunds(&db);
    let found = objects(&db);
    assert_types_of_events(&db);
    // Refunds had no owners then, and nobody knew what waits, nor types of events but by their bodies; all else is as it was.
    db.execute_batch(
        "DROP INDEX events_by_type;
         ALTER TABLE events DROP COLUMN type;
         UPDATE parts SET owner = NULL WHERE kind = 3;
         DROP INDEX parts_that_wait;
         ALTER TABLE parts DROP COLUMN waits;",
    )
    .expect("a change");
    assert!(rows(&db) == before, "a row has changed");
    let is_there = |(name, table): &&(String, String)| {
        // These two have become indexes of all parts that have owners.
        let name = name.replace("settlements_by", "parts_by");
        found.contains(&(name, table.clone()))
    };
    assert!(indexes.iter().all(|object| is_there(&object)), "{found:?}");
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(sound, "ok");
}

#[test]
fn reading_alone_does_not_bring_it_up_to_date() {
    let dir = folder();
    drop(write_schema_1(dir.path()));
    let refusal = SqliteStore::open_read_only(dir.path()).err().expect("a refusal");
    assert!(matches!(refusal, OpenError::OlderSchema { found: 1, known: SCHEMA_VERSION, .. }), "{refusal:?}");
}

#[tokio::test]
async fn escrows_of_schema_1_are_sound() {
    let dir = folder();
    drop(write_schema_1(dir.path()));
    let store = open(dir.path());
    let mut statuses = Vec::new();
    let newest = PageRequest { limit: 9, position: Position::Offset(0) };
    let refunds = store.refunds(owner(1), None, newest).await.expect("a page").items;
    let [(intent, refund)] = refunds.as_slice() else { panic!("{refunds:?}") };
    let escrow = store.escrow_of_refund(refund.id).await.expect("a read").expect("an escrow");
    assert_eq!((escrow.id, escrow.refund(refund.id)), (*intent, Some(refund)));
    for audited in audit(&store).await {
        let (stored, events, transfers, jobs) = match audited {
            Audited::Escrow { stored, events, transfers, jobs, .. } => (stored, events, transfers, jobs),
            Audited::Balance(..) | Audited::Account(..) => continue,
            Audited::Journal { .. } | Audited::Stray { .. } => panic!("{audited:?}"),
        };
        let escrow = &stored.escrow;
        assert_eq!(escrow.check(), Ok(()));
        assert_eq!((escrow.revision, escrow.payments.len()), (0, 0));
        let chain = events.iter().fold(Chain::EMPTY, |chain, (_, _, event)| chain.followed_by(&event.body));
        assert_eq!(chain, escrow.chain);
        let mut duties = escrow.duties();
        duties.sort_unstable_by_key(|(duty, _): &(Duty, _)| *duty);
        assert_eq!(jobs, duties);
        statuses.push((escrow.status(), transfers.len(), jobs.len()));
    }
    let expected = [
        (IntentStatus::Succeeded, 6, 2),
        (IntentStatus::Settled, 9, 1),
        (IntentStatus::Canceled, 2, 1),
        (IntentStatus::Initiated, 0, 0),
    ];
    assert_eq!(statuses, expected);
}

#[tokio::test]
async fn escrows_of_schema_1_go_on() {
    let (dir, world) = (folder(), World::default());
    drop(write_schema_1(dir.path()));
    let store = open(dir.path());
    // Ids of what comes into being must not be those that the fixture has.
    for _ in 0..1000 {
        world.ids.next();
    }
    for _ in 0..4 {
        let jobs = store.claim_jobs(at(i64::MAX / 2), at(i64::MAX), 1).await.expect("a claim");
        let lease = jobs[0].lease;
        let base = load(&store, lease.intent).await.expect("an escrow");
        let command = match lease.duty {
            Duty::StartSettlement(id) => Command::StartSettlement(id),
            Duty::PayOut(id) => Command::ConfirmSettlement(id, "paid".to_owned()),
            Duty::PayBack(id) => Command::ConfirmRefund(id, "back".to_owned()),
            Duty::Finalize => Command::Finalize,
            Duty::AwaitPayment(_)
            | Duty::OpenTimeLock
            | Duty::EndSilence(_)
            | Duty::EndDispute(_)
            | Duty::DisputeRejection(_) => panic!("schema 1 had no duty {:?}", lease.duty),
        };
        let unit = world.after(&base, command, at(i64::MAX / 4));
        let escrow = stored(&store, with_lease(unit, lease)).await.escrow;
        assert_eq!(escrow.check(), Ok(()));
    }
    let filter = EscrowFilter { status: Some(IntentStatus::Initiated), ..EscrowFilter::default() };
    let page = PageRequest { limit: 2, position: Position::Offset(0) };
    let unpaid = store.escrows(owner(2), filter, page).await.expect("a page").items.remove(0);
    let base = load(&store, unpaid.id).await.expect("an escrow");
    let paid = stored(&store, world.after(&base, pay(), at(9000))).await.escrow;
    assert_eq!((paid.status(), paid.payments.len()), (IntentStatus::Succeeded, 1));
}

#[tokio::test]
async fn escrows_of_schema_1_are_found_by_their_metadata() {
    let dir = folder();
    drop(write_schema_1(dir.path()));
    let store = open(dir.path());
    let page = PageRequest { limit: 9, position: Position::Offset(0) };
    for (number, count) in [(1, 2), (2, 2), (3, 0)] {
        let all = store.escrows(owner(number), EscrowFilter::default(), page).await.expect("a page");
        assert_eq!(all.items.len(), count);
        for (name, value, expected) in [("b", "1", all.items.as_slice()), ("b", "2", &[]), ("a", "[]", &[])] {
            let metadata = [(name.to_owned(), value.to_owned())].into();
            let filter = EscrowFilter { metadata, ..EscrowFilter::default() };
            let found = store.escrows(owner(number), filter, page).await.expect("a page");
            assert_eq!(found.items, expected, "{name} {value}");
        }
    }
}
