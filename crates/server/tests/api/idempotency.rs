//! Sending the same request again.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{Fault, HACKATHON, OTHER, Reply, TEST, World, intent_body};

async fn send(world: &World, api_key: &str, idempotency_key: &str, path: &str, body: &Value) -> Reply {
    let request = Request::builder()
        .method("POST")
        .uri(path)
        .header("X-API-Key", api_key)
        .header("Idempotency-Key", idempotency_key)
        .header("Content-Type", "application/json");
    world.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

const INTENTS: &str = "/v1/payment-intents";

#[tokio::test(start_paused = true)]
async fn the_first_answer_is_given_again_byte_for_byte() {
    let world = World::new().await;
    let first = send(&world, TEST, "one", INTENTS, &intent_body()).await;
    first.ok(200);
    assert_eq!(first.header("idempotent-replayed"), "");
    let before = world.everything().await;
    // The other key of the same merchant and mode, and the other base path, are the same request.
    for (api_key, path) in [(TEST, INTENTS), (HACKATHON, INTENTS), (TEST, "/api/v1/payment-intents")] {
        let again = send(&world, api_key, "one", path, &intent_body()).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.header("content-type"), "application/json");
        assert_ne!(again.header("request-id"), first.header("request-id"));
    }
    assert_eq!(world.everything().await, before);
    let others = send(&world, OTHER, "one", INTENTS, &intent_body()).await;
    assert_ne!(others.ok(200)["id"], first.json()["id"]);
}

#[tokio::test(start_paused = true)]
async fn two_at_once_happen_once() {
    let world = World::new().await;
    let body = intent_body();
    let (one, other) = tokio::join!(send(&world, TEST, "k", INTENTS, &body), send(&world, TEST, "k", INTENTS, &body));
    assert_eq!(one.ok(200), other.ok(200));
    assert_eq!(world.get("/payment-intents").await.ok(200)["data"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_key_for_something_else() {
    let world = World::new().await;
    let intent =
        send(&world, TEST, "k", INTENTS, &intent_body()).await.ok(200)["id"].as_str().expect("an id").to_owned();
    let before = world.everything().await;
    let mut changed = intent_body();
    changed["amount"] = json!("1000.000");
    for (path, body) in [
        (INTENTS.to_owned(), changed),
        (format!("{INTENTS}?x=1"), intent_body()),
        (format!("{INTENTS}/{intent}/cancel"), intent_body()),
    ] {
        send(&world, TEST, "k", &path, &body).await.refused(400, "idempotency_mismatch", "different request", "");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_the_domain_are_remembered_and_others_are_not() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let milestones = format!("{INTENTS}/{intent}/escrow/milestones");
    let too_much = json!({"milestoneIndex": 0, "amount": "1000.01"});
    let first = send(&world, TEST, "k", &milestones, &too_much).await;
    first.refused(400, "invalid_request", "exceed", "amount");
    let again = send(&world, TEST, "k", &milestones, &too_much).await;
    assert_eq!(again.body, first.body, "with the request id of the first");
    assert_eq!(again.header("idempotent-replayed"), "true");

    // A body that cannot be read, and an intent that does not exist, leave the key free.
    send(&world, TEST, "free", &milestones, &json!([])).await.refused(400, "invalid_request", "object", "");
    send(&world, TEST, "free", &milestones, &json!({})).await.refused(
        400,
        "invalid_request",
        "required",
        "milestoneIndex",
    );
    let nobodys = format!("{INTENTS}/intent_0000000000000000000000/cancel");
    send(&world, TEST, "free", &nobodys, &json!({})).await.refused(
        404,
        "resource_missing",
        "No such payment intent",
        "",
    );
    send(&world, OTHER, "free", &milestones, &too_much).await.refused(403, "forbidden", "permission", "");
    send(&world, TEST, "free", &milestones, &json!({"milestoneIndex": 0, "amount": "1"})).await.ok(201);
}

#[tokio::test(start_paused = true)]
async fn that_there_was_no_dispute_is_remembered_although_there_is_one_later() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let dispute = format!("{INTENTS}/{intent}/escrow/dispute");
    let evidence = format!("{dispute}/evidence");
    let resolve = format!("{dispute}/resolve");
    let ruling = json!({"resolution": "BUYER_WON", "resolvedBy": "arbiter"});
    let text = json!({"submittedBy": "studio", "text": "as agreed"});
    let asked = [("resolve", &resolve, &ruling), ("evidence", &evidence, &text)];
    let mut first = Vec::new();
    for (key, path, body) in asked {
        let refused = send(&world, TEST, key, path, body).await;
        refused.refused(404, "resource_missing", "No open dispute found", "");
        first.push(refused);
    }
    world.post(&dispute["/v1".len()..], json!({"reason": "late", "raisedBy": "buyer"})).await.ok(200);
    let before = world.everything().await;
    for ((key, path, body), first) in asked.into_iter().zip(first) {
        let again = send(&world, TEST, key, path, body).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body), "{key}");
        assert_eq!(again.header("idempotent-replayed"), "true", "{key}");
    }
    assert_eq!(world.everything().await, before);
}

/// Nobody is told that nothing was done when nobody knows.
#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_is_told_by_its_key() {
    let world = World::new().await;
    for (path, body, success) in [
        (INTENTS, intent_body(), 200),
        ("/v1/api-keys", json!({"name": "till"}), 201),
        ("/v1/test-helpers/clock", json!({"advance": 60}), 200),
    ] {
        world.store.line().fail(Fault::Doubts);
        let reply = send(&world, TEST, path, path, &body).await;
        reply.refused(503, "service_unavailable", "again with the same idempotency key", "");
        assert!(!String::from_utf8_lossy(&reply.body).contains("nothing was done"), "{path}");
        world.store.line().recover();
        let again = send(&world, TEST, path, path, &body).await;
        again.ok(success);
        assert_eq!(again.header("idempotent-replayed"), "true", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_none() {
    let world = World::new().await;
    let before = world.everything().await;
    let long = "k".repeat(256);
    for key in ["", "two words", "tab\there", "ümlaut", &long] {
        let reply = send(&world, TEST, key, INTENTS, &intent_body()).await;
        reply.refused(400, "invalid_request", "1 to 255 visible ASCII characters", "Idempotency-Key");
    }
    assert_eq!(world.everything().await, before);
    send(&world, TEST, &"k".repeat(255), INTENTS, &intent_body()).await.ok(200);
    let request = Request::builder().uri(INTENTS).header("X-API-Key", TEST).header("Idempotency-Key", "");
    world.send(request.body(Body::empty()).expect("a request")).await.ok(200);
}
