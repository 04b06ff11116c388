//! What only a store in a file promises.

use std::path::Path;

use escrow::{CardOutcome, Command, Currency, Rail, ReleaseType, Shipping};
use rusqlite::Connection;
use store::{
    AccountRow, Audited, KeyHolder, OpenError, Outcome, SCHEMA_VERSION, SqliteStore, Store, StoreError, Wanted,
};
use tempfile::TempDir;

use crate::requests::logged;
use crate::world::{
    World, at, audit, commit, confirm, intent, load, load_reply, owner, pay_by_card, prove, receive, refund, released,
    reply, stored, terms, transaction, with_reply,
};

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

pub(crate) fn open(dir: &Path) -> SqliteStore {
    SqliteStore::open(dir).expect("a store")
}

fn refused(dir: &Path) -> OpenError {
    SqliteStore::open(dir).err().expect("a refusal")
}

/// Changes the database behind the store's back.
fn tamper(dir: &Path, sql: &str) {
    let db = Connection::open(dir.join("milepost.db")).expect("a database");
    db.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {sql}")).expect("a change");
}

#[tokio::test]
async fn a_damaged_log_of_requests_is_set_aside_and_keeps_no_store_from_opening() {
    let dir = folder();
    for round in 1..=2 {
        let store = open(dir.path());
        store.log_requests(vec![logged(round, KeyHolder::Operator)]).await.expect("a write");
        store.close().await;
        drop(store);
        std::fs::write(dir.path().join("requests.db"), vec![7; 8192]).expect("a write");
        let store = open(dir.path());
        assert_eq!(store.request(logged(round, KeyHolder::Operator).id).await.expect("a read"), None);
        store.log_requests(vec![logged(round, KeyHolder::Operator)]).await.expect("a write");
        store.close().await;
        let aside = std::fs::read(dir.path().join("requests.db.damaged")).expect("what was there");
        assert_eq!(aside, vec![7; 8192]);
    }
}

#[tokio::test]
async fn a_key_of_nobody_is_told_of() {
    let dir = folder();
    open(dir.path()).close().await;
    tamper(
        dir.path(),
        "INSERT INTO keys (id, hash, kind, owner, last_four, created)
             VALUES (zeroblob(16), zeroblob(32), 'live', zeroblob(17), 'abcd', 0),
                    (x'00000000000000000000000000000001', x'0000000000000000000000000000000000000000000000000000000000000001',
                     'admin', NULL, 'abcd', 0);",
    );
    let store = open(dir.path());
    let what = format!("id {} acts for a merchant who does not exist", "00".repeat(16));
    let audited = audit(&store).await;
    assert_eq!(audited[0], Audited::Stray { table: "keys", what });
    let is_key = |audited: &Audited| matches!(audited, Audited::Account(AccountRow::Key(_)));
    assert!(audited.len() == 3 && audited[1..].iter().all(is_key), "{audited:?}");
    store.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_its_files_wherever_they_lie() {
    use std::os::unix::fs::PermissionsExt;

    let dir = folder();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("a change");
    let store = open(dir.path());
    store.log_requests(vec![logged(1, KeyHolder::Operator)]).await.expect("a write");
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(dir.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        if name.contains(".db") {
            assert_eq!(entry.metadata().expect("a file").permissions().mode() & 0o777, 0o600, "{name}");
            seen.push(name);
        }
    }
    assert!(seen.len() >= 4, "{seen:?}");
    store.close().await;
}

#[tokio::test]
async fn everything_is_there_after_it_was_opened_again() {
    let (dir, world) = (folder(), World::default());
    let store = open(dir.path());
    released(&store, &world, owner(1), at(1000)).await;
    commit(&store, with_reply(world.open(owner(1), at(2000)), reply(owner(1), "key", at(2000)))).await;
    let before = audit(&store).await;
    assert!(before.len() > 2);
    store.close().await;
    assert!(!dir.path().join("milepost.db-wal").exists(), "all is in the database after a close");
    let store = open(dir.path());
    assert_eq!(audit(&store).await, before);
    assert!(load_reply(&store, owner(1), "key").await.is_some());
    // Dropped instead of closed, it still finishes what it was asked.
    drop(store);
    assert_eq!(audit(&open(dir.path())).await, before);
}

#[tokio::test]
async fn leases_end_with_the_process_that_held_them() {
    let (dir, world) = (folder(), World::default());
    let store = open(dir.path());
    released(&store, &world, owner(1), at(1000)).await;
    let due = store.next_job().await.expect("a store").expect("a job");
    let held = store.claim_jobs(due, at(i64::MAX), 10).await.expect("a store");
    assert!(!held.is_empty());
    store.close().await;
    let store = open(dir.path());
    assert_eq!(store.next_job().await.expect("a store"), Some(due), "it need not wait for the lease to run out");
    let again = store.claim_jobs(due, at(i64::MAX), 10).await.expect("a store");
    assert!(again[0].lease.token > held[0].lease.token);
}

#[tokio::test]
async fn a_second_one_is_kept_out_until_the_first_is_closed() {
    let dir = folder();
    let store = open(dir.path());
    let refusal = refused(dir.path());
    assert!(matches!(refusal, OpenError::InUse { .. }), "{refusal:?}");
    let expected = format!(
        "the data folder {} is in use by another milepost; stop that one first, or give this one a folder of its own",
        dir.path().display()
    );
    assert_eq!(refusal.to_string(), expected);
    store.ping().await.expect("the first is not disturbed");
    store.close().await;
    open(dir.path()).ping().await.expect("a store that works");
}

#[tokio::test]
async fn what_a_newer_version_wrote_is_refused() {
    let dir = folder();
    open(dir.path()).close().await;
    tamper(dir.path(), "PRAGMA user_version = 99");
    for refusal in [refused(dir.path()), SqliteStore::open_read_only(dir.path()).err().expect("a refusal")] {
        assert!(matches!(refusal, OpenError::NewerSchema { found: 99, known: SCHEMA_VERSION, .. }), "{refusal:?}");
        let expected = format!("has schema version 99, and this milepost knows versions up to {SCHEMA_VERSION}");
        assert!(refusal.to_string().contains(&expected), "{refusal}");
    }
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let another = folder();
    let db = Connection::open(another.path().join("milepost.db")).expect("a database");
    db.execute_batch("CREATE TABLE notes (text TEXT)").expect("a table");
    drop(db);
    let garbage = folder();
    std::fs::write(garbage.path().join("milepost.db"), b"no database at all\n".repeat(1000)).expect("a file");
    let short = folder();
    std::fs::write(short.path().join("milepost.db"), b"short").expect("a file");
    for dir in [another, garbage, short] {
        let path = dir.path().join("milepost.db");
        let before = std::fs::read(&path).expect("a file");
        let refusal = refused(dir.path());
        assert!(matches!(refusal, OpenError::NotAStore { .. }), "{refusal:?}");
        assert_eq!(std::fs::read(&path).expect("a file"), before);
    }
}

#[test]
fn where_nothing_can_be_made_or_read_is_said_so() {
    let dir = folder();
    let file = dir.path().join("file");
    std::fs::write(&file, b"").expect("a file");
    let refusal = refused(&file.join("data"));
    assert!(matches!(refusal, OpenError::Inaccessible { .. }), "{refusal:?}");
    assert!(refusal.to_string().contains("file/data cannot be created, read or written: "), "{refusal}");
    let refusal = SqliteStore::open_read_only(dir.path()).err().expect("a refusal");
    assert_eq!(refusal.to_string(), format!("there is no Milepost store in {}", dir.path().display()));
}

#[tokio::test]
async fn one_may_read_while_another_writes() {
    let (dir, world) = (folder(), World::default());
    let store = open(dir.path());
    let reading = SqliteStore::open_read_only(dir.path()).expect("a store");
    let opened = world.open(owner(1), at(1000));
    let id = intent(&opened);
    assert_eq!(commit(&store, opened.clone()).await, Outcome::Committed);
    assert_eq!(load(&reading, id).await, load(&store, id).await);
    assert_eq!(audit(&reading).await, audit(&store).await);
    for answer in [
        reading.commit(vec![opened]).await.map(drop),
        reading.claim_jobs(at(1), at(2), 1).await.map(drop),
        reading.forget_replies(at(1)).await.map(drop),
        reading.ping().await,
    ] {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    store.close().await;
    assert_eq!(audit(&reading).await.len(), 1);
    reading.close().await;
    // Nobody serves it now, and it can be read all the same.
    let reading = SqliteStore::open_read_only(dir.path()).expect("a store");
    assert_eq!(audit(&reading).await.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_understood_is_reported_and_the_rest_is_read() {
    let (dir, world) = (folder(), World::default());
    let store = open(dir.path());
    let broken = released(&store, &world, owner(1), at(1000)).await.escrow;
    let sound = released(&store, &world, owner(1), at(1000)).await;
    store.close().await;
    tamper(
        dir.path(),
        "UPDATE parts SET body = '{}' WHERE kind = 1 AND escrow = (SELECT min(id) FROM escrows);
         UPDATE transfers SET kind = 'theft' WHERE id = (SELECT max(id) FROM transfers);
         UPDATE balances SET account = 'pocket' WHERE account = 'fees';
         INSERT INTO jobs (intent, duty, subject, owner, due, run_at, token, attempts)
             VALUES (zeroblob(16), 4, x'', zeroblob(17), 1, 1, 0, 0);
         INSERT INTO claims (owner, hash, intent) VALUES (zeroblob(17), zeroblob(32), zeroblob(16));
         INSERT INTO metadata (owner, name, value, escrow) VALUES (zeroblob(17), 'order', '7', zeroblob(16));
         INSERT INTO claims (owner, hash, intent)
             VALUES (x'0000000000000000000000000000000009', x'01', (SELECT max(id) FROM escrows));",
    );
    let store = open(dir.path());
    let mut told = Vec::new();
    for audited in audit(&store).await {
        told.push(match audited {
            Audited::Escrow { stored, transfers, .. } => format!("{} with {}", stored.escrow.id, transfers.len()),
            Audited::Journal { holder, .. } => format!("{holder:?}"),
            Audited::Stray { table, what } => format!("{table}: {what}"),
            Audited::Account(row) => panic!("{row:?}"),
            Audited::Balance(_, balance) => balance.account.to_string(),
        });
    }
    assert_eq!(
        told,
        [
            format!("escrows: {}: a milestone cannot be read: missing field `id` at line 1 column 2", broken.id),
            format!("transfers: {}: there is no kind of transfer \"theft\"", sound.escrow.id),
            format!("claims: {}: there is no mode 9", sound.escrow.id),
            format!("{} with 4", sound.escrow.id),
            "jobs: duty 4, subject  belongs to intent_0000000000000000000000, which does not exist".to_owned(),
            format!("claims: hash {} belongs to intent_0000000000000000000000, which does not exist", "00".repeat(32)),
            "metadata: name order belongs to intent_0000000000000000000000, which does not exist".to_owned(),
            "balances: a row: unknown account \"pocket\"".to_owned(),
            "rail:sandbox".to_owned(),
            "escrow".to_owned(),
            "payable".to_owned(),
        ]
    );
    let wanted = Wanted { escrows: vec![broken.id], ..Wanted::default() };
    for answer in [store.escrow(broken.id).await.map(drop), store.load(wanted).await.map(drop)] {
        assert!(matches!(answer, Err(StoreError::Damaged(_))), "{answer:?}");
    }
    assert_eq!(load(&store, sound.escrow.id).await, Some(sound));
}

/// A change of this text is a migration: older stores hold the older form.
#[tokio::test]
async fn the_stored_form_of_escrows_is_pinned() {
    let (dir, world) = (folder(), World::default());
    let store = open(dir.path());
    let mut base = released(&store, &world, owner(1), at(1000)).await;
    let [first, second] = [base.escrow.settlements[0].id, base.escrow.settlements[1].id];
    for command in [
        Command::StartSettlement(first),
        Command::StartSettlement(second),
        Command::ConfirmSettlement(first, "paid".to_owned()),
    ] {
        base = stored(&store, world.after(&base, command, at(20_000))).await;
    }
    let mut base = stored(&store, world.open(owner(1), at(1000))).await;
    for command in [
        pay_by_card(CardOutcome::Declined("insufficient funds".to_owned())),
        pay_by_card(CardOutcome::Authorized),
        receive(Rail::Card, None),
        receive(Rail::Sandbox, None),
        Command::Cancel,
    ] {
        base = stored(&store, world.after(&base, command, at(2000))).await;
    }
    for command in [
        Command::AnnounceTransaction(transaction(2)),
        pay_by_card(CardOutcome::Authorized),
        pay_by_card(CardOutcome::Declined("stolen card".to_owned())),
    ] {
        let base = stored(&store, world.open(owner(1), at(1000))).await;
        stored(&store, world.after(&base, command, at(2000))).await;
    }
    consented_too_late(&store, &world).await;
    delivered_and_not_paid_out(&store, &world).await;
    store.close().await;
    let expected = include_str!("stored.txt");
    assert_eq!(texts(dir.path()), expected, "the stored form changed");
}

/// An escrow that a wallet paid, and that was given up before the payment was final.
async fn consented_too_late(store: &dyn Store, world: &World) {
    let base = stored(store, world.open(owner(1), at(1000))).await;
    let base = stored(store, world.after(&base, confirm(&base, Some(transaction(1))), at(3000))).await;
    let base = stored(store, world.after(&base, Command::Cancel, at(4000))).await;
    let late = base.escrow.payments[0].id;
    stored(store, world.after(&base, Command::SettlePayment(late), at(20_000))).await;
}

/// An escrow whose delivery was proven, whose first payout failed and is tried again, and of which some was given back.
async fn delivered_and_not_paid_out(store: &dyn Store, world: &World) {
    let mut terms = terms(1_000, Currency::Usd);
    terms.release_type = ReleaseType::AutoRelease;
    let mut base = stored(store, world.open_with(owner(1), terms, Vec::new(), at(1000))).await;
    let shipping = Shipping { carrier: Some("by sea".to_owned()), tracking_number: None };
    for command in [Command::Ship(shipping), prove(world)] {
        base = stored(store, world.after(&base, command, at(2000))).await;
    }
    let payout = base.escrow.settlements[0].id;
    for command in [
        Command::StartSettlement(payout),
        Command::FailSettlement(payout, "closed".to_owned()),
        refund(Some("1")),
        Command::RetrySettlement(payout),
        Command::StartSettlement(payout),
        Command::ConfirmSettlement(payout, "paid".to_owned()),
        Command::ReturnSettlement(payout, "no such account".to_owned()),
    ] {
        base = stored(store, world.after(&base, command, at(20_000))).await;
    }
    let refund = base.escrow.refunds[0].id;
    stored(store, world.after(&base, Command::FailRefund(refund, "card expired".to_owned()), at(20_000))).await;
}

/// The heads of the escrows, then their parts with kind and place; each on its line.
fn texts(dir: &Path) -> String {
    let db = Connection::open(dir.join("milepost.db")).expect("a database");
    let sql = "SELECT body FROM (
            SELECT id AS escrow, -1 AS kind, 0 AS place, body FROM escrows
            UNION ALL SELECT escrow, kind, place, kind || ' ' || place || ' ' || body FROM parts
        ) ORDER BY escrow, kind, place";
    let mut statement = db.prepare(sql).expect("a query");
    let lines = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    lines.map(|line| line.expect("a row") + "\n").collect()
}
