//! Settlements.

use ::escrow::Span;
use serde_json::{Value, json};

use crate::world::{LIVE, OTHER, Reply, World};

#[tokio::test(start_paused = true)]
async fn the_whole_object_on_its_way() {
    let world = World::with_fee(100).await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "1000").await;
    let complete = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    world.post(&complete, json!({"completedBy": "me"})).await.ok(200);

    let list = world.get("/settlements").await.ok(200);
    let id = list["data"][0]["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("settlement_"), "{id}");
    let mut data = json!({
        "id": id, "object": "settlement", "merchantId": list["data"][0]["merchantId"], "paymentIntentId": intent,
        "milestoneId": milestone, "amount": "990.00", "currency": "USDC", "status": "SCHEDULED",
        "settlementMethod": "OFF_RAMP_MOCK", "settlementDestination": "bank_account_123", "settlementTxId": null,
        "settlementScheduledAt": "1800000010", "executedAt": null, "confirmedAt": null, "failedAt": null,
        "failureReason": null, "retries": 0, "livemode": false,
        "createdAt": "2027-01-15T08:00:00.000Z", "updatedAt": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(list, json!({"object": "list", "data": [data], "has_more": false, "url": "/v1/settlements"}));

    let path = format!("/settlements/{id}");
    let settled = world.advance_until(10, &path, |settlement| settlement["status"] == "CONFIRMED").await;
    let reference = settled["data"]["settlementTxId"].as_str().expect("a reference").to_owned();
    assert!(reference.starts_with("simulated_"), "{reference}");
    for (name, value) in [
        ("status", json!("CONFIRMED")),
        ("settlementTxId", json!(reference)),
        ("settlementScheduledAt", Value::Null),
        ("executedAt", json!("1800000010")),
        ("confirmedAt", json!("1800000010")),
        ("updatedAt", json!("2027-01-15T08:00:10.000Z")),
    ] {
        data[name] = value;
    }
    let whole = json!({
        "id": id, "object": "settlement", "status": "CONFIRMED", "data": data, "created": 1_800_000_000,
        "updated": 1_800_000_010,
    });
    assert_eq!(settled, whole);

    let permission = "You do not have permission to access this settlement";
    world.call_as(OTHER, "GET", &path, Value::Null).await.refused(403, "forbidden", permission, "");
    let missing = format!("No such settlement: {id}");
    world.call_as(LIVE, "GET", &path, Value::Null).await.refused(404, "resource_missing", &missing, "");
    for unknown in ["settlement_0000000000000000000000", "nonsense"] {
        let reply = world.get(&format!("/settlements/{unknown}")).await;
        reply.refused(404, "resource_missing", &format!("No such settlement: {unknown}"), "");
    }
    world.get("/settlements?starting_after=x").await.refused(400, "invalid_request", "names nothing", "starting_after");
}

/// An intent over 1000.00 of which a milestone of 300.00 was released; the intent and its settlement.
async fn releasing(world: &World) -> (String, String) {
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "300").await;
    complete(world, &intent, &milestone).await;
    let list = world.get("/settlements?limit=1").await.ok(200);
    (intent, list["data"][0]["id"].as_str().expect("an id").to_owned())
}

async fn complete(world: &World, intent: &str, milestone: &str) {
    let at = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    world.post(&at, json!({"completedBy": "me"})).await.ok(200);
}

async fn fail(world: &World, settlement: &str, body: Value) -> Reply {
    world.post(&format!("/test-helpers/settlements/{settlement}/fail"), body).await
}

async fn retry(world: &World, settlement: &str) -> Reply {
    world.post(&format!("/settlements/{settlement}/retry"), Value::Null).await
}

/// Where the intent stands, and how far its settlement is.
async fn stands(world: &World, intent: &str) -> (Value, Value) {
    let intent = world.get(&format!("/payment-intents/{intent}")).await.ok(200);
    (intent["status"].clone(), intent["data"]["settlementStatus"].clone())
}

fn is(status: &str, far: &str) -> (Value, Value) {
    (json!(status), json!(far))
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_payable_again_and_tried_again() {
    let world = World::new().await;
    let (intent, id) = releasing(&world).await;
    assert_eq!(stands(&world, &intent).await, is("SUCCEEDED", "PENDING"));
    retry(&world, &id).await.refused(400, "invalid_status", "Settlement is in status: SCHEDULED", "");

    let failed = fail(&world, &id, json!({"reason": "account closed"})).await.ok(200);
    assert_eq!((&failed["object"], &failed["status"]), (&json!("settlement"), &json!("FAILED")));
    for (name, value) in [
        ("failureReason", json!("account closed")),
        ("executedAt", json!("1800000000")),
        ("failedAt", json!("1800000000")),
        ("settlementTxId", Value::Null),
        ("settlementScheduledAt", Value::Null),
        ("retries", json!(0)),
    ] {
        assert_eq!(failed["data"][name], value, "{name}");
    }
    assert_eq!(stands(&world, &intent).await, is("REQUIRES_ACTION", "FAILED"));
    assert_eq!(world.balance().await, ["300.00", "700.00", "0.00"]);
    fail(&world, &id, Value::Null).await.refused(400, "invalid_status", "Settlement is in status: FAILED", "");

    // Completions go on meanwhile.
    let milestone = world.milestone(&intent, 1, "700").await;
    complete(&world, &intent, &milestone).await;
    assert_eq!(world.balance().await, ["1000.00", "0.00", "0.00"]);
    let path = format!("/settlements/{id}");
    world.host.advance(Span::from_seconds(60));
    world.engine.host().sleep(Span::from_seconds(5)).await;
    assert_eq!(world.balance().await, ["300.00", "0.00", "0.00"], "the other one is paid out, this one waits");
    assert_eq!(stands(&world, &intent).await, is("REQUIRES_ACTION", "FAILED"));

    let retried = retry(&world, &id).await.ok(200);
    let data = &retried["data"];
    assert_eq!((&retried["status"], &data["settlementScheduledAt"]), (&json!("SCHEDULED"), &json!("1800000060")));
    assert_eq!([&data["retries"], &data["failureReason"]], [&json!(1), &Value::Null]);
    let paid = world.advance_until(0, &path, |settlement| settlement["status"] == "CONFIRMED").await;
    let reference = paid["data"]["settlementTxId"].as_str().expect("a reference");
    assert!(reference.ends_with("_1"), "a payment of its own: {reference}");
    assert_eq!(stands(&world, &intent).await, is("SETTLED", "COMPLETED"));
    assert_eq!(world.balance().await, ["0.00", "0.00", "0.00"]);
    retry(&world, &id).await.refused(400, "invalid_status", "Settlement is in status: CONFIRMED", "");
}

#[tokio::test(start_paused = true)]
async fn what_the_bank_sends_back_is_payable_again_and_tried_again() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"releaseType": "AUTO_RELEASE"})).await;
    let proof = json!({"proofHash": format!("0x{}", "11".repeat(32)), "submittedBy": "me"});
    world.post(&format!("/payment-intents/{intent}/escrow/delivery-proof"), proof).await.ok(200);
    let list = world.get("/settlements").await.ok(200);
    let id = list["data"][0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/settlements/{id}");
    let paid = world.advance_until(10, &path, |settlement| settlement["status"] == "CONFIRMED").await;
    assert_eq!(stands(&world, &intent).await, is("SETTLED", "COMPLETED"));

    let returned = fail(&world, &id, Value::Null).await.ok(200);
    assert_eq!(returned["status"], "RETURNED");
    let data = &returned["data"];
    assert_eq!(data["settlementTxId"], paid["data"]["settlementTxId"]);
    assert_eq!([&data["confirmedAt"], &data["failedAt"]], [&json!("1800000010"); 2]);
    assert_eq!(data["failureReason"], "The simulated payout failed");
    assert_eq!(stands(&world, &intent).await, is("REQUIRES_ACTION", "FAILED"));
    assert_eq!(world.balance().await, ["1000.00", "0.00", "0.00"]);

    retry(&world, &id).await.ok(200);
    let paid = world.advance_until(0, &path, |settlement| settlement["status"] == "CONFIRMED").await;
    assert!(paid["data"]["settlementTxId"].as_str().is_some_and(|id| id.ends_with("_1")), "{paid}");
    assert_eq!(stands(&world, &intent).await, is("SETTLED", "COMPLETED"));
    assert_eq!(world.balance().await, ["0.00", "0.00", "0.00"]);
    let events = world.event_types(&intent).await;
    for (kind, count) in
        [("settlement.failed", 1), ("settlement.retried", 1), ("payment_intent.settlement_completed", 2)]
    {
        assert_eq!(events.iter().filter(|event| *event == kind).count(), count, "{kind} in {events:?}");
    }
    let events = world.events().await;
    let changes = events.iter().filter(|event| event["type"] == "payment_intent.status_changed");
    let left: Vec<_> = changes.map(|event| event["data"]["previous_attributes"]["status"].clone()).collect();
    // Each status that it left, in order: the retry itself makes it go on.
    assert_eq!(left, ["INITIATED", "PROCESSING", "SUCCEEDED", "SETTLED", "REQUIRES_ACTION", "SUCCEEDED"]);
    let entries = world.get("/account/ledger-entries?limit=100").await.ok(200);
    let amounts = entries["data"].as_array().expect("a list").iter().map(|entry| entry["transactionType"].clone());
    let told =
        ["SETTLEMENT", "RESERVE", "CREDIT", "SETTLEMENT", "RESERVE", "RELEASE", "CREDIT"].map(|name| json!(name));
    assert_eq!(amounts.collect::<Vec<_>>(), told);

    // After the end nothing comes back.
    let at = format!("/payment-intents/{intent}");
    world.advance_until(7 * 24 * 3600, &at, |intent| intent["status"] == "FINAL").await;
    let message = "Cannot return a settlement of payment intent in status: FINAL";
    fail(&world, &id, Value::Null).await.refused(400, "invalid_state_transition", message, "");
}

#[tokio::test(start_paused = true)]
async fn what_failed_can_be_refunded_instead() {
    let world = World::new().await;
    let (intent, id) = releasing(&world).await;
    fail(&world, &id, Value::Null).await.ok(200);
    let milestone = json!({"amount": "1000"});
    let refund = world.post(&format!("/payment-intents/{intent}/refund"), milestone).await.ok(200);
    assert_eq!(refund["data"]["releasedAmount"], "300.00");
    assert_eq!(world.get(&format!("/settlements/{id}")).await.ok(200)["status"], "CANCELLED");
    assert_eq!(world.balance().await, ["0.00", "0.00", "0.00"]);
    retry(&world, &id).await.refused(400, "invalid_status", "Settlement is in status: CANCELLED", "");
}

#[tokio::test(start_paused = true)]
async fn of_what_failed_a_part_can_be_refunded_and_the_rest_is_tried_again() {
    let world = World::new().await;
    let (intent, id) = releasing(&world).await;
    fail(&world, &id, Value::Null).await.ok(200);
    // What is held goes back first.
    world.post(&format!("/payment-intents/{intent}/refund"), json!({"amount": "800"})).await.ok(200);
    let settlement = world.get(&format!("/settlements/{id}")).await.ok(200);
    assert_eq!((&settlement["status"], &settlement["data"]["amount"]), (&json!("FAILED"), &json!("200.00")));
    let told = world.get("/events?type=settlement.reduced").await.ok(200);
    assert_eq!(told["data"][0]["data"]["object"]["amount"], "200.00", "{told}");
    retry(&world, &id).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn whose_settlement_fails_or_is_retried() {
    let world = World::new().await;
    let (_, id) = releasing(&world).await;
    let permission = "You do not have permission to access this settlement";
    for path in [format!("/test-helpers/settlements/{id}/fail"), format!("/settlements/{id}/retry")] {
        world.call_as(OTHER, "POST", &path, Value::Null).await.refused(403, "forbidden", permission, "");
    }
    let missing = "No such settlement: settlement_0000000000000000000000";
    for path in [
        "test-helpers/settlements/settlement_0000000000000000000000/fail",
        "settlements/settlement_0000000000000000000000/retry",
    ] {
        world.post(&format!("/{path}"), Value::Null).await.refused(404, "resource_missing", missing, "");
    }
    for (reason, why) in [(json!(" "), "must not be empty"), (json!(7), "must be a string")] {
        fail(&world, &id, json!({"reason": reason})).await.refused(400, "invalid_request", why, "reason");
    }
}
