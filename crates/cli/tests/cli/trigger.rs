//! Events that are made to happen.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, Gateway, assert_failed, folder, run, run_json, stderr, stdout};

/// The key of the sandbox.
const KEY: &str = "sk_test_development";

/// A gateway, and whoever triggers events on it.
struct World {
    folder: TempDir,
    gateway: Gateway,
    admin_key: String,
}

impl World {
    fn new() -> World {
        let folder = folder();
        let made = run_json(folder.path(), &["keys", "create", "--mode", "admin", "--data", "data"]);
        let admin_key = made["secret"].as_str().expect("a key").to_owned();
        let gateway = Gateway::start(folder.path(), &["--test-key", KEY]);
        World { folder, gateway, admin_key }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn args<'a>(&'a self, args: &[&'a str], key: &'a str) -> Vec<&'a str> {
        let api = self.gateway.announced["listening"].as_str().expect("an address");
        [&["trigger"], args, &["--api", api, "--key", key]].concat()
    }

    /// Triggers an event, which must happen.
    fn trigger(&self, args: &[&str]) -> Value {
        run_json(self.path(), &self.args(args, KEY))
    }

    /// The intent that is made for an event.
    fn made_by(&self, kind: &str) -> String {
        self.trigger(&[kind])["paymentIntentId"].as_str().expect("an intent").to_owned()
    }

    /// Triggers an event of an intent, which must happen.
    fn trigger_on(&self, intent: &str, kind: &str) -> Value {
        let answer = self.trigger(&[kind, "--payment-intent", intent]);
        assert_eq!(answer["paymentIntentId"], intent);
        answer
    }

    /// Tries to trigger an event of an intent, which must be refused.
    #[track_caller]
    fn refuses_on(&self, intent: &str, kind: &str, why: &str) {
        let output = run(self.path(), self.args(&[kind, "--payment-intent", intent], KEY));
        assert_failed(&output, 1, why);
    }

    /// An intent over 100.00 USDC with these fields as well.
    fn intent(&self, more: &Value) -> String {
        let mut body = json!({
            "amount": "100.00", "currency": "USDC", "type": "DELIVERY_VS_PAYMENT", "settlementMethod": "OFF_RAMP_MOCK",
            "settlementDestination": "bank_account_123",
        });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        self.client().post("/payment-intents", &body)["id"].as_str().expect("an id").to_owned()
    }

    fn client(&self) -> Client {
        self.gateway.client_with(KEY)
    }
}

/// The types of what was caused, in its order.
fn types(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().expect("events").iter();
    events.map(|event| event["type"].as_str().expect("a type")).collect()
}

#[test]
fn every_type_can_be_triggered_and_is_found_among_the_events() {
    let world = World::new();
    let all = run_json(world.path(), &["trigger", "--list"]);
    let all = all["data"].as_array().expect("types");
    assert!(all.len() > 30, "{all:?}");
    for entry in all {
        let kind = entry["type"].as_str().expect("a type");
        let (key, client) = match kind {
            "merchant.created" => (world.admin_key.as_str(), world.gateway.client_with(&world.admin_key)),
            _ => (KEY, world.client()),
        };
        let answer = run_json(world.path(), &world.args(&[kind], key));
        assert_eq!((&answer["type"], &answer["event"]["type"]), (&json!(kind), &json!(kind)), "{answer}");
        let id = answer["event"]["id"].as_str().expect("an id");
        let served = client.get(&format!("/events/{id}"));
        assert_eq!(served, answer["event"], "{kind}");
        let listed = client.get(&format!("/events?type={kind}&limit=100"));
        let is_listed = listed["data"].as_array().expect("a list").contains(&answer["event"]);
        assert!(is_listed, "{kind}: {listed}");
        let moved = answer["clockAdvancedBySeconds"].as_i64().expect("seconds");
        assert!(moved == 0 || entry["mayMoveClock"] == true, "{kind} moved the clock by {moved} s");
    }
    world.gateway.stop();
}

#[test]
fn an_intent_that_is_named_goes_on_from_where_it_is() {
    let world = World::new();
    let intent = world.made_by("milestone.created");
    let completed = world.trigger_on(&intent, "milestone.completed");
    assert_eq!(completed["done"], json!(["completed milestone 0"]));
    let (first, last) = (types(&completed)[0], types(&completed).last().copied());
    assert_eq!(
        (first, last),
        ("payment_intent.status_changed", Some("milestone.released")),
        "what was before is not caused"
    );
    assert_eq!(completed["event"]["data"]["object"]["milestoneIndex"], 0);

    let settled = world.trigger_on(&intent, "payment_intent.settled");
    assert_eq!((types(&settled)[0], types(&settled).last()), ("milestone.completed", Some(&"payment_intent.settled")));
    let moved = settled["clockAdvancedBySeconds"].as_i64().expect("seconds");
    assert!((1..=12).contains(&moved), "no further than the settlements are away: {moved} s");
    assert_eq!(world.client().status(&intent), "SETTLED");
    let returned = world.trigger_on(&intent, "payment_intent.status_changed");
    assert_eq!(returned["event"]["data"]["previous_attributes"], json!({"status": "SETTLED"}));
    let again = world.trigger_on(&intent, "payment_intent.settlement_completed");
    assert_eq!(types(&again)[0], "settlement.retried", "{again}");
    assert_eq!(world.client().status(&intent), "SETTLED");
}

#[test]
fn what_was_agreed_about_an_intent_is_kept_to() {
    let world = World::new();
    let oracle = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";
    let proven =
        world.intent(&json!({"expectedDeliveryHash": format!("0x{}", "ab".repeat(32)), "deliveryOracle": oracle}));
    let proof = world.trigger_on(&proven, "delivery_proof.submitted");
    assert_eq!(proof["event"]["data"]["object"]["submittedBy"], oracle);

    let now_s = world.client().get("/test-helpers/clock")["data"]["now"].as_i64().expect("seconds");
    let locked =
        world.intent(&json!({"releaseType": "TIME_LOCKED", "timeLockUntil": now_s + 3600, "requireDelivery": true}));
    let opened = world.trigger_on(&locked, "time_lock.released");
    let moved = opened["clockAdvancedBySeconds"].as_i64().expect("seconds");
    assert!((1..=3600).contains(&moved), "no further than the lock is away: {moved} s");
    assert!(types(&opened).contains(&"escrow_order.shipped"), "{opened}");

    let milestones = json!([{"milestoneIndex": 3, "amount": "30"}, {"milestoneIndex": 4, "amount": "20"}]);
    let approved =
        world.intent(&json!({"releaseType": "MILESTONE_LOCKED", "requireApproval": true, "milestones": milestones}));
    let released = world.trigger_on(&approved, "escrow_order.released");
    let approvals = types(&released).iter().filter(|kind| **kind == "milestone.approved").count();
    assert_eq!(approvals, 3, "two that are there, and one for the rest: {released}");

    let pulled = world.intent(&json!({"type": "CONSENTED_PULL"}));
    let settled = world.trigger_on(&pulled, "payment_intent.settled");
    assert_eq!(settled["done"][0], "had the simulated payer pay");
}

#[test]
fn what_cannot_happen_to_an_intent_is_refused_with_the_reason() {
    let world = World::new();
    let paid = world.made_by("payment_intent.succeeded");
    let canceled = world.made_by("payment_intent.canceled");
    let settled = world.made_by("payment_intent.settled");
    let disputed = world.made_by("dispute.raised");
    let by_milestones = world.made_by("milestone.created");
    let pulled = world.intent(&json!({"type": "CONSENTED_PULL"}));
    let by_card = world.made_by("refund.failed");
    let unknown = "intent_03526TvXS1xjZkAOIdxNZ8";
    let client = world.client();
    let all = || client.get("/events?limit=1");
    let before = all();
    for (intent, kind, why) in [
        (&paid, "payment_intent.succeeded", "which is SUCCEEDED: it is paid already"),
        (&paid, "payment_intent.payment_failed", "no payment of it is under way, and none can be"),
        (&paid, "milestone.completed", "its releaseType is DELIVERY_PROOF, and not MILESTONE_LOCKED"),
        (&paid, "time_lock.released", "its releaseType is DELIVERY_PROOF, and not TIME_LOCKED"),
        (&paid, "refund.failed", "not by the test card 4000000000005126"),
        (&canceled, "payment_intent.succeeded", "which is CANCELED: it was given up"),
        (&canceled, "payment_intent.status_changed", "it stays so for ever"),
        (&canceled, "payment_intent.canceled", "Cannot cancel payment intent in status: CANCELED"),
        (&settled, "payment_intent.settled", "which is SETTLED: there is nothing left to pay out"),
        (&settled, "escrow_order.released", "nothing of it is held any more"),
        (&settled, "payment_intent.settlement_initiated", "nothing of it is held any more"),
        (&disputed, "payment_intent.settled", "it is disputed, and what it holds moves by the resolution"),
        (&by_milestones, "delivery_proof.submitted", "its milestones are completed one by one, without a proof"),
        (&by_milestones, "milestone.approved", "released as soon as they are completed (autoRelease)"),
        (&by_milestones, "milestone.created", "there is no room in it for another milestone"),
        (&pulled, "escrow_order.funded", "its type is CONSENTED_PULL, which has no escrow order"),
        (&by_card, "payment_intent.refunded", "the test card that takes no refunds"),
        (&unknown.to_owned(), "dispute.raised", "No such payment intent"),
    ] {
        world.refuses_on(intent, kind, why);
    }
    assert_eq!(all(), before, "nothing was done");
}

#[test]
fn wrong_use_is_told_before_anything_is_asked() {
    let folder = folder();
    let intent = "intent_03526TvXS1xjZkAOIdxNZ8";
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let nowhere = ["--api", &format!("http://{free}")];
    let named = ["--payment-intent", intent];
    for (key, args, complaint) in [
        (KEY, &["milestone.complete"][..], "no event \"milestone.complete\". Did you mean milestone.completed?"),
        (KEY, &["nonsense"], "`milepost trigger --list` shows all there are"),
        (KEY, &[], "TYPE"),
        (KEY, &["payment_intent.created", named[0], named[1]], "it happens once, when an intent is created"),
        (KEY, &["api_key.rolled", named[0], named[1]], "it is about API keys, and not about a payment intent"),
        (KEY, &["milestone.completed", "--payment-intent", "../clock"], "expected an id that starts with \"intent_\""),
        (KEY, &["merchant.created"], "only the operator makes it happen, with an admin key"),
        ("sk_live_abcdefgh", &["merchant.created"], "only the operator makes it happen, with an admin key"),
        (
            "sk_live_abcdefgh",
            &["milestone.completed"],
            "--key: cannot trigger milestone.completed: it is made to happen in a sandbox",
        ),
        ("sk_admin_abcdefgh", &["api_key.created"], "with a key sk_test_… or sk_hackathon_…"),
        ("sk_test_short", &["milestone.completed"], "--key: an API key looks like"),
        ("", &["milestone.completed"], "this needs an API key"),
    ] {
        let output = run(folder.path(), [&["trigger"], args, &nowhere, &["--key", key]].concat());
        assert_failed(&output, 2, complaint);
    }
    let output = run(folder.path(), ["trigger", "milestone.completed", nowhere[0], nowhere[1], "--key", KEY]);
    assert_failed(&output, 3, &format!("no gateway answers at http://{free}"));
}

#[test]
fn people_see_what_was_done_and_the_wanted_event_marked() {
    let world = World::new();
    let output = run(world.path(), world.args(&["payment_intent.settled"], KEY));
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stdout(&output);
    let marked: Vec<&str> = said.lines().filter(|line| line.starts_with('→')).collect();
    assert!(
        matches!(marked[..], [line] if line.contains("payment_intent.settled") && line.contains(" evt_")),
        "{said}"
    );
    assert!(said.lines().any(|line| line == "  proved the delivery"), "{said}");
    assert!(said.contains("s further than it was, and stays so."), "{said}");

    let listed = stdout(&run(world.path(), ["trigger", "--list"]));
    let line = listed.lines().find(|line| line.starts_with("payment_intent.settled ")).expect("it is listed");
    assert!(line.contains("releases everything, and has it paid out") && line.ends_with("may be moved"), "{line}");
}
