//! The database goes away under a gateway, and comes back.

use std::time::Duration;

use cluster::{Cluster, Pooler, Stop};
use engine::{Host, System};
use reqwest::Method;
use serde_json::json;

use super::{run_json, start};
use crate::harness::{Client, Gateway, folder, until};

/// Within what a gateway has to be gone.
const TERM_MS: i64 = 10_000;

fn is_ready(gateway: &Gateway, client: &Client) -> bool {
    let (status, body) = client.send_to(Method::GET, &format!("{}/health/ready", gateway.url()));
    assert!(matches!(status, 200 | 503), "{status}: {body}");
    status == 200
}

#[test]
fn a_gateway_says_that_its_database_is_gone_and_goes_on_when_it_is_back() {
    let Some(cluster) = Cluster::for_test() else { return };
    let database = cluster.create_database();
    let folder = folder();
    let gateway = start(folder.path(), database.url(), &["--migrate", "--log-level", "error"]);
    let client = gateway.client();
    let intent = client.create_intent();
    assert!(is_ready(&gateway, &client));

    cluster.stop(Stop::Immediate);
    assert!(!is_ready(&gateway, &client));
    let path = format!("/payment-intents/{intent}/escrow/milestones");
    let (status, refusal) = client.try_post(&path, &json!({"milestoneIndex": 0, "amount": "1.00"}));
    assert_eq!((status, &refusal["error"]["code"]), (503, &"service_unavailable".into()), "{refusal}");
    let (status, _) = client.send_to(Method::GET, &format!("{}/health/live", gateway.url()));
    assert_eq!(status, 200, "the process is all right");

    cluster.start_again();
    until("the gateway to be ready", || is_ready(&gateway, &client).then_some(()));
    client.create_milestone(&intent, 0, "1000.00");
    assert_eq!(run_json(folder.path(), database.url(), &["verify"])["milestones"], 1);
}

#[test]
fn a_gateway_without_its_database_ends_in_time() {
    let Some(cluster) = Cluster::for_test() else { return };
    let database = cluster.create_database();
    let folder = folder();
    let mut gateway = start(folder.path(), database.url(), &["--migrate", "--log-level", "error"]);
    gateway.client().create_intent();
    cluster.stop(Stop::Immediate);
    let host = System::new();
    gateway.signal("TERM");
    assert_eq!(gateway.wait().code(), Some(0));
    assert!(host.ticks_ms() < TERM_MS, "{:?}", Duration::from_millis(host.ticks_ms().unsigned_abs()));
}

#[test]
fn gateways_work_behind_a_pooler_in_transaction_mode() {
    let Some(cluster) = Cluster::for_test() else { return };
    let Some(pooler) = Pooler::for_test(&cluster) else { return };
    let database = cluster.create_database();
    let url = pooler.url(database.url());
    let folder = folder();
    let first = start(folder.path(), &url, &["--migrate", "--settlement-delay", "100ms"]);
    let second = start(folder.path(), &url, &["--settlement-delay", "100ms"]);
    let key = first.announced["test_key"].as_str().expect("a key").to_owned();
    let clients = [first.client(), second.client_with(&key)];
    let intent = clients[0].create_intent();
    let milestone = clients[1].create_milestone(&intent, 0, "1000.00");
    clients[0].complete(&intent, &milestone);
    until("the intent to be settled", || (clients[1].status(&intent) == "SETTLED").then_some(()));
    assert_eq!(run_json(folder.path(), &url, &["verify"])["settlements"], 1);
}
