//! `milepost serve` on a database.

use cluster::Database;

use super::{environment, run, run_json, start, store};
use crate::harness::{Gateway, assert_failed, folder, until};

#[test]
fn any_request_goes_to_any_gateway_and_the_store_can_be_checked_meanwhile() {
    let Some(database) = store() else { return };
    let folder = folder();
    let args = ["--settlement-delay", "100ms"];
    let first = start(folder.path(), database.url(), &args);
    assert_eq!(first.announced["store"], "postgres");
    let key = first.announced["test_key"].as_str().expect("a key").to_owned();
    let second = start(folder.path(), database.url(), &args);
    assert!(second.announced["test_key"].is_null(), "it was shown by the first");

    let clients = [first.client(), second.client_with(&key)];
    let intent = clients[0].create_intent();
    let shares = ["300.00", "500.00", "200.00"];
    let milestones: Vec<String> =
        (0..).zip(shares).map(|(index, amount)| clients[1].create_milestone(&intent, index, amount)).collect();
    for (milestone, client) in milestones.iter().zip(clients.iter().cycle()) {
        client.complete(&intent, milestone);
    }
    until("the intent to be settled", || (clients[0].status(&intent) == "SETTLED").then_some(()));
    assert_eq!(clients[1].status(&intent), "SETTLED");
    let report = run_json(folder.path(), database.url(), &["verify"]);
    assert_eq!((&report["ok"], &report["settlements"]), (&true.into(), &3.into()), "{report}");
    first.stop();
    clients[1].create_intent();
    second.stop();
    assert_eq!(run_json(folder.path(), database.url(), &["verify"])["escrows"], 2);
}

#[test]
fn gateways_that_start_at_once_on_an_empty_database_make_one_merchant_with_one_key() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let begun: Vec<Gateway> =
        (0..4).map(|_| Gateway::begin(&environment(database.url()), folder.path(), &["--migrate"])).collect();
    let gateways: Vec<Gateway> =
        begun.into_iter().map(|gateway| gateway.announce().unwrap_or_else(|end| panic!("{end:?}"))).collect();
    let keys: Vec<&str> = gateways.iter().filter_map(|gateway| gateway.announced["test_key"].as_str()).collect();
    assert_eq!(keys.len(), 1, "one of them shows the key");
    for gateway in &gateways {
        gateway.client_with(keys[0]).create_intent();
    }
    let listed = run_json(folder.path(), database.url(), &["keys", "list"]);
    let listed = listed["data"].as_array().expect("a list");
    assert_eq!((listed.len(), &listed[0]["merchant"]), (1, &"Sandbox".into()));
    assert_eq!(database.sql("SELECT count(*) FROM merchants").trim(), "1");
}

#[test]
fn gateways_that_start_at_once_with_a_key_of_somebodys_choice_add_it_once() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let args = ["--migrate", "--test-key", "sk_test_development"];
    let begun: Vec<Gateway> =
        (0..3).map(|_| Gateway::begin(&environment(database.url()), folder.path(), &args)).collect();
    for gateway in begun {
        let gateway = gateway.announce().unwrap_or_else(|end| panic!("{end:?}"));
        assert_eq!(gateway.announced["test_key"], "sk_test_development");
        gateway.client().create_intent();
        gateway.stop();
    }
    let listed = run_json(folder.path(), database.url(), &["keys", "list"]);
    assert_eq!(listed["data"].as_array().expect("a list").len(), 1);
    assert_eq!(run_json(folder.path(), database.url(), &["verify"])["escrows"], 3);
}

#[test]
fn a_schema_of_another_version_is_refused_with_what_to_do() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let older = "has schema version 0 and must be brought to version";
    for args in [&serve[..], &["verify"], &["keys", "list"]] {
        assert_failed(&run(folder.path(), database.url(), args), 3, older);
    }
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").trim(),
        "0",
        "nothing was made"
    );
    start(folder.path(), database.url(), &["--migrate"]).stop();
    start(folder.path(), database.url(), &[]).stop();

    database.sql("INSERT INTO milepost (version) VALUES (1000)");
    let newer = "has schema version 1000, and this milepost knows versions up to";
    for args in [&serve[..], &["serve", "--listen", "127.0.0.1:0", "--migrate"], &["migrate"], &["verify"]] {
        assert_failed(&run(folder.path(), database.url(), args), 3, newer);
    }
}

#[test]
fn a_schema_is_made_once_and_found_again() {
    let Some(database) = Database::fresh() else { return };
    let folder = folder();
    let made = run_json(folder.path(), database.url(), &["migrate"]);
    assert_eq!(made["store"], "postgres");
    assert!(made["database"].as_str().expect("an address").starts_with("postgres://postgres@127.0.0.1:"), "{made}");
    assert_eq!(run_json(folder.path(), database.url(), &["migrate"]), made);
}

#[test]
fn nothing_that_is_printed_or_logged_holds_the_password() {
    let Some(database) = store() else { return };
    let folder = folder();
    let password = password(database.url());
    let gateway = start(folder.path(), database.url(), &["--log-level", "debug"]);
    gateway.client().create_intent();
    let (said, logged) = gateway.stop_and_hear();
    assert!(!said.contains(&password) && !logged.contains(&password));
    let people = crate::harness::stdout(&run(folder.path(), database.url(), &["verify"]));
    assert!(people.starts_with("Checked postgres://postgres@127.0.0.1:") && !people.contains(&password), "{people}");
}

/// The password in an address.
fn password(url: &str) -> String {
    let (before, _) = url.split_once('@').expect("somebody");
    before.rsplit(':').next().expect("a password").to_owned()
}
