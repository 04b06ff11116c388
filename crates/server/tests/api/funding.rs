//! The simulated payer, at the merchant's wish: pays too little, too much, twice or too late, or fails to.

use serde_json::{Value, json};

use crate::wallet::Wallet;
use crate::world::World;

fn path(intent: &str) -> String {
    format!("/payment-intents/{intent}")
}

async fn fund(world: &World, intent: &str, body: Value) -> Value {
    world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), body).await.ok(200)
}

async fn fail(world: &World, intent: &str, body: Value) -> crate::world::Reply {
    world.post(&format!("/test-helpers/payment-intents/{intent}/fail"), body).await
}

/// What the ledger tells, oldest first, once it has so many entries.
async fn ledger(world: &World, entries: usize) -> Vec<(String, String)> {
    let is_full = |list: &Value| list["data"].as_array().is_some_and(|list| list.len() == entries);
    let list = world.advance_until(0, "/account/ledger-entries?limit=100", is_full).await;
    let entry = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().expect("a text");
        // Without the id of the refund at the end.
        let description = text("description").split(" as ").next().unwrap_or_default().to_owned();
        (text("transactionType").to_owned(), description)
    };
    list["data"].as_array().expect("a list").iter().rev().map(entry).collect()
}

fn told(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned())).collect()
}

async fn amounts(world: &World, intent: &str) -> [Value; 3] {
    let order = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    ["fundedAmount", "heldAmount", "refundedAmount"].map(|name| order["data"][name].clone())
}

const FUNDED: (&str, &str) = ("CREDIT", "1000.00 USDC paid in (sandbox) and held in escrow");

#[tokio::test(start_paused = true)]
async fn too_little_is_sent_back() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let short = fund(&world, &intent, json!({"amount": "999.999999"})).await;
    assert_eq!(short["status"], "INITIATED");
    assert_eq!(amounts(&world, &intent).await, ["0.00", "0.00", "0.00"]);
    let entries = [
        ("CREDIT", "999.999999 USDC came in (sandbox) without a purpose, to be sent back"),
        ("DEBIT", "999.999999 USDC sent back (sandbox)"),
    ];
    assert_eq!(ledger(&world, 2).await, told(&entries));
    assert_eq!(fund(&world, &intent, json!({"amount": "1000"})).await["status"], "SUCCEEDED");
    assert_eq!(amounts(&world, &intent).await, ["1000.00", "1000.00", "0.00"]);
    assert_eq!(ledger(&world, 3).await[2], told(&[FUNDED])[0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_is_sent_back() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    assert_eq!(fund(&world, &intent, json!({"amount": "1000.01"})).await["status"], "SUCCEEDED");
    assert_eq!(amounts(&world, &intent).await, ["1000.00", "1000.00", "0.00"]);
    let entries = [
        ("CREDIT", "0.01 USDC came in (sandbox) without a purpose, to be sent back"),
        FUNDED,
        ("DEBIT", "0.01 USDC sent back (sandbox)"),
    ];
    assert_eq!(ledger(&world, 3).await, told(&entries));
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_is_sent_back() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    fund(&world, &intent, Value::Null).await;
    assert_eq!(fund(&world, &intent, json!({"amount": "1"})).await["status"], "SUCCEEDED");
    assert_eq!(amounts(&world, &intent).await, ["1000.00", "1000.00", "0.00"]);
    let entries = [
        FUNDED,
        ("CREDIT", "1.00 USDC came in (sandbox) without a purpose, to be sent back"),
        ("DEBIT", "1.00 USDC sent back (sandbox)"),
    ];
    assert_eq!(ledger(&world, 3).await, told(&entries));
    let balance = world.get("/account/balance").await.ok(200);
    assert_eq!(balance["data"]["pendingBalance"], "1000.00");
}

#[tokio::test(start_paused = true)]
async fn what_comes_after_a_cancellation_is_sent_back() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    world.post(&format!("{}/confirm", path(&intent)), wallet.consent(&world, &intent).await).await.ok(200);
    let canceled = world.post(&format!("{}/cancel", path(&intent)), Value::Null).await.ok(200);
    assert_eq!(canceled["status"], "CANCELED");
    world.host.advance(::escrow::Span::from_seconds(10));
    let entries = [
        ("CREDIT", "1000.00 USDC came in (sandbox) without a purpose, to be sent back"),
        ("DEBIT", "1000.00 USDC sent back (sandbox)"),
    ];
    assert_eq!(ledger(&world, 2).await, told(&entries));
    assert_eq!(world.get(&path(&intent)).await.ok(200)["status"], "CANCELED");
    assert_eq!(amounts(&world, &intent).await, ["0.00", "0.00", "0.00"]);
}

#[tokio::test(start_paused = true)]
async fn funding_finishes_a_payment_under_way() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    world.post(&format!("{}/confirm", path(&intent)), wallet.consent(&world, &intent).await).await.ok(200);
    let funded = fund(&world, &intent, Value::Null).await;
    assert_eq!(funded["status"], "SUCCEEDED");
    assert_eq!(funded["data"]["signerAddress"], json!(wallet.address()));
    world.host.advance(::escrow::Span::from_seconds(60));
    assert_eq!(ledger(&world, 1).await, told(&[FUNDED]), "and it does not come again");
}

#[tokio::test(start_paused = true)]
async fn amounts_that_cannot_be_paid() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let before = world.everything().await;
    for (amount, why) in [
        (json!("0"), "greater than zero"),
        (json!("-1"), "sign"),
        (json!(5), "must be a decimal string"),
        (json!("0.0000001"), "at most 6 decimals for USDC"),
    ] {
        let reply =
            world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), json!({"amount": amount})).await;
        reply.refused(400, "invalid_request", why, "amount");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_failed_payment_is_made_again() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let confirm = format!("{}/confirm", path(&intent));
    for (body, reason) in
        [(json!({"reason": "out of gas"}), "out of gas"), (Value::Null, "The simulated payment failed")]
    {
        let confirmed = world.post(&confirm, wallet.consent(&world, &intent).await).await.ok(200);
        assert_eq!((&confirmed["status"], &confirmed["data"]["failureReason"]), (&json!("PROCESSING"), &Value::Null));
        let failed = fail(&world, &intent, body).await.ok(200);
        assert_eq!(failed["status"], "REQUIRES_ACTION");
        assert_eq!(failed["data"]["failureReason"], reason);
        assert_eq!(failed["data"]["phases"][1]["phase"], "BLOCKCHAIN_CONFIRMATION");
        assert_eq!(failed["data"]["phases"][1]["status"], "FAILED");
        let public = world.get(&format!("/payment-intents/public/{intent}")).await.ok(200);
        assert_eq!(public["data"]["failureReason"], reason);
    }
    assert_eq!(world.get("/account/ledger-entries").await.ok(200)["data"], json!([]));
    world.post(&confirm, wallet.consent(&world, &intent).await).await.ok(200);
    let paid = world.advance_until(10, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
    assert_eq!(paid["data"]["failureReason"], Value::Null);
    assert_eq!(ledger(&world, 1).await, told(&[FUNDED]));
}

#[tokio::test(start_paused = true)]
async fn only_a_payment_under_way_fails() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let status = "Cannot fail payment intent in status";
    let refusal = |status_now: &str| format!("{status}: {status_now}");
    fail(&world, &intent, Value::Null).await.refused(400, "invalid_state_transition", &refusal("INITIATED"), "");
    fund(&world, &intent, Value::Null).await;
    fail(&world, &intent, Value::Null).await.refused(400, "invalid_state_transition", &refusal("SUCCEEDED"), "");
    for (reason, why) in [(json!(" "), "must not be empty"), (json!(7), "must be a string")] {
        fail(&world, &intent, json!({"reason": reason})).await.refused(400, "invalid_request", why, "reason");
    }
}

#[tokio::test(start_paused = true)]
async fn events_tell_it_in_order() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    let confirm = format!("{}/confirm", path(&intent));
    let hash = json!({"transactionHash": format!("0x{}", "ab".repeat(32))});
    world.post(&format!("/payment-intents/public/{intent}/transaction-hash"), hash).await.ok(200);
    world.post(&confirm, wallet.consent(&world, &intent).await).await.ok(200);
    fail(&world, &intent, json!({"reason": "reverted"})).await.ok(200);
    world.post(&confirm, wallet.consent(&world, &intent).await).await.ok(200);
    world.advance_until(10, &path(&intent), |intent| intent["status"] == "SUCCEEDED").await;
    fund(&world, &intent, json!({"amount": "5"})).await;
    ledger(&world, 3).await;

    let events = world.events().await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let object = &event["data"]["object"];
            (event["type"].as_str().expect("a type"), object["status"].as_str().expect("a status"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("payment_intent.created", "INITIATED"),
            ("escrow_order.created", "PENDING"),
            ("payment_intent.status_changed", "REQUIRES_SIGNATURE"),
            ("payment_intent.blockchain_tx_submitted", "REQUIRES_SIGNATURE"),
            ("payment_intent.status_changed", "PROCESSING"),
            ("payment_intent.blockchain_tx_submitted", "PROCESSING"),
            ("payment_intent.status_changed", "REQUIRES_ACTION"),
            ("payment_intent.payment_failed", "REQUIRES_ACTION"),
            ("payment_intent.status_changed", "PROCESSING"),
            ("payment_intent.blockchain_tx_submitted", "PROCESSING"),
            ("payment_intent.blockchain_tx_confirmed", "SUCCEEDED"),
            ("payment_intent.status_changed", "SUCCEEDED"),
            ("payment_intent.succeeded", "SUCCEEDED"),
            ("escrow_order.funded", "PENDING"),
            ("payment_intent.payment_unapplied", "PENDING"),
            ("payment_intent.payment_returned", "SUCCEEDED"),
        ]
    );
    assert_eq!(events[4]["data"]["previous_attributes"], json!({"status": "REQUIRES_SIGNATURE"}));
    assert_eq!(events[7]["data"]["object"]["failureReason"], "reverted");
    for (place, is_simulated) in [(5, false), (10, true), (13, true), (14, true)] {
        assert_eq!(events[place]["data"].get("simulated"), is_simulated.then_some(&json!(true)), "event {place}");
    }
    let unapplied = &events[14]["data"]["object"];
    assert_eq!((&unapplied["object"], &unapplied["amount"]), (&json!("refund"), &json!("5.00")));
    assert_eq!(unapplied["unappliedReason"], "double");
    let sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().expect("a number")).collect();
    assert_eq!(sequences, (1..=16).collect::<Vec<_>>());
}
