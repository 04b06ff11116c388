//! `milepost migrate --from`: an embedded store becomes one that gateways share.

use std::path::Path;

use cluster::Database;
use serde_json::{Value, json};

use super::{run, run_json, start};
use crate::harness::{Gateway, assert_failed, command, folder, run_json as run_embedded, stdout};

/// An embedded store that something has happened in, and its key.
fn embedded(folder: &Path) -> (String, String) {
    let gateway = Gateway::start(folder, &["--settlement-delay", "1d"]);
    let client = gateway.client();
    let key = gateway.announced["test_key"].as_str().expect("a key").to_owned();
    client.post("/webhook-endpoints", &json!({"url": "https://shop.example/hooks", "enabledEvents": ["*"]}));
    let intent = client.create_intent();
    for (index, amount) in [(0, "300.00"), (1, "700.00")] {
        let milestone = client.create_milestone(&intent, index, amount);
        client.post_keyed(
            &format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete"),
            &format!("complete-{index}"),
            &json!({"completedBy": "a test"}),
        );
    }
    client.create_intent();
    gateway.stop();
    (key, intent)
}

fn events(gateway: &Gateway, key: &str) -> Value {
    gateway.client_with(key).get("/events?limit=100")["data"].clone()
}

#[test]
fn everything_is_there_afterwards_and_goes_on() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let (key, intent) = embedded(folder.path());
    let told = run_embedded(folder.path(), &["verify", "--data", "data"]);
    let before = Gateway::start(folder.path(), &[]);
    let events_before = events(&before, &key);
    before.stop();

    let moved = run_json(folder.path(), database.url(), &["migrate", "--from", "data"]);
    assert_eq!((&moved["same"], &moved["store"], &moved["from"]), (&true.into(), &"postgres".into(), &"data".into()));
    assert_eq!((&moved["copy"], &moved["source"]), (&told, &told));
    assert_eq!((&moved["rows"]["escrows"], &moved["rows"]["keys"]), (&2.into(), &1.into()), "{moved}");

    let secret = moved["secret_file"].as_str().expect("a file");
    assert_eq!(secret, "data/secret.key");
    let gateway = start(folder.path(), database.url(), &["--secret-file", secret, "--settlement-delay", "1d"]);
    assert!(gateway.announced["test_key"].is_null());
    assert_eq!(events(&gateway, &key), events_before, "to the byte");
    let client = gateway.client_with(&key);
    let milestones = client.get(&format!("/payment-intents/{intent}/escrow/milestones"));
    let milestone = milestones["data"][0]["id"].as_str().expect("an id");
    let path = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    let (is_replay, _) = client.post_keyed(&path, "complete-0", &json!({"completedBy": "a test"}));
    assert!(is_replay, "what was answered is known");
    client.post("/test-helpers/clock", &json!({"advance": 2 * 24 * 3600}));
    crate::harness::until("the jobs to go on", || (client.status(&intent) == "SETTLED").then_some(()));
    assert_eq!(run_json(folder.path(), database.url(), &["verify"])["ok"], true);
}

#[test]
fn people_are_told_how_to_go_on() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    embedded(folder.path());
    let said = stdout(&run(folder.path(), database.url(), &["migrate", "--from", "data"]));
    for expected in [
        "Copied data to postgres://postgres@127.0.0.1:",
        "all invariants hold",
        "milepost serve --secret-file data/secret.key",
    ] {
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_copy_is_made_only_of_a_store_at_rest_and_only_into_an_empty_database() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let (key, _) = embedded(folder.path());
    let migrate = ["migrate", "--from", "data"];
    let output = command(folder.path()).args(migrate).output().expect("milepost runs");
    assert_failed(&output, 2, "--from: name the database to copy into with --database-url");
    assert_failed(
        &run(folder.path(), database.url(), &["migrate", "--from", "nowhere"]),
        3,
        "there is no Milepost store",
    );

    let gateway = Gateway::start(folder.path(), &[]);
    assert_failed(&run(folder.path(), database.url(), &migrate), 3, "is in use by another milepost");
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").trim(),
        "0",
        "nothing was made"
    );
    gateway.stop();

    let secret = folder.path().join("data/secret.key");
    std::fs::rename(&secret, folder.path().join("elsewhere")).expect("renamed");
    assert_failed(&run(folder.path(), database.url(), &migrate), 3, "secret.key is missing");
    std::fs::rename(folder.path().join("elsewhere"), &secret).expect("renamed");

    assert!(run(folder.path(), database.url(), &migrate).status.success());
    assert_failed(&run(folder.path(), database.url(), &migrate), 2, "is not empty; copy into a new one");
    let gateway = start(folder.path(), database.url(), &[]);
    gateway.client_with(&key).create_intent();
}
