//! What is PostgreSQL's alone: its schema, its secret, and that an embedded store moves up to it.

use cluster::Database;
use escrow::{DeliveryId, KeyId, RawId, Span};
use futures_util::future::join_all;
use store::{
    AccountRow, Audited, CopyError, DatabaseError, Delivery, DeliveryState, EscrowFilter, OpenError,
    POSTGRES_SCHEMA_VERSION, PageRequest, Position, PostgresSettings, PostgresStore, Progress, SqliteStore, Store,
    StoreError, Told, copy,
};

use crate::history::lived;
use crate::postgres::{made, settings};
use crate::webhooks::{add, delivery, outbox};
use crate::world::{World, at, audit, load, owner, released, stored};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_may_make_the_schema_at_once() {
    let Some(database) = Database::fresh() else { return };
    let settings = settings(&database);
    let found = join_all((0..6).map(|_| PostgresStore::migrate(&settings))).await;
    for before in found {
        assert!((0..=POSTGRES_SCHEMA_VERSION).contains(&before.expect("a schema")));
    }
    assert_eq!(PostgresStore::migrate(&settings).await.expect("a schema"), POSTGRES_SCHEMA_VERSION);
    PostgresStore::open(&settings).await.expect("a store");
}

#[tokio::test]
async fn a_schema_of_another_version_is_refused_untouched() {
    let Some(database) = Database::fresh() else { return };
    let settings = settings(&database);
    let missing = PostgresStore::open(&settings).await.err().expect("no store");
    assert!(matches!(missing, DatabaseError::OlderSchema { found: 0, .. }), "{missing}");
    PostgresStore::migrate(&settings).await.expect("a schema");
    database.sql("INSERT INTO milepost (version) VALUES (99)");
    for refused in [PostgresStore::open(&settings).await.err(), PostgresStore::migrate(&settings).await.err()] {
        let refused = refused.expect("a newer version");
        assert!(matches!(refused, DatabaseError::NewerSchema { found: 99, .. }), "{refused}");
        assert!(refused.to_string().contains("use the newer milepost"), "{refused}");
    }
    assert_eq!(database.sql("SELECT max(version) FROM milepost"), "99");
}

#[tokio::test]
async fn a_step_that_is_held_up_is_tried_again() {
    let Some(database) = Database::fresh() else { return };
    let settings = PostgresSettings { lock_timeout: Span::from_ms(200), ..settings(&database) };
    database
        .sql("CREATE TABLE milepost (version BIGINT NOT NULL PRIMARY KEY); INSERT INTO milepost (version) VALUES (0)");
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a server");
    let locked = async {
        client.batch_execute("BEGIN; SELECT version FROM milepost FOR UPDATE").await.expect("a lock");
        // It is held for longer than a step waits.
        client.batch_execute("SELECT pg_sleep(1)").await.expect("a while");
        client.batch_execute("COMMIT").await.expect("unlocked");
        drop(client);
    };
    let (_, connected, migrated) = tokio::join!(biased; locked, connection, PostgresStore::migrate(&settings));
    connected.expect("a connection");
    assert_eq!(migrated.expect("a schema"), 0);
}

#[tokio::test]
async fn a_database_that_cannot_write_everything_down_is_refused() {
    let Some(database) = Database::fresh() else { return };
    let name = format!("{}_latin", database.name());
    database.sql(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"));
    let url = database.url().replace(database.name(), &name);
    let settings =
        PostgresSettings { url: store::DatabaseUrl::parse(&url).expect("an address"), ..settings(&database) };
    let refused = [PostgresStore::migrate(&settings).await.err(), PostgresStore::open(&settings).await.err()];
    database.sql(&format!("DROP DATABASE {name} WITH (FORCE)"));
    for refused in refused {
        let refused = refused.expect("not UTF-8").to_string();
        assert!(
            refused.contains("its encoding is LATIN1; make one with TEMPLATE template0 ENCODING 'UTF8'"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn who_lacks_a_right_is_told_so() {
    let Some(database) = Database::fresh() else { return };
    drop(made(&database).await);
    let role = format!("{}_guest", database.name());
    database.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'guest'"));
    let (_, at) = database.url().rsplit_once('@').expect("a host");
    let url = store::DatabaseUrl::parse(&format!("postgres://{role}:guest@{at}")).expect("an address");
    let refused = PostgresStore::open(&PostgresSettings { url, ..settings(&database) }).await.err();
    database.sql(&format!("DROP ROLE {role}"));
    let refused = refused.expect("a role without rights").to_string();
    assert!(refused.contains("permission denied for table milepost"), "{refused}");
}

#[tokio::test]
async fn another_secret_is_noticed() {
    let Some(database) = Database::fresh() else { return };
    let store = made(&database).await;
    let said =
        [store.knows_secret([1; 32]).await, store.knows_secret([2; 32]).await, store.knows_secret([1; 32]).await];
    assert_eq!(said.map(|known| known.expect("a look")), [true, false, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_store_moves_up_whole() {
    let Some(database) = Database::fresh() else { return };
    let dir = tempfile::tempdir().expect("a folder");
    let embedded = SqliteStore::open(dir.path()).expect("a store");
    lived(&embedded).await;
    let before = audit(&embedded).await;
    let in_use = copy(dir.path(), &settings(&database), |_, _| ()).await.expect_err("somebody has it open");
    assert!(matches!(in_use, CopyError::Source(OpenError::InUse { .. })), "{in_use}");
    embedded.close().await;

    let unmade = copy(dir.path(), &settings(&database), |_, _| ()).await.expect_err("no schema");
    assert!(matches!(unmade, CopyError::Database(DatabaseError::OlderSchema { .. })), "{unmade}");
    let store = made(&database).await;
    let mut steps = Vec::new();
    copy(dir.path(), &settings(&database), |table, rows| steps.push((table, rows))).await.expect("a copy");
    assert!(steps.iter().any(|(table, rows)| *table == "events" && *rows > 100), "{steps:?}");
    let after = audit(&store).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after, before);
    }
    assert_eq!(after.len(), before.len());
    let again = copy(dir.path(), &settings(&database), |_, _| ()).await.expect_err("it is there");
    assert!(matches!(again, CopyError::NotEmpty(_)), "{again}");
}

#[tokio::test]
async fn where_there_is_no_store_none_is_made() {
    let Some(database) = Database::fresh() else { return };
    drop(made(&database).await);
    let dir = tempfile::tempdir().expect("a folder");
    let nothing = dir.path().join("nothing");
    let missing = copy(&nothing, &settings(&database), |_, _| ()).await.expect_err("there is none");
    assert!(matches!(missing, CopyError::Source(OpenError::Missing { .. })), "{missing}");
    assert!(!nothing.exists());
}

#[tokio::test]
async fn what_cannot_be_understood_is_reported_and_the_rest_is_read() {
    let Some(database) = Database::fresh() else { return };
    let (store, world) = (made(&database).await, World::default());
    let broken = released(&store, &world, owner(1), at(1000)).await.escrow;
    let sound = released(&store, &world, owner(1), at(1000)).await;
    // Of nobody, of owner 1, and of one of the mode 9.
    let (nobody, merchant, nothing) =
        ("decode(repeat('00', 17), 'hex')", "00".repeat(16), "decode(repeat('00', 16), 'hex')");
    database.sql(&format!(
        "UPDATE parts SET body = '{{}}' WHERE kind = 1 AND escrow = (SELECT id FROM escrows ORDER BY id LIMIT 1);
         UPDATE transfers SET kind = 'theft' WHERE id = (SELECT id FROM transfers ORDER BY id DESC LIMIT 1);
         UPDATE balances SET account = 'pocket' WHERE account = 'fees';
         INSERT INTO events SELECT {nobody}, 7, subject, 7, {nothing}, created, hash, type, body FROM events
             WHERE sequence = 1 AND subject = (SELECT id FROM escrows ORDER BY id DESC LIMIT 1);
         INSERT INTO streams VALUES ({nobody}, 7);
         INSERT INTO jobs (intent, duty, subject, owner, due, run_at, token, attempts)
             VALUES ({nothing}, 4, '', {nobody}, 1, 1, 0, 0);
         INSERT INTO claims (owner, hash, intent) VALUES ({nobody}, decode(repeat('00', 32), 'hex'), {nothing});
         INSERT INTO metadata (owner, name, value, escrow) VALUES ({nobody}, convert_to('größe', 'UTF8'), '7', {nothing});
         INSERT INTO claims (owner, hash, intent) VALUES (decode('{merchant}09', 'hex'), decode(repeat('01', 32), 'hex'),
             (SELECT id FROM escrows ORDER BY id DESC LIMIT 1));
         INSERT INTO keys (id, hash, kind, owner, last_four, created)
             VALUES ({nothing}, decode(repeat('00', 32), 'hex'), 'live', {nobody}, 'abcd', 0),
             (decode(repeat('01', 16), 'hex'), decode(repeat('01', 32), 'hex'), 'admin', decode('{merchant}01', 'hex'), 'abcd', 0);"
    ));
    let mut told = Vec::new();
    for audited in audit(&store).await {
        told.push(match audited {
            Audited::Escrow { stored, events, transfers, .. } => {
                format!("{} with {} and {}", stored.escrow.id, events.len(), transfers.len())
            }
            Audited::Journal { holder, .. } => format!("{holder:?}"),
            Audited::Stray { table, what } => format!("{table}: {what}"),
            Audited::Account(AccountRow::Key(key)) => key.id.to_string(),
            Audited::Account(row @ (AccountRow::Merchant(_) | AccountRow::Endpoint(_))) => panic!("{row:?}"),
            Audited::Balance(_, balance) => balance.account.to_string(),
        });
    }
    let (sound_id, events) = (sound.escrow.id, sound.escrow.chain.count);
    assert_eq!(
        told,
        [
            format!("escrows: {}: a milestone cannot be read: missing field `id` at line 1 column 2", broken.id),
            format!("transfers: {sound_id}: there is no kind of transfer \"theft\""),
            format!("claims: {sound_id}: there is no mode 9"),
            format!("{sound_id} with {events} and 4"),
            format!("events: sequence 7 belongs to {sound_id}, which is another owner's"),
            "jobs: duty 4, subject  belongs to intent_0000000000000000000000, which does not exist".to_owned(),
            format!("claims: hash {} belongs to intent_0000000000000000000000, which does not exist", "00".repeat(32)),
            "metadata: name größe belongs to intent_0000000000000000000000, which does not exist".to_owned(),
            format!("keys: id {merchant} acts for a merchant who does not exist"),
            "key_0000000000000000000000".to_owned(),
            KeyId::new(RawId::from_bytes([1; 16])).to_string(),
            "balances: a row: unknown account \"pocket\"".to_owned(),
            "rail:sandbox".to_owned(),
            "escrow".to_owned(),
            "payable".to_owned(),
        ]
    );
    assert!(matches!(store.escrow(broken.id).await, Err(StoreError::Damaged(_))));
    assert_eq!(load(&store, sound_id).await, Some(sound));
}

/// The connections that there are to a database, by the processes that serve them.
fn connections(database: &Database) -> String {
    database.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
}

#[tokio::test]
async fn an_unknown_cursor_costs_no_connection() {
    let Some(database) = Database::fresh() else { return };
    let store = made(&database).await;
    let before = connections(&database);
    for position in [Position::After(RawId::from_bits(7)), Position::Before(RawId::from_bits(7))] {
        let unknown = store.escrows(owner(1), EscrowFilter::default(), PageRequest { limit: 1, position }).await;
        assert!(matches!(unknown, Err(StoreError::UnknownCursor)), "{unknown:?}");
        store.ping().await.expect("a store that works");
    }
    assert_eq!(connections(&database), before);
}

#[tokio::test]
async fn a_call_that_is_asked_for_while_old_deliveries_are_forgotten_is_made() {
    let Some(database) = Database::fresh() else { return };
    let (store, world) = (made(&database).await, World::default());
    let to = add(&store, 1, &["*"]).await;
    stored(&store, world.open(owner(1), at(1))).await;
    let events = outbox(&store, &to, 0).await.fresh;
    let id = DeliveryId::new(RawId::from_bits(10 << 80));
    let over = Delivery { id, ..delivery(1, &to, &events[0], DeliveryState::Succeeded) };
    let progress = Progress { cursor: events[0].position, failing_since: None };
    let told = Told { endpoint: to.id, token: 0, progress, deliveries: vec![over] };
    store.note_told(vec![told]).await.expect("noted");
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a server");
    let asked = async {
        let ask = "BEGIN; UPDATE deliveries SET state = 'pending', due = 8, asked = asked + 1";
        client.batch_execute(ask).await.expect("asked");
        // It is not committed yet when what is over is looked for.
        let forget = store.forget_deliveries(at(20));
        let commit = client.batch_execute("SELECT pg_sleep(1); COMMIT");
        let (forgotten, committed) = tokio::join!(biased; forget, commit);
        committed.expect("committed");
        drop(client);
        forgotten.expect("forgotten")
    };
    let (has_more, connected) = tokio::join!(asked, connection);
    connected.expect("a connection");
    assert!(!has_more);
    let found = store.delivery(id).await.expect("a read").map(|delivery| delivery.state);
    assert_eq!(found, Some(DeliveryState::Pending(at(8))));
}
