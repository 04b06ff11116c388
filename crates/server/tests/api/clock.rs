//! `/test-helpers/clock`: a merchant moves the clock of its sandbox.

use axum::body::Body;
use axum::http::Request;
use escrow::limits::{MAX_CLOCK_AHEAD_S, MAX_CLOCK_STEP_S};
use serde_json::{Value, json};

use crate::world::{ADMIN, Fault, HACKATHON, LIVE, OTHER, Reply, START_MS, TEST, World};

const CLOCK: &str = "/test-helpers/clock";
const START_S: i64 = START_MS / 1000;
const DAY_S: i64 = 24 * 3600;
const DELAY_S: i64 = 10;
const FINALITY_S: i64 = 7 * DAY_S;

async fn advance(world: &World, seconds: i64) -> Value {
    world.post(CLOCK, json!({"advance": seconds})).await.ok(200)
}

async fn send(world: &World, key: &str, body: &str) -> Reply {
    let request = Request::builder().method("POST").uri(format!("/v1{CLOCK}")).header("X-API-Key", TEST);
    let request = request.header("Idempotency-Key", key).header("Content-Type", "application/json");
    world.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

/// An intent whose milestones were all completed, and so released.
async fn released(world: &World) -> String {
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "1000").await;
    let path = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    world.post(&path, json!({"completedBy": "me"})).await.ok(200);
    intent
}

async fn status(world: &World, intent: &str) -> String {
    let shown = world.get(&format!("/payment-intents/{intent}")).await.ok(200);
    shown["status"].as_str().expect("a status").to_owned()
}

async fn advanced_by(world: &World, key: &str) -> Value {
    world.call_as(key, "GET", CLOCK, Value::Null).await.ok(200)["data"]["advancedBySeconds"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_clock_is_a_single_object() {
    let world = World::new().await;
    let before = world.get(CLOCK).await.ok(200);
    let id = before["id"].as_str().expect("an id");
    assert!(id.starts_with("test_clock_"), "{id}");
    let owner = world.owner("one", escrow::Mode::Sandbox).await;
    let shown = |now_s: i64, now_at: &str, ahead_s: i64| {
        let data = json!({"id": id, "object": "test_clock", "status": "READY", "merchantId": owner.merchant.to_string(),
            "now": now_s, "nowAt": now_at, "advancedBySeconds": ahead_s, "livemode": false});
        json!({"id": id, "object": "test_clock", "status": "READY", "data": data, "created": now_s, "updated": now_s})
    };
    assert_eq!(before, shown(START_S, "2027-01-15T08:00:00.000Z", 0));
    let after = shown(START_S + DAY_S, "2027-01-16T08:00:00.000Z", DAY_S);
    assert_eq!(advance(&world, DAY_S).await, after);
    assert_eq!(world.get(CLOCK).await.ok(200), after);
    assert_eq!(world.call_as(HACKATHON, "GET", CLOCK, Value::Null).await.ok(200), after, "it is the merchant's");
    world.host.advance(escrow::Span::from_seconds(5));
    assert_eq!(world.get(CLOCK).await.ok(200)["data"]["now"], START_S + DAY_S + 5, "it runs as real time does");
    assert_eq!(advance(&world, 1).await["data"]["advancedBySeconds"], DAY_S + 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_is_settled_and_final_as_soon_as_the_clock_is_there() {
    let world = World::new().await;
    let intent = released(&world).await;
    for (by_s, expected) in [(DELAY_S - 1, "SUCCEEDED"), (1, "SETTLED"), (FINALITY_S - 1, "SETTLED"), (1, "FINAL")] {
        advance(&world, by_s).await;
        assert_eq!(status(&world, &intent).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn everything_on_the_way_happens_at_its_own_time() {
    let world = World::new().await;
    let first = released(&world).await;
    advance(&world, 4).await;
    let second = released(&world).await;
    advance(&world, 30 * DAY_S).await;
    let mut last = Vec::new();
    for intent in [&first, &second] {
        assert_eq!(status(&world, intent).await, "FINAL");
        let events = world.events().await;
        let own = events.iter().filter(|event| event["paymentIntentId"] == json!(intent));
        let times: Vec<_> = own
            .map(|event| (event["type"].as_str().expect("a type"), event["created"].as_i64().expect("a time")))
            .collect();
        assert!(times.is_sorted_by_key(|(_, created)| *created), "{times:?}");
        let when = |kind: &str| times.iter().find(|(other, _)| *other == kind).expect("it happened").1;
        last.push((
            when("payment_intent.created") - START_S,
            when("payment_intent.settlement_initiated") - START_S,
            when("payment_intent.settled") - START_S,
            times.last().expect("an event").1 - START_S,
        ));
    }
    let expected = |from_s: i64| (from_s, from_s + DELAY_S, from_s + DELAY_S, from_s + DELAY_S + FINALITY_S);
    assert_eq!(last, [expected(0), expected(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_payment_under_way_is_final_when_its_blocks_are_there() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let card = json!({"cardNumber": "4242424242424242", "expiry": "12/99", "cvv": "123"});
    world.post(&format!("/payment-intents/public/{intent}/payment"), json!({"card": card})).await.ok(200);
    assert_eq!(status(&world, &intent).await, "PROCESSING");
    advance(&world, 600).await;
    assert_eq!(status(&world, &intent).await, "SUCCEEDED");
}

#[tokio::test(start_paused = true)]
async fn other_merchants_and_live_keys_have_other_clocks() {
    let world = World::new().await;
    advance(&world, DAY_S).await;
    assert_eq!(advanced_by(&world, OTHER).await, 0);
    let theirs = world.call_as(OTHER, "POST", "/payment-intents", crate::world::intent_body()).await.ok(200);
    assert_eq!(theirs["created"], START_S);
    let own = world.post("/payment-intents", crate::world::intent_body()).await.ok(200);
    assert_eq!(own["created"], START_S + DAY_S);
    for (key, message) in [(LIVE, "test keys only"), (ADMIN, "acts for no merchant")] {
        for (method, body) in [("GET", Value::Null), ("POST", json!({"advance": 1}))] {
            world.call_as(key, method, CLOCK, body).await.refused(403, "forbidden", message, "");
        }
    }
    assert_eq!(advanced_by(&world, TEST).await, DAY_S);
}

#[tokio::test(start_paused = true)]
async fn what_a_clock_can_be_advanced_by() {
    let world = World::new().await;
    let range = format!("must be an integer from 1 to {MAX_CLOCK_STEP_S}");
    for (body, message) in [
        (json!({}), "is required"),
        (json!({"advance": null}), "is required"),
        (json!({"advance": 0}), &range),
        (json!({"advance": -1}), &range),
        (json!({"advance": 1.5}), &range),
        (json!({"advance": MAX_CLOCK_STEP_S + 1}), &range),
        (json!({"advance": u64::MAX}), &range),
        (json!({"advance": true}), &range),
        (json!({"advance": [1]}), &range),
        (json!({"advance": ""}), &range),
        (json!({"advance": "-1"}), &range),
        (json!({"advance": "1e3"}), &range),
        (json!({"advance": "ten"}), &range),
    ] {
        world.post(CLOCK, body).await.refused(400, "invalid_request", &format!("advance {message}"), "advance");
    }
    assert_eq!(advanced_by(&world, TEST).await, 0);
    for (body, ahead_s) in [
        (json!({"advance": 1}), 1),
        (json!({"advance": "60"}), 61),
        (json!({"advance": MAX_CLOCK_STEP_S}), MAX_CLOCK_STEP_S + 61),
    ] {
        assert_eq!(world.post(CLOCK, body).await.ok(200)["data"]["advancedBySeconds"], ahead_s);
    }
    let form = Request::builder().method("POST").uri(format!("/v1{CLOCK}")).header("X-API-Key", OTHER);
    let form = form.header("Content-Type", "application/x-www-form-urlencoded").body(Body::from("advance=60"));
    assert_eq!(world.send(form.expect("a request")).await.ok(200)["data"]["advancedBySeconds"], 60);
}

#[tokio::test(start_paused = true)]
async fn a_clock_has_an_end() {
    let world = World::new().await;
    for _ in 0..MAX_CLOCK_AHEAD_S / MAX_CLOCK_STEP_S {
        advance(&world, MAX_CLOCK_STEP_S).await;
    }
    let refusal = world.post(CLOCK, json!({"advance": 1})).await;
    let message = format!("{MAX_CLOCK_AHEAD_S} ahead already");
    refusal.refused(400, "invalid_request", &message, "advance");
    let intent = released(&world).await;
    assert_eq!(status(&world, &intent).await, "SUCCEEDED", "the sandbox still works");
}

#[tokio::test(start_paused = true)]
async fn the_same_key_moves_it_once() {
    let world = World::new().await;
    let body = r#"{"advance": 60}"#;
    let first = send(&world, "one", body).await;
    first.ok(200);
    world.host.advance(escrow::Span::from_seconds(5));
    let again = send(&world, "one", body).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (200, &first.body, "true"));
    send(&world, "one", r#"{"advance": 61}"#).await.refused(400, "idempotency_mismatch", "", "");
    let (one, other) = tokio::join!(send(&world, "two", body), send(&world, "two", body));
    assert_eq!(one.ok(200), other.ok(200));
    assert_eq!(advanced_by(&world, TEST).await, 120);
    send(&world, "three", "{}").await.refused(400, "invalid_request", "is required", "advance");
    send(&world, "three", body).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn without_a_store_no_clock_moves() {
    let world = World::new().await;
    world.get(CLOCK).await.ok(200);
    world.store.line().fail(Fault::Down);
    for (method, body) in [("GET", Value::Null), ("POST", json!({"advance": 1}))] {
        world.call(method, CLOCK, body).await.refused(503, "service_unavailable", "nothing was done", "");
    }
}
