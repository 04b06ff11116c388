//! What a store waits for, and what it does not: a commit is not told before it is safe, and nothing is waited for without end.
#![expect(clippy::disallowed_methods, reason = "how long real servers keep somebody waiting is what is tested")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster::{Database, Settings, Stop};
use escrow::Span;
use store::{ClockMove, DatabaseUrl, Outcome, PostgresSettings, Store, Unit};

use crate::postgres::{made, settings};
use crate::world::{World, at, commit, merchant, owner, released, reply, with_lease, with_reply};

async fn made_with(settings: &PostgresSettings) -> store::PostgresStore {
    store::PostgresStore::migrate(settings).await.expect("a schema");
    store::PostgresStore::open(settings).await.expect("a store")
}

/// How many transactions are committed but for a standby that has them.
const WAITING: &str = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_looked_up_is_not_told_while_no_standby_has_it() {
    let Some(cluster) = Settings::default().durable().for_test() else { return };
    let database = cluster.create_database();
    let patient = PostgresSettings { statement_timeout: Span::from_ms(500), ..settings(&database) };
    let store = made_with(&patient).await;
    cluster.sql("ALTER SYSTEM SET synchronous_commit = 'on'");
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster.stop(Stop::Fast);
    cluster.start_again();
    let unit = World::default().open(owner(1), at(1000));
    let is_safe = AtomicBool::new(false);
    let committed = async {
        let outcomes = store.commit(vec![unit]).await;
        (outcomes, is_safe.load(Ordering::SeqCst))
    };
    let standby = async {
        until(&database, WAITING).await;
        // The server has it, says nothing of it, and loses the connection.
        database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        // Whoever looks it up waits for the standby as well.
        until(&database, WAITING).await;
        is_safe.store(true, Ordering::SeqCst);
        cluster.sql("ALTER SYSTEM SET synchronous_standby_names = ''");
        cluster.sql("SELECT pg_reload_conf()");
    };
    let ((outcomes, was_safe), ()) = tokio::join!(committed, standby);
    assert_eq!(outcomes.expect("it is there"), [Outcome::Committed]);
    assert!(was_safe, "it was told as stored while no standby had it");
}

/// Waits until a count is not zero, for two seconds at most.
async fn until(database: &Database, count: &str) {
    let begun = Instant::now();
    while database.sql(count) == "0" && begun.elapsed() < Duration::from_secs(2) {
        tokio::task::yield_now().await;
    }
}

/// Passes on what a client and a server say until the client says this; from then on, nothing any more, and nobody is told.
fn silent_from(server: u16, words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
            let (Ok(from_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { continue };
            let is_silent = Arc::new(AtomicBool::new(false));
            let shared = is_silent.clone();
            std::thread::spawn(move || pass_on(&from_server, &to_client, &[], &shared));
            std::thread::spawn(move || pass_on(&client, &server, words, &is_silent));
        }
    });
    port
}

fn pass_on(mut from: &TcpStream, mut to: &TcpStream, words: &[u8], is_silent: &AtomicBool) {
    let mut buffer = vec![0; 1 << 20];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let said = &buffer[..count];
        if !words.is_empty() && said.windows(words.len()).any(|heard| heard == words) {
            is_silent.store(true, Ordering::SeqCst);
        }
        if !is_silent.load(Ordering::SeqCst) && to.write_all(said).is_err() {
            return;
        }
    }
    // The streams stay open, so that silence is all that there is.
    while is_silent.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_transaction_that_does_nothing_is_not_waited_for_without_end() {
    let Some(database) = Database::fresh() else { return };
    made(&database).await.close().await;
    let (before, rest) = database.url().rsplit_once(':').expect("a port");
    let (port, name) = rest.split_once('/').expect("a name");
    let port = silent_from(port.parse().expect("a port"), b"ROLLBACK\0");
    let url = DatabaseUrl::parse(&format!("{before}:{port}/{name}")).expect("an address");
    let quick = PostgresSettings { url, statement_timeout: Span::from_ms(200), ..settings(&database) };
    let store = store::PostgresStore::open(&quick).await.expect("a store");
    // There are no jobs, and so it is rolled back.
    let claimed = tokio::time::timeout(Duration::from_secs(8), store.claim_jobs(at(1), at(2), 1)).await;
    let claimed = claimed.expect("an answer in time, though nobody says that it is rolled back");
    assert_eq!(claimed.expect("what was read before"), []);
}

/// Waits until so many wait for locks, for two seconds at most.
async fn until_waiting(database: &Database, count: usize) {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let begun = Instant::now();
    while database.sql(waiting) != count.to_string() && begun.elapsed() < Duration::from_secs(2) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_given_back_beside_a_commit_under_its_lease() {
    let Some(database) = Database::fresh() else { return };
    let store = made(&database).await;
    let world = World::default();
    let funded = released(&store, &world, owner(1), at(1000)).await;
    let job = store.claim_jobs(at(1_000_000), at(2_000_000), 1).await.expect("a claim")[0];
    assert_eq!((job.lease.intent, job.owner), (funded.escrow.id, owner(1)));
    // Something keeps the owner's stream locked until both have begun.
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a server");
    let connection = tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT last FROM streams FOR UPDATE").await.expect("a lock");
    let others = async {
        until_waiting(&database, 1).await;
        let refused = with_reply(with_lease(world.open(owner(1), at(1000)), job.lease), reply(owner(1), "one", at(1)));
        let unlocked = async {
            until_waiting(&database, 2).await;
            client.batch_execute("COMMIT").await.expect("unlocked");
            Instant::now()
        };
        tokio::join!(store.commit(vec![refused]), unlocked)
    };
    let (returned, (outcomes, unlocked)) = tokio::join!(store.return_job(job.lease), others);
    assert!(unlocked.elapsed() < Duration::from_millis(800), "they stood in each other's way");
    returned.expect("given back");
    assert_eq!(outcomes.expect("a commit"), [Outcome::Lost], "it was given back first");
    drop(client);
    connection.await.expect("a task").expect("a connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_too_late_with_a_job_is_not_in_the_way_of_a_clock() {
    let Some(database) = Database::fresh() else { return };
    let store = made(&database).await;
    let world = World::default();
    released(&store, &world, owner(1), at(1000)).await;
    let moved = ClockMove { merchant: merchant(1), by: Span::from_ms(5), token: 0 };
    let clock = || Unit { clock: Some(moved), ..Unit::default() };
    assert_eq!(commit(&store, clock()).await, Outcome::Committed);
    let job = store.claim_jobs(at(1_000_000), at(2_000_000), 1).await.expect("a claim")[0];
    store.postpone_job(job.lease, at(1_500_000)).await.expect("given back");
    // Something keeps the clock locked until both have begun.
    let (client, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a server");
    let connection = tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT ahead_ms FROM clocks FOR UPDATE").await.expect("a lock");
    let others = async {
        until_waiting(&database, 1).await;
        let late = with_lease(world.open(owner(1), at(1000)), job.lease);
        let unlocked = async {
            until_waiting(&database, 2).await;
            client.batch_execute("COMMIT").await.expect("unlocked");
            Instant::now()
        };
        tokio::join!(commit(&store, late), unlocked)
    };
    let (outcome, (late, unlocked)) = tokio::join!(commit(&store, clock()), others);
    assert!(unlocked.elapsed() < Duration::from_millis(800), "they stood in each other's way");
    assert_eq!((outcome, late), (Outcome::Committed, Outcome::Lost));
    drop(client);
    connection.await.expect("a task").expect("a connection");
}
