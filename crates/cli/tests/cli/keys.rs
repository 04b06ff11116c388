//! `milepost keys`.

use std::path::Path;

use serde_json::Value::{self, Null};

use crate::harness::{Gateway, assert_failed, folder, run, run_json, stdout};

fn keys(folder: &Path, args: &[&str]) -> Value {
    run_json(folder, &[&["keys", "--data", "data"], args].concat())
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().expect(name).to_owned()
}

/// What a gateway on this store answers to a request with this key.
fn answer(folder: &Path, key: &str) -> u16 {
    let gateway = Gateway::start(folder, &[]);
    let (status, _) = gateway.client_with(key).try_get("/payment-intents");
    gateway.stop();
    status
}

#[test]
fn a_key_lives_from_creation_through_rolling_to_revocation() {
    let folder = folder();
    let first =
        keys(folder.path(), &["create", "--merchant", "Example Builders", "--mode", "test", "--expires", "90d"]);
    let (first_id, first_secret) = (text(&first, "id"), text(&first, "secret"));
    assert_eq!((text(&first, "merchant"), text(&first, "kind")), ("Example Builders".into(), "test".into()));
    assert_eq!(answer(folder.path(), &first_secret), 200);

    let second = keys(folder.path(), &["roll", &first_id, "--grace", "1h"]);
    let (second_id, second_secret) = (text(&second, "id"), text(&second, "secret"));
    assert_eq!(second["merchantId"], first["merchantId"], "the holder is the same");
    assert!(second["expiresAt"].is_string(), "the lifetime is too");
    assert_eq!(answer(folder.path(), &first_secret), 200, "within the grace");
    assert_eq!(answer(folder.path(), &second_secret), 200);

    keys(folder.path(), &["roll", &second_id, "--grace", "0s"]);
    assert_eq!(answer(folder.path(), &second_secret), 403, "there was no grace");

    assert_eq!(keys(folder.path(), &["revoke", &first_id])["state"], "revoked");
    assert_eq!(keys(folder.path(), &["revoke", &first_id])["state"], "revoked", "once more changes nothing");
    assert_eq!(answer(folder.path(), &first_secret), 403);

    let listed = keys(folder.path(), &["list"]);
    let states: Vec<String> = listed["data"].as_array().expect("a list").iter().map(|key| text(key, "state")).collect();
    assert_eq!(states, ["revoked", "expired", "active"]);
    assert!(!listed.to_string().contains(&first_secret), "no secret is shown twice");
    assert_failed(&run(folder.path(), ["keys", "roll", &first_id, "--data", "data"]), 1, "is revoked");
}

#[test]
fn an_operators_key_lives_as_a_merchants_does_and_acts_for_none() {
    let folder = folder();
    let first = keys(folder.path(), &["create", "--mode", "admin", "--expires", "90d"]);
    let (first_id, first_secret) = (text(&first, "id"), text(&first, "secret"));
    assert!(first_secret.starts_with("sk_admin_"), "{first}");
    assert_eq!((text(&first, "kind"), &first["merchant"], &first["merchantId"]), ("admin".into(), &Null, &Null));
    let gateway = Gateway::start(folder.path(), &[]);
    let (status, refusal) = gateway.client_with(&first_secret).try_get("/payment-intents");
    gateway.stop();
    let message = text(&refusal["error"], "message");
    assert!(status == 403 && message.contains("An admin key acts for no merchant"), "the key is known: {refusal}");

    let second = keys(folder.path(), &["roll", &first_id, "--grace", "1h"]);
    assert!(text(&second, "secret").starts_with("sk_admin_"), "{second}");
    assert_eq!((&second["merchantId"], text(&second["replaced"], "id")), (&Null, first_id.clone()));
    assert_eq!(keys(folder.path(), &["revoke", &first_id])["state"], "revoked");
    let listed = keys(folder.path(), &["list"]);
    let shown: Vec<_> = listed["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| (text(key, "kind"), key["merchant"].clone(), text(key, "state")))
        .collect();
    assert_eq!(shown, [("admin".into(), Null, "revoked".into()), ("admin".into(), Null, "active".into())]);
    let table = stdout(&run(folder.path(), ["keys", "list", "--data", "data"]));
    assert_eq!(table.matches("(operator)").count(), 2, "{table}");
}

#[test]
fn a_key_does_what_its_scopes_allow_and_one_in_its_place_no_more() {
    let folder = folder();
    let scopes = "payment_intents:read, account:write";
    let made =
        keys(folder.path(), &["create", "--merchant", "A", "--mode", "test", "--scopes", scopes, "--name", "shop"]);
    assert_eq!(
        (&made["scopes"], text(&made, "name")),
        (&serde_json::json!(["payment_intents:read", "account:write"]), "shop".into())
    );
    let rolled = keys(folder.path(), &["roll", &text(&made, "id")]);
    assert_eq!((&rolled["scopes"], &rolled["name"]), (&made["scopes"], &made["name"]));
    let gateway = Gateway::start(folder.path(), &[]);
    for secret in [text(&made, "secret"), text(&rolled, "secret")] {
        let client = gateway.client_with(&secret);
        let status = |path| client.try_get(path).0;
        assert_eq!([status("/payment-intents"), status("/account/balance"), status("/settlements")], [200, 200, 403]);
    }
    gateway.stop();
    let listed = keys(folder.path(), &["list"]);
    assert!(listed["data"][1]["lastUsedAt"].is_string(), "{listed}");
}

#[test]
fn merchants_of_one_name_are_one() {
    let folder = folder();
    let ids: Vec<String> = ["test", "hackathon", "live"]
        .map(|mode| text(&keys(folder.path(), &["create", "--merchant", "Acme", "--mode", mode]), "merchantId"))
        .to_vec();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn the_list_for_people_is_aligned() {
    let folder = folder();
    for merchant in ["A", "A much longer name"] {
        keys(folder.path(), &["create", "--merchant", merchant, "--mode", "test"]);
    }
    let text = stdout(&run(folder.path(), ["keys", "list", "--data", "data"]));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    let column = lines[0].find("state").expect("a heading");
    assert!(lines[1..].iter().all(|line| line.get(column..) == Some("active")), "{text}");
}

#[test]
fn keys_are_refused_for_what_is_wrong() {
    let folder = folder();
    let unknown = "key_01KAPVV2QxkVfoWo4sJ3uB";
    keys(folder.path(), &["create", "--merchant", "A", "--mode", "test"]);
    let run = |args: &[&str]| run(folder.path(), [&["keys", "--data", "data"], args].concat());
    assert_failed(&run(&["revoke", unknown]), 1, "there is no such API key");
    assert_failed(&run(&["revoke", "intent_01KAPVV2QxkVfoWo4sJ3uB"]), 2, "key_");
    assert_failed(
        &run(&["create", "--merchant", "A", "--mode", "admin"]),
        2,
        "an admin key acts for no merchant; leave it out",
    );
    assert_failed(&run(&["create", "--mode", "live"]), 2, "--merchant: name the merchant that the key acts for");
    assert_failed(&run(&["create", "--mode", "root"]), 2, "[possible values: test, hackathon, live, admin]");
    assert_failed(&run(&["create", "--mode", "admin", "--scopes", "escrow:read"]), 2, "an admin key is not limited");
    assert_failed(&run(&["create", "--merchant", "A\u{1b}[2J", "--mode", "test"]), 2, "control characters");
    assert_failed(
        &run(&["create", "--merchant", "A", "--mode", "test", "--scopes", "read"]),
        2,
        "a scope looks like escrow:read",
    );
    assert_failed(&run(&["create", "--merchant", "A", "--mode", "test", "--expires", "soon"]), 2, "length of time");
}

#[test]
fn a_running_gateway_lets_its_keys_be_listed_but_not_changed() {
    let folder = folder();
    let _gateway = Gateway::start(folder.path(), &[]);
    let listed = keys(folder.path(), &["list"]);
    let id = text(&listed["data"][0], "id");
    for args in [&["create", "--merchant", "A", "--mode", "test"][..], &["roll", &id], &["revoke", &id]] {
        let output = run(folder.path(), [&["keys", "--data", "data"], args].concat());
        assert_failed(&output, 3, "is in use by another milepost");
    }
    assert_eq!(keys(folder.path(), &["list"]), listed);
}

#[test]
fn only_creating_a_key_makes_a_store_and_it_says_so() {
    let folder = folder();
    let id = "key_01KAPVV2QxkVfoWo4sJ3uB";
    for args in [&["list"][..], &["roll", id], &["revoke", id]] {
        let output = run(folder.path(), [&["keys", "--data", "data"], args].concat());
        assert_failed(&output, 3, "there is no Milepost store in data");
        assert!(!folder.path().join("data").exists(), "{args:?}");
    }
    for is_new in [true, false] {
        let output = run(folder.path(), ["keys", "--data", "data", "create", "--merchant", "A", "--mode", "test"]);
        assert!(output.status.success());
        assert_eq!(stdout(&output).starts_with("Made a new store in data.\n"), is_new, "{}", stdout(&output));
    }
}
