//! What a store waits for, and what it does not: a commit is not told before it is safe, and nothing is waited for without end.
#![expect(clippy::disallowed_methods, reason = "how long real servers keep somebody waiting is what is tested")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster::{Database, Settings, Stop};
use escrow::Span;
use store::{Outcome, PostgresSettings, Store};

use crate::postgres::settings;
use crate::world::{World, at, owner};

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
