//! The process dies at the worst moment.

use crate::harness::{Gateway, folder, run_json, until};

#[test]
fn what_was_released_before_a_kill_is_settled_after_it() {
    let folder = folder();
    let args = ["--settlement-delay", "2s", "--test-key", "sk_test_development"];
    let mut killed = Gateway::start(folder.path(), &args);
    let client = killed.client();
    let intent = client.create_intent();
    let milestone = client.create_milestone(&intent, 0, "1000.00");
    client.complete(&intent, &milestone);
    let scheduled = client.escrow(&intent)["settlements"][0].clone();
    killed.signal("KILL");
    assert_eq!(killed.wait().code(), None, "it had no time to clean up");
    assert_eq!(scheduled["status"], "SCHEDULED", "it was killed between release and settlement");

    let gateway = Gateway::start(folder.path(), &args);
    let client = gateway.client();
    let settled = until("the settlement", || {
        let settlement = client.escrow(&intent)["settlements"][0].clone();
        (settlement["status"] == "CONFIRMED").then_some(settlement)
    });
    assert_eq!((&settled["id"], &settled["amount"]), (&scheduled["id"], &"1000.00".into()));
    assert_eq!(client.status(&intent), "SETTLED");
    gateway.stop();
    let report = run_json(folder.path(), &["verify", "--data", "data"]);
    assert_eq!((&report["ok"], &report["settlements"]), (&true.into(), &1.into()));
}
