//! Who may ask at all.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::world::{ADMIN, EXPIRED, HACKATHON, LIVE, OTHER, REVOKED, Reply, TEST, World};

async fn list(world: &World, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().uri("/v1/payment-intents");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(Body::empty()).expect("a request")).await
}

fn basic(user: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:")))
}

#[tokio::test(start_paused = true)]
async fn three_ways_to_show_a_key() {
    let world = World::new().await;
    let (bearer, lower, basic_test) = (format!("Bearer {TEST}"), format!("bearer  {TEST}"), basic(TEST));
    let with_password = format!("basic {}", STANDARD.encode(format!("{HACKATHON}:ignored:too")));
    for headers in [
        vec![("X-API-Key", TEST)],
        vec![("x-api-key", HACKATHON)],
        vec![("X-API-KEY", LIVE)],
        vec![("Authorization", bearer.as_str())],
        vec![("authorization", lower.as_str())],
        vec![("Authorization", basic_test.as_str())],
        vec![("Authorization", with_password.as_str())],
        vec![("X-API-Key", ""), ("Authorization", bearer.as_str())],
        vec![("X-API-Key", TEST), ("Authorization", "Bearer nonsense")],
    ] {
        list(&world, &headers).await.ok(200);
    }
}

#[tokio::test(start_paused = true)]
async fn no_key_and_wrong_keys() {
    let world = World::new().await;
    for headers in [vec![], vec![("X-API-Key", "")], vec![("X-API-Key", "  ")], vec![("Authorization", "")]] {
        list(&world, &headers).await.refused(401, "authentication_required", "API key is required", "");
    }
    let (basic_unknown, bearer) = (basic("sk_test_nobody-has-this"), format!("Bearer {TEST}"));
    for headers in [
        vec![("X-API-Key", "undefined")],
        vec![("X-API-Key", "sk_test_nobody-has-this")],
        vec![("X-API-Key", REVOKED)],
        vec![("X-API-Key", EXPIRED)],
        vec![("X-API-Key", "sk_test_merchant-one ’")],
        vec![("Authorization", TEST)],
        vec![("Authorization", "Bearer")],
        vec![("Authorization", "Digest x")],
        vec![("Authorization", "Basic ???")],
        vec![("Authorization", "Basic /////w==")],
        vec![("Authorization", basic_unknown.as_str())],
        vec![("X-API-Key", "sk_test_nobody-has-this"), ("Authorization", bearer.as_str())],
    ] {
        list(&world, &headers).await.refused(403, "forbidden", "Invalid API key", "");
    }
    list(&world, &[("X-API-Key", ADMIN)]).await.refused(403, "forbidden", "acts for no merchant", "");
}

/// The store is asked about each as often, so that nobody learns from the time of a refusal whether there ever was such a key.
#[tokio::test(start_paused = true)]
async fn a_key_that_no_longer_works_is_looked_up_as_one_that_never_was() {
    const TIMES: usize = 5;
    let world = World::new().await;
    for (key, is_good) in [("sk_test_nobody-has-this", false), (REVOKED, false), (EXPIRED, false), (TEST, true)] {
        let before = world.store.line().keys_read();
        for _ in 0..TIMES {
            let reply = list(&world, &[("X-API-Key", key)]).await;
            assert_eq!(reply.status, if is_good { 200 } else { 403 }, "{key}");
        }
        let expected = if is_good { 1 } else { TIMES };
        assert_eq!(world.store.line().keys_read() - before, expected, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_route_asks_for_a_key() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "1").await;
    let before = world.everything().await;
    let mut routes = vec![
        ("POST", "/payment-intents".to_owned()),
        ("GET", "/payment-intents".to_owned()),
        ("GET", format!("/payment-intents/{intent}")),
        ("POST", format!("/payment-intents/{intent}/cancel")),
        ("GET", "/settlements".to_owned()),
        ("GET", "/settlements/settlement_0".to_owned()),
        ("GET", "/account/balance".to_owned()),
        ("GET", "/payment-intents/account/balance".to_owned()),
        ("GET", "/account/ledger-entries".to_owned()),
        ("GET", "/payment-intents/account/ledger-entries".to_owned()),
        ("POST", format!("/test-helpers/payment-intents/{intent}/fund")),
    ];
    for order in ["escrow", "conditional-payment"] {
        let order = format!("/payment-intents/{intent}/{order}");
        let milestone = format!("{order}/milestones/{milestone}");
        routes.extend([
            ("GET", format!("{order}/milestones")),
            ("POST", format!("{order}/milestones")),
            ("GET", order),
        ]);
        routes.extend(["GET", "PATCH", "DELETE"].map(|method| (method, milestone.clone())));
        routes.extend(["complete", "release"].map(|deed| ("POST", format!("{milestone}/{deed}"))));
    }
    for base in ["/v1", "/api/v1"] {
        for (method, path) in &routes {
            let request = Request::builder().method(*method).uri(format!("{base}{path}"));
            let reply = world.send(request.body(Body::empty()).expect("a request")).await;
            reply.refused(401, "authentication_required", "API key is required", "");
        }
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn others_and_the_other_mode() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "100").await;
    let before = world.everything().await;
    let of_intent = format!("/payment-intents/{intent}");
    let milestones = format!("{of_intent}/escrow/milestones");
    let one = format!("{milestones}/{milestone}");
    let routes = [
        ("GET", of_intent.clone()),
        ("POST", format!("{of_intent}/cancel")),
        ("GET", format!("{of_intent}/escrow")),
        ("GET", milestones.clone()),
        ("POST", milestones),
        ("GET", one.clone()),
        ("PATCH", one.clone()),
        ("DELETE", one.clone()),
        ("POST", format!("{one}/complete")),
        ("POST", format!("{one}/release")),
    ];
    let good = serde_json::json!({"milestoneIndex": 1, "amount": "1", "completedBy": "me"});
    let patch = serde_json::json!({"amount": "1"});
    for (method, path) in routes {
        // A caller who may not speak of the intent learns nothing of the fields either.
        for body in [if method == "PATCH" { patch.clone() } else { good.clone() }, Value::Null] {
            let body = if method == "GET" || method == "DELETE" { Value::Null } else { body };
            world.call_as(OTHER, method, &path, body.clone()).await.refused(
                403,
                "forbidden",
                "You do not have permission to access this payment intent",
                "",
            );
            world.call_as(LIVE, method, &path, body).await.refused(
                404,
                "resource_missing",
                &format!("No such payment intent: {intent}"),
                "",
            );
        }
        let nobodys = path.replace(&intent, "intent_0000000000000000000000");
        let malformed = path.replace(&intent, "account");
        for path in [nobodys, malformed] {
            let body = if method == "GET" || method == "DELETE" { Value::Null } else { good.clone() };
            let body = if method == "PATCH" { patch.clone() } else { body };
            world.call(method, &path, body).await.refused(404, "resource_missing", "No such payment intent: ", "");
        }
    }
    let fund = format!("/test-helpers{of_intent}/fund");
    world.call_as(LIVE, "POST", &fund, Value::Null).await.refused(403, "forbidden", "test keys only", "");
    world.call_as(OTHER, "POST", &fund, Value::Null).await.refused(403, "forbidden", "permission", "");
    assert_eq!(world.everything().await, before);
    assert_eq!(
        world.call_as(OTHER, "GET", "/payment-intents", Value::Null).await.ok(200)["data"],
        serde_json::json!([])
    );
}
