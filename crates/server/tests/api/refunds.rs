//! Money that goes back to the payer.

use ::escrow::Span;
use serde_json::{Value, json};

use crate::world::{LIVE, OTHER, START_MS, World};

async fn fund(world: &World, intent: &str, body: Value) {
    world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), body).await.ok(200);
}

/// A paid intent whose milestones, in this order, have these amounts.
async fn paid(world: &World, amounts: &[&str]) -> (String, Vec<String>) {
    let intent = world.intent(true).await;
    let mut milestones = Vec::new();
    for (index, amount) in (0..).zip(amounts) {
        milestones.push(world.milestone(&intent, index, amount).await);
    }
    fund(world, &intent, Value::Null).await;
    (intent, milestones)
}

async fn complete(world: &World, intent: &str, milestone: &str) {
    let at = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    world.post(&at, json!({"completedBy": "me"})).await.ok(200);
}

async fn escrow(world: &World, intent: &str) -> Value {
    world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200)["data"].clone()
}

fn of_intent(intent: &str) -> String {
    format!("/payment-intents/{intent}/refund")
}

#[tokio::test(start_paused = true)]
async fn the_whole_object_from_request_to_arrival() {
    let world = World::new().await;
    let (intent, _) = paid(&world, &["600"]).await;
    let body = json!({"amount": "150", "reason": "Wrong colour"});
    let asked = world.post(&of_intent(&intent), body).await.ok(200);
    let id = asked["id"].as_str().expect("an id");
    assert!(id.starts_with("refund_"), "{id}");
    let mut data = json!({
        "id": id, "object": "refund", "paymentIntentId": intent, "amount": "150.00", "currency": "USDC",
        "status": "PENDING", "reason": "Wrong colour", "releasedAmount": null, "failureReason": null,
        "refundTxId": null, "createdAt": "2027-01-15T08:00:00.000Z",
    });
    let seconds = START_MS / 1000;
    let whole = |data: &Value, updated: i64| {
        let status = &data["status"];
        json!({"id": id, "object": "refund", "status": status, "data": data, "created": seconds, "updated": updated})
    };
    assert_eq!(asked, whole(&data, seconds));
    let path = format!("/refunds/{id}");
    let arrived = world.advance_until(1, &path, |refund| refund["status"] == "SUCCEEDED").await;
    (data["status"], data["refundTxId"]) = (json!("SUCCEEDED"), arrived["data"]["refundTxId"].clone());
    assert!(data["refundTxId"].as_str().is_some_and(|id| id.starts_with("simulated_")), "{data}");
    let updated = arrived["updated"].as_i64().expect("seconds");
    assert!((seconds..=seconds + 1).contains(&updated));
    assert_eq!(arrived, whole(&data, updated));
    let order = escrow(&world, &intent).await;
    assert_eq!(order["refunds"], json!([data]));
    assert_eq!([&order["heldAmount"], &order["refundedAmount"]], [&json!("850.00"), &json!("150.00")]);
    assert_eq!(world.balance().await, ["0.00", "850.00", "0.00"]);
    let events = world.event_types(&intent).await;
    assert!(events.ends_with(&["refund.created".to_owned(), "payment_intent.refunded".to_owned()]), "{events:?}");

    let permission = "You do not have permission to access this refund";
    world.call_as(OTHER, "GET", &path, Value::Null).await.refused(403, "forbidden", permission, "");
    let missing = format!("No such refund: {id}");
    world.call_as(LIVE, "GET", &path, Value::Null).await.refused(404, "resource_missing", &missing, "");
    for unknown in ["refund_0000000000000000000000", "nonsense"] {
        let reply = world.get(&format!("/refunds/{unknown}")).await;
        reply.refused(404, "resource_missing", &format!("No such refund: {unknown}"), "");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_free_goes_first_and_then_what_was_released() {
    let world = World::new().await;
    let (intent, milestones) = paid(&world, &["300", "400"]).await;
    complete(&world, &intent, &milestones[0]).await;
    assert_eq!(world.balance().await, ["300.00", "700.00", "0.00"]);

    let all = world.post(&of_intent(&intent), Value::Null).await.ok(200);
    assert_eq!((&all["data"]["amount"], &all["data"]["releasedAmount"]), (&json!("300.00"), &Value::Null));
    assert_eq!(world.balance().await, ["300.00", "400.00", "0.00"]);
    let some = world.post("/refunds", json!({"paymentIntentId": intent, "amount": "100"})).await.ok(200);
    assert_eq!((&some["data"]["amount"], &some["data"]["releasedAmount"]), (&json!("100.00"), &json!("100.00")));
    assert_eq!(world.balance().await, ["200.00", "400.00", "0.00"]);
    assert_eq!(escrow(&world, &intent).await["settlements"][0]["amount"], "200.00");

    let before = world.everything().await;
    let hint = format!(
        "At most 200.00 can be refunded; for more, delete the milestone with index 1 first ({})",
        milestones[1]
    );
    for amount in [json!("200.000001"), json!("1000")] {
        let reply = world.post(&of_intent(&intent), json!({"amount": amount})).await;
        reply.refused(400, "insufficient_funds", &hint, "amount");
    }
    assert!(world.everything().await == before);

    world.call("DELETE", &format!("/payment-intents/{intent}/escrow/milestones/{}", milestones[1]), Value::Null).await;
    let both = world.post(&of_intent(&intent), json!({"amount": "450.5"})).await.ok(200);
    assert_eq!(both["data"]["releasedAmount"], "50.50");
    assert_eq!(world.balance().await, ["149.50", "0.00", "0.00"]);
    let order = escrow(&world, &intent).await;
    assert_eq!((&order["orderStatus"], &order["refundedAmount"]), (&json!("COMPLETED"), &json!("850.50")));
    // What no settlement has started on.
    let path = format!("/payment-intents/{intent}");
    world.advance_until(10, &path, |intent| intent["status"] == "SETTLED").await;
    assert_eq!(world.balance().await, ["0.00", "0.00", "0.00"]);
    let reply = world.post(&of_intent(&intent), json!({"amount": "1"})).await;
    reply.refused(400, "insufficient_funds", "At most 0.00 can be refunded", "amount");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_ends_the_intent() {
    let world = World::new().await;
    let (intent, _) = paid(&world, &[]).await;
    world.post(&of_intent(&intent), Value::Null).await.ok(200);
    let canceled = world.get(&format!("/payment-intents/{intent}")).await.ok(200);
    assert_eq!(canceled["status"], "CANCELED");
    assert_eq!(escrow(&world, &intent).await["orderStatus"], "CANCELLED");
    assert_eq!(world.balance().await, ["0.00", "0.00", "0.00"]);
    let reply = world.post(&of_intent(&intent), Value::Null).await;
    let message = "Cannot refund payment intent in status: CANCELED";
    reply.refused(400, "invalid_state_transition", message, "");
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_refused() {
    let world = World::new().await;
    let (intent, unpaid) = (paid(&world, &[]).await.0, world.intent(true).await);
    let before = world.everything().await;
    let with_intent = |id: &str, mut body: Value| {
        body["paymentIntentId"] = json!(id);
        body
    };
    for (body, param, why) in [
        (json!({"amount": 5}), "amount", "must be a decimal string"),
        (json!({"amount": "0"}), "amount", "greater than zero"),
        (json!({"amount": "0.0000001"}), "amount", "at most 6 decimals for USDC"),
        (json!({"reason": " "}), "reason", "must not be empty"),
        (json!({"reason": "x".repeat(2049)}), "reason", "at most 2048 bytes"),
    ] {
        world.post(&of_intent(&intent), body.clone()).await.refused(400, "invalid_request", why, param);
        let reply = world.post("/refunds", with_intent(&intent, body)).await;
        reply.refused(400, "invalid_request", why, param);
    }
    let reply = world.post("/refunds", json!({"amount": "1"})).await;
    reply.refused(400, "invalid_request", "paymentIntentId is required", "paymentIntentId");
    for unknown in ["intent_0000000000000000000000", "nonsense"] {
        let missing = format!("No such payment intent: {unknown}");
        for body in [json!({}), json!({"amount": 7})] {
            let reply = world.post("/refunds", with_intent(unknown, body)).await;
            reply.refused(404, "resource_missing", &missing, "");
        }
    }
    let reply = world.post(&of_intent(&unpaid), Value::Null).await;
    reply.refused(400, "invalid_status", "Payment intent is not funded", "");
    let permission = "You do not have permission to access this payment intent";
    let reply = world.call_as(OTHER, "POST", "/refunds", with_intent(&intent, json!({}))).await;
    reply.refused(403, "forbidden", permission, "");
    assert!(world.everything().await == before);
}

#[tokio::test(start_paused = true)]
async fn lists() {
    let world = World::new().await;
    let nothing = json!({"object": "list", "data": [], "has_more": false, "url": "/v1/refunds"});
    assert_eq!(world.get("/refunds").await.ok(200), nothing);
    let (one, two) = (paid(&world, &[]).await.0, paid(&world, &[]).await.0);
    let mut ids = Vec::new();
    for (intent, amount) in [(&one, "1"), (&two, "2"), (&one, "3")] {
        let made = world.post(&of_intent(intent), json!({"amount": amount})).await.ok(200);
        ids.insert(0, made["id"].as_str().expect("an id").to_owned());
    }
    // What came in without a purpose and goes back is a refund as well.
    fund(&world, &two, json!({"amount": "4"})).await;
    let newest = world.get("/refunds?limit=1").await.ok(200);
    let newest = &newest["data"][0];
    assert_eq!((&newest["amount"], &newest["unappliedReason"]), (&json!("4.00"), &json!("double")));
    ids.insert(0, newest["id"].as_str().expect("an id").to_owned());
    let page = async |query: &str| {
        let list = world.get(&format!("/refunds{query}")).await.ok(200);
        let items = list["data"].as_array().expect("a list").clone();
        let seen: Vec<_> = items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect();
        (seen, list["has_more"] == true)
    };
    assert_eq!(page("").await, (ids.clone(), false));
    assert_eq!(page("?limit=2&offset=1").await, (ids[1..3].to_vec(), true));
    assert_eq!(page(&format!("?limit=2&starting_after={}", ids[0])).await, (ids[1..3].to_vec(), true));
    assert_eq!(page(&format!("?ending_before={}", ids[1])).await, (ids[..1].to_vec(), false));
    assert_eq!(page(&format!("?paymentIntentId={one}")).await, (vec![ids[1].clone(), ids[3].clone()], false));
    assert_eq!(page(&format!("?paymentIntentId={two}&limit=1")).await, (vec![ids[0].clone()], true));
    assert_eq!(page("?paymentIntentId=intent_0000000000000000000000").await, (vec![], false));
    for (query, param, why) in [
        ("paymentIntentId=x", "paymentIntentId", "must be the id of a payment intent"),
        ("starting_after=refund_0000000000000000000000", "starting_after", "names nothing"),
        ("limit=0", "limit", "integer from 1 to 100"),
    ] {
        world.get(&format!("/refunds?{query}")).await.refused(400, "invalid_request", why, param);
    }
    assert_eq!(world.call_as(OTHER, "GET", "/refunds", Value::Null).await.ok(200), nothing);
    assert_eq!(world.call_as(LIVE, "GET", "/refunds", Value::Null).await.ok(200), nothing);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_again_refunds_once() {
    let world = World::new().await;
    let (intent, _) = paid(&world, &[]).await;
    let ask = async || {
        let request = axum::http::Request::post(format!("/v1{}", of_intent(&intent)))
            .header("X-API-Key", crate::world::TEST)
            .header("Idempotency-Key", "refund-1")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(r#"{"amount": "10"}"#));
        world.send(request.expect("a request")).await
    };
    let (first, second) = (ask().await, ask().await);
    first.ok(200);
    assert_eq!((&first.body, second.header("idempotent-replayed")), (&second.body, "true"));
    world.engine.host().sleep(Span::from_seconds(1)).await;
    assert_eq!(escrow(&world, &intent).await["refundedAmount"], "10.00");
}
