//! `milepost events`.

use serde_json::{Value, json};

use crate::harness::{Client, Gateway, assert_failed, folder, run, stderr, stdout};
use crate::receiver::Receiver;

const KEY: &str = "sk_test_development";

/// A gateway on which the main job was done over a single milestone, and that intent.
fn played(folder: &std::path::Path) -> (Gateway, Client, String) {
    let gateway = Gateway::start(folder, &["--test-key", KEY]);
    let client = gateway.client_with(KEY);
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    (gateway, client, intent)
}

/// What `milepost events` with these arguments says, which must be a success.
fn events(gateway: &Gateway, args: &[&str]) -> String {
    let folder = folder();
    let output = run(folder.path(), ["events"].iter().chain(args).chain(&["--api", gateway.url(), "--key", KEY]));
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    stdout(&output)
}

#[test]
fn what_happened_is_shown_newest_last() {
    let folder = folder();
    let (gateway, client, intent) = played(folder.path());
    client.create_intent();
    let text = events(&gateway, &["--payment-intent", &intent, "--limit", "2"]);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["time", "type", "id", "intent", "object"]);
    let newest = &client.get(&format!("/events?limit=2&paymentIntentId={intent}"))["data"];
    for (row, event) in rows[1..].iter().zip([&newest[1], &newest[0]]) {
        assert_eq!(
            (row[1], row[2], row[3]),
            (event["type"].as_str().expect("a type"), event["id"].as_str().expect("an id"), intent.as_str())
        );
    }
    assert!(rows.len() == 3 && text.contains("1000.00 "), "{text}");
    let of_milestones = events(&gateway, &["--type", "milestone.*,payment_intent.succeeded"]);
    let types: Vec<&str> = of_milestones.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(types, ["milestone.created", "payment_intent.succeeded", "milestone.completed", "milestone.released"]);
    assert_eq!(events(&gateway, &["--type", "dispute.*"]), "nothing of that kind has happened\n");
}

#[test]
fn for_machines_events_are_lines_as_the_gateway_serves_them() {
    let folder = folder();
    let (gateway, client, _) = played(folder.path());
    (0..60).for_each(|_| drop(client.create_intent()));
    let text = events(&gateway, &["--json", "--limit", "10000"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() > 120, "more than a page: {}", lines.len());
    let kinds: Value = serde_json::from_str(lines[0]).expect("JSON");
    assert_eq!(kinds["type"], "api_key.created", "the oldest comes first");
    for line in [lines[1], lines[lines.len() - 1]] {
        let event: Value = serde_json::from_str(line).expect("JSON");
        let id = event["id"].as_str().expect("an id");
        assert_eq!(events(&gateway, &["show", id, "--json"]), format!("{line}\n"));
        let shown: Value = serde_json::from_str(&events(&gateway, &["show", id])).expect("JSON");
        assert_eq!(shown, event);
    }
    assert_eq!(events(&gateway, &["--json", "--limit", "101"]).lines().collect::<Vec<_>>(), lines[lines.len() - 101..]);
}

#[test]
fn chains_are_computed_anew() {
    let folder = folder();
    let (gateway, client, intent) = played(folder.path());
    let mine = client.get(&format!("/events?limit=100&paymentIntentId={intent}"))["data"].as_array().map(Vec::len);
    let report: Value =
        serde_json::from_str(&events(&gateway, &["check", "--payment-intent", &intent, "--json"])).expect("JSON");
    assert_eq!(report, json!({"ok": true, "events": mine, "chains": 1, "broken": null}));
    client.create_intent();
    let said = events(&gateway, &["check"]);
    assert!(said.contains("in 3 chains anew") && said.contains("none is missing"), "{said}");
}

#[test]
fn an_event_is_sent_once_more() {
    let folder = folder();
    let (gateway, client, intent) = played(folder.path());
    let event = client.get(&format!("/events?limit=1&paymentIntentId={intent}"))["data"][0].clone();
    let id = event["id"].as_str().expect("an id");
    let none = events(&gateway, &["resend", id]);
    assert_eq!(none, "no webhook endpoint that is enabled wants events of this type\n");
    let receiver = Receiver::start(|_| ("200 OK", String::new()));
    let new = json!({"url": receiver.url(), "enabledEvents": ["dispute.raised"]});
    let endpoint = client.post("/webhook-endpoints", &new)["id"].as_str().expect("an id").to_owned();
    let said = events(&gateway, &["resend", id, "--endpoint", &endpoint]);
    let rows: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["delivery", "endpoint", "status"]);
    assert!(rows[1][0].starts_with("wd_"), "{said}");
    assert_eq!((rows[1][1], rows.len()), (endpoint.as_str(), 2));
    let call = receiver.call();
    assert_eq!((call.header("webhook-id"), &serde_json::from_str::<Value>(&call.body).expect("JSON")), (id, &event));
    let sent: Value =
        serde_json::from_str(&events(&gateway, &["resend", id, "--endpoint", &endpoint, "--json"])).expect("JSON");
    assert_eq!((&sent["object"], &sent["data"][0]["object"]), (&json!("list"), &json!("webhook_delivery")));
    assert_eq!(receiver.call().header("webhook-id"), id);
}

#[test]
fn nobody_is_followed_elsewhere_with_the_key() {
    let gateway = Receiver::start(|_| ("302 Found", String::new()));
    let folder = folder();
    for command in ["events", "listen"] {
        let output = run(folder.path(), [command, "--api", &gateway.origin(), "--key", KEY]);
        assert_failed(&output, 1, "with 302 Found");
        assert_eq!(gateway.call().header("x-api-key"), KEY);
        assert!(gateway.rest().is_empty(), "{command} went where it was sent");
    }
}

#[test]
fn what_is_not_there_is_told_from_wrong_use() {
    let folder = folder();
    let (gateway, _, intent) = played(folder.path());
    let other = "01KAPVV2QxkVfoWo4sJ3uB";
    let (unknown, nobodys) = (format!("evt_{other}"), format!("intent_{other}"));
    for (args, code, complaint) in [
        (&["show", &unknown][..], 1, "No such event"),
        (&["check", "--payment-intent", &nobodys], 1, "the gateway has no event of intent_"),
        (&["resend", &unknown], 1, "No such event"),
        (&["resend", &unknown, "--endpoint", &intent], 2, "invalid value"),
        (&["--type", "milestone"], 1, "type must name a type of event"),
        (&["show", &intent], 2, "invalid value"),
        (&["--payment-intent", &unknown], 2, "invalid value"),
        (&["--limit", "0"], 2, "invalid value"),
        (&["--limit", "10001"], 2, "invalid value"),
    ] {
        let connection = ["--api", gateway.url(), "--key", KEY];
        assert_failed(&run(folder.path(), ["events"].iter().chain(args).chain(&connection)), code, complaint);
    }
    gateway.stop();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let url = format!("http://{free}");
    assert_failed(&run(folder.path(), ["events", "--api", &url, "--key", KEY]), 3, "no gateway answers at");
}
