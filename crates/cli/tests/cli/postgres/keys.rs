//! `milepost keys` on a database.

use super::{run_json, start, store};
use crate::harness::{folder, until};

#[test]
fn keys_are_made_and_revoked_while_gateways_run() {
    let Some(database) = store() else { return };
    let folder = folder();
    let gateway = start(folder.path(), database.url(), &[]);
    let keys = |args: &[&str]| run_json(folder.path(), database.url(), &[&["keys", "--data", "data"], args].concat());
    let first = keys(&["create", "--merchant", "Example Builders", "--mode", "test"]);
    let text = |value: &serde_json::Value, name: &str| value[name].as_str().expect(name).to_owned();
    let answer = |key: &str| gateway.client_with(key).try_get("/payment-intents").0;
    assert_eq!(answer(&text(&first, "secret")), 200);
    let second = keys(&["roll", &text(&first, "id"), "--grace", "1h"]);
    assert_eq!([answer(&text(&first, "secret")), answer(&text(&second, "secret"))], [200, 200]);
    keys(&["revoke", &text(&second, "id")]);
    until("the key to stop working", || (answer(&text(&second, "secret")) == 403).then_some(()));
    assert_eq!(keys(&["list"])["data"].as_array().expect("a list").len(), 3);
}
