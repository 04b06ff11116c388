//! The dashboard for Grafana, and the manual, against what a running gateway measures.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Gateway, folder, until};
use crate::metrics::{APART, scraped, url};

/// The names of our measures in a text, without what Prometheus adds to histograms.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let ours = words.filter(|word| word.starts_with("milepost_"));
    let plain = |word: &str| {
        let suffix = ["_bucket", "_sum", "_count"].into_iter().find(|suffix| word.ends_with(suffix));
        word.strip_suffix(suffix.unwrap_or_default()).unwrap_or(word).to_owned()
    };
    ours.map(plain).collect()
}

/// Every query below a value of the dashboard.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == "expr" => found.push(text.to_owned()),
                    Some(_) | None => queries(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_dashboard_shows_everything_that_is_measured_and_nothing_else() {
    let folder = folder();
    let gateway = Gateway::start(folder.path(), &[&["--settlement-delay", "100ms"], &APART[..]].concat());
    let client = gateway.client();
    let endpoint = json!({"url": "http://127.0.0.1:9/nobody"});
    client.post("/webhook-endpoints", &endpoint);
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    until("the settlement", || (client.status(&intent) == "SETTLED").then_some(()));
    let scrape = || scraped(&client, &url(&gateway));
    let text =
        until("a call to the endpoint", || Some(scrape()).filter(|text| text.contains("milepost_webhook_calls")));
    let measured: BTreeSet<String> = text.lines().filter(|line| !line.starts_with('#')).flat_map(names).collect();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/grafana/milepost.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("the file")).expect("JSON");
    let mut found = Vec::new();
    queries(&dashboard["panels"], &mut found);
    let queried: BTreeSet<String> = found.iter().flat_map(|query| names(query)).collect();
    assert_eq!(queried, measured, "{text}");
    let operations = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let told = names(&std::fs::read_to_string(operations).expect("the file"));
    let untold: Vec<_> = measured.difference(&told).collect();
    assert!(untold.is_empty(), "docs/operations.md says nothing of {untold:?}");
    assert!(dashboard["uid"].is_string() && dashboard["title"].is_string(), "Grafana needs both to import it");
}
