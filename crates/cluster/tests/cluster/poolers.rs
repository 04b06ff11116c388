//! Clients share the connections of a pooler.

use std::collections::BTreeSet;

use cluster::{Cluster, Pooler, Stop};

use crate::client::client;

#[tokio::test]
async fn clients_of_a_pooler_share_fewer_connections_from_one_transaction_to_the_next() {
    let Some(cluster) = Cluster::for_test() else { return };
    let Some(pooler) = Pooler::for_test(&cluster) else { return };
    let database = cluster.create_database();
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(client(&pooler.url(database.url())).await);
    }
    let mut backends = BTreeSet::new();
    for client in &clients {
        let held = client.simple_query("SELECT pg_backend_pid()").await.expect("an answer");
        backends.insert(format!("{held:?}"));
    }
    assert!((1..=3).contains(&backends.len()), "{backends:?}");

    cluster.stop(Stop::Fast);
    cluster.start_again();
    client(&pooler.url(database.url())).await.simple_query("SELECT 1").await.expect("an answer from the new server");
}
