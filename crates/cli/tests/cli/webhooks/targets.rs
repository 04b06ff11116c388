//! Nobody reaches this machine, or the network it is in, through the gateway's webhooks, where the operator does not want that.

use serde_json::{Value, json};

use super::receiver::{ACCEPTS, Manner, Receiver};
use super::scene::{Endpoint, attempts, text};
use crate::harness::{Client, Gateway, folder, run_json};

/// What keeps the sandbox's webhooks away from this machine.
const PUBLIC: [&str; 2] = ["--webhook-targets", "public"];

const KEY: [&str; 2] = ["--test-key", "sk_test_development"];

#[track_caller]
fn assert_refused(client: &Client, url: &str, complaint: &str) {
    let (status, answer) = client.try_post("/webhook-endpoints", &json!({"url": url}));
    assert_eq!((status, &answer["code"], &answer["param"]), (400, &json!("invalid_request"), &json!("url")), "{url}");
    let message = text(&answer, "message");
    assert!(message.contains(complaint), "{url}: {message:?} does not say {complaint:?}");
}

#[test]
fn this_machine_is_refused_in_every_notation() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &PUBLIC);
    let client = gateway.client();
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    for host in [
        "127.0.0.1",
        "127.1",
        "127.8.8.8",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "①②⑦.0.0.1",
        "%31%32%37.0.0.1",
    ] {
        assert_refused(&client, &receiver.url_at(host), "url must be at a public address, which ");
    }
    for host in ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[fe80::1]", "[fd00::1]", "100.64.0.1"] {
        assert_refused(&client, &receiver.url_at(host), "url must be at a public address, which ");
    }
    assert_eq!(client.get("/webhook-endpoints")["data"], json!([]));
    gateway.stop();
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn what_was_allowed_before_is_not_called_once_the_operator_has_changed_their_mind() {
    let folder = folder();
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    let gateway = Gateway::start(folder.path(), &KEY);
    let client = gateway.client();
    let hosts = ["127.0.0.1", "localhost"];
    let endpoints = hosts.map(|host| Endpoint::create(&client, &receiver.url_at(host), &["payment_intent.created"]));
    gateway.stop();

    let gateway = Gateway::start(folder.path(), &[KEY, PUBLIC].concat());
    let client = gateway.client();
    client.create_intent();
    for (endpoint, host) in endpoints.iter().zip(hosts) {
        let delivery = endpoint.tried(&client, 1);
        let [attempt] = attempts(&delivery) else { panic!("{delivery}") };
        assert_eq!((&delivery["status"], &attempt["responseStatus"]), (&json!("pending"), &Value::Null));
        assert_eq!(attempt["error"], format!("the URL must be at a public address, which {host} is not"));
    }
    gateway.stop();
    assert_eq!(receiver.connections(), 0);
}

#[test]
fn live_endpoints_are_public_and_called_over_https_whatever_the_operator_allows_the_sandbox() {
    let folder = folder();
    let create = ["keys", "create", "--merchant", "Example Builders", "--mode", "live", "--data", "data"];
    let key = text(&run_json(folder.path(), &create), "secret");
    let gateway = Gateway::start(folder.path(), &["--webhook-targets", "private"]);
    let client = gateway.client_with(&key);
    let receiver = Receiver::start(Manner::Says(ACCEPTS));
    assert_refused(&client, &receiver.url(), "url must be an absolute https URL");
    assert_refused(&client, "http://hooks.example.com/", "url must be an absolute https URL");
    for host in ["127.0.0.1", "localhost", "10.0.0.1", "192.168.0.1", "169.254.169.254", "[::1]", "[fd00::1]"] {
        assert_refused(&client, &format!("https://{host}/"), "url must be at a public address, which ");
    }
    client.post("/webhook-endpoints", &json!({"url": "https://hooks.example.com/"}));
    gateway.stop();
    assert_eq!(receiver.connections(), 0);
}
