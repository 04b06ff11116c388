//! The log of requests: what was asked with a key, without what nobody should read again.

use axum::body::Body;
use axum::http::Request;
use escrow::Span;
use serde_json::{Value, json};

use crate::world::{ADMIN, HACKATHON, LIVE, OTHER, TEST, World, intent_body};

async fn listed(world: &World, key: &str) -> Vec<Value> {
    let listed = world.call_as(key, "GET", "/requests?limit=100", Value::Null).await.ok(200);
    listed["data"].as_array().expect("a list").clone()
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_is_found_by_its_request_id() {
    let world = World::with_request_log().await;
    let request = Request::builder().method("POST").uri("/api/v1/payment-intents?x=1").header("X-API-Key", TEST);
    let request = request.header("Idempotency-Key", "once").header("content-type", "application/json");
    let made = world.send(request.body(Body::from(intent_body().to_string())).expect("a request")).await;
    let path = format!("/requests/{}", made.header("request-id"));
    let logged = world.get(&path).await.ok(200);
    let data = &logged["data"];
    assert_eq!((&logged["object"], &logged["status"]), (&json!("request"), &json!("succeeded")));
    assert_eq!(
        (&data["method"], &data["path"], &data["query"]),
        (&json!("POST"), &json!("/api/v1/payment-intents"), &json!("x=1"))
    );
    assert_eq!(
        (&data["responseStatus"], &data["idempotencyKey"], &data["livemode"]),
        (&json!(200), &json!("once"), &json!(false))
    );
    assert_eq!((&data["requestBody"], &data["responseBody"]), (&intent_body(), &made.ok(200)));
    assert_eq!(data["createdAt"], "2027-01-15T08:00:00.000Z");
    let key = world.get(&format!("/api-keys/{}", data["apiKeyId"].as_str().expect("an id"))).await.ok(200);
    assert_eq!(key["data"]["lastFour"], TEST[TEST.len() - 4..]);

    let refused = world.post("/payment-intents", json!({"amount": 1})).await;
    let logged = world.get(&format!("/requests/{}", refused.header("request-id"))).await.ok(200);
    assert_eq!((&logged["status"], &logged["data"]["responseStatus"]), (&json!("failed"), &json!(400)));
    assert_eq!(logged["data"]["responseBody"], refused.json());
    // What only shows something is noted without what was shown.
    let shown = world.get("/account/balance").await;
    let logged = world.get(&format!("/requests/{}", shown.header("request-id"))).await.ok(200);
    assert_eq!(
        (&logged["data"]["path"], &logged["data"]["responseBody"]),
        (&json!("/v1/account/balance"), &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn everybody_finds_their_own_and_the_operator_everybodys() {
    let world = World::with_request_log().await;
    let mut ids = Vec::new();
    for key in [TEST, HACKATHON, LIVE, OTHER, ADMIN] {
        ids.push(world.call_as(key, "GET", "/settlements?of=me", Value::Null).await.header("request-id").to_owned());
    }
    let seen = async |key: &str| {
        let listed = listed(&world, key).await;
        ids.iter().map(|id| listed.iter().any(|logged| logged["id"] == id.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(seen(TEST).await, [true, true, false, false, false]);
    assert_eq!(seen(LIVE).await, [false, false, true, false, false]);
    assert_eq!(seen(OTHER).await, [false, false, false, true, false]);
    assert_eq!(seen(ADMIN).await, [true, true, true, true, true]);
    let path = format!("/requests/{}", ids[0]);
    world.call_as(OTHER, "GET", &path, Value::Null).await.refused(403, "forbidden", "access this request", "");
    world.call_as(LIVE, "GET", &path, Value::Null).await.refused(404, "resource_missing", "No such request", "");
    // Without a key there is nobody whose request it would be.
    let anonymous = world.call_as("sk_test_nobody-has-this", "GET", "/settlements", Value::Null).await;
    let path = format!("/requests/{}", anonymous.header("request-id"));
    world.call_as(ADMIN, "GET", &path, Value::Null).await.refused(404, "resource_missing", "No such request", "");
}

#[tokio::test(start_paused = true)]
async fn secrets_are_not_in_the_log() {
    let world = World::with_request_log().await;
    let card =
        json!({"card": {"cardNumber": "4242 4242 4242 4242", "cvv": "987", "expiry": "12/34"}, "token": "tok-9"});
    world.post("/payment-intents", card).await;
    let made = world.post("/api-keys", json!({"name": "pays with 4242424242424242"})).await.ok(201);
    let secret = made["data"]["secret"].as_str().expect("a secret").to_owned();
    world.get(&format!("/payment-intents/{secret}?card=4242424242424242")).await;
    let form = Request::builder().method("POST").uri("/v1/refunds").header("X-API-Key", TEST);
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    world.send(form.body(Body::from("password=hunter2&note=5555555555554444")).expect("a request")).await;
    world.post("/payment-intents", json!({"metadata": {"note": "x".repeat(20_000), "cvv": "987"}})).await;
    let log = json!(listed(&world, TEST).await).to_string();
    for hidden in
        [secret.as_str(), "4242424242424242", "4242 4242", "5555555555554444", "987", "12/34", "tok-9", "hunter2"]
    {
        assert!(!log.contains(hidden), "{hidden} is in {log}");
    }
    for shown in ["pays with ***", "sk_test_***", "***"] {
        assert!(log.contains(shown), "{shown} is not in {log}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_kept_for_a_week() {
    let world = World::with_request_log().await;
    let id = world.get("/settlements").await.header("request-id").to_owned();
    let is_there = async || world.get(&format!("/requests/{id}")).await.status == 200;
    world.host.advance(Span::from_seconds(7 * 24 * 3600));
    assert!(is_there().await);
    world.host.advance(Span::from_seconds(3601));
    assert!(!is_there().await, "what is too old is gone before anybody is answered");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_kept_nothing_is_found() {
    let world = World::new().await;
    world.get("/settlements").await.ok(200);
    assert_eq!(listed(&world, TEST).await, Vec::<Value>::new());
}
