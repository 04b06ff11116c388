//! What holds for every request: addresses, methods, request ids, origins, and what happens when things break.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request};
use serde_json::Value;
use server::{Origins, Settings};

use crate::world::{Fault, Reply, TEST, World, intent_body};

async fn ask(world: &World, method: &str, path: &str) -> Reply {
    let request = Request::builder().method(method).uri(path).header("X-API-Key", TEST);
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test(start_paused = true)]
async fn unknown_addresses() {
    let world = World::new().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("GET", "/v2/payment-intents"),
        ("GET", "/payment-intents"),
        ("POST", "/v1/payment-intents/"),
        ("DELETE", "/v1/nothing/here"),
        ("GET", "/api/v1/payment-intents/x/y/z"),
        ("GET", "/v1/payment-intents/%FF"),
        ("GET", "/v1/account"),
    ] {
        let reply = ask(&world, method, path).await;
        reply.refused(404, "resource_missing", &format!("Unrecognized request URL ({method} {path})"), "");
    }
}

#[tokio::test(start_paused = true)]
async fn methods_that_an_address_does_not_have() {
    let world = World::new().await;
    for (method, path, allowed) in [
        ("PUT", "/v1/payment-intents", vec!["POST", "GET", "HEAD"]),
        ("DELETE", "/api/v1/payment-intents/intent_0", vec!["GET", "HEAD"]),
        ("GET", "/v1/payment-intents/intent_0/cancel", vec!["POST"]),
        ("PUT", "/v1/payment-intents/i/escrow/milestones/m", vec!["GET", "HEAD", "PATCH", "DELETE"]),
        ("POST", "/v1/account/balance", vec!["GET", "HEAD"]),
        ("POST", "/health/live", vec!["GET", "HEAD"]),
    ] {
        let reply = ask(&world, method, path).await;
        reply.refused(405, "invalid_request", &format!("{path} does not take {method}"), "");
        let mut told: Vec<_> = reply.header("allow").split(',').map(str::trim).collect();
        told.sort_unstable();
        let mut allowed = allowed;
        allowed.sort_unstable();
        assert_eq!(told, allowed, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn head_is_get_without_the_body() {
    let world = World::new().await;
    world.intent(true).await;
    for path in ["/v1/payment-intents", "/health/live", "/v1/payment-intents/intent_0", "/nothing"] {
        let (get, head) = (ask(&world, "GET", path).await, ask(&world, "HEAD", path).await);
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}: {head:?}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        if head.headers.contains_key("content-length") && get.status == 200 {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn request_ids_are_fresh() {
    let world = World::new().await;
    let (one, other) =
        (ask(&world, "GET", "/v1/payment-intents").await, ask(&world, "GET", "/v1/payment-intents").await);
    assert_ne!(one.header("request-id"), other.header("request-id"));
}

#[tokio::test(start_paused = true)]
async fn both_versions_are_the_same() {
    let world = World::new().await;
    let id = world.intent(true).await;
    for path in [format!("/payment-intents/{id}"), "/payment-intents".to_owned(), "/health/live".to_owned()] {
        let (v1, api) =
            (ask(&world, "GET", &format!("/v1{path}")).await, ask(&world, "GET", &format!("/api/v1{path}")).await);
        assert_eq!(v1.ok(200), api.ok(200));
    }
}

#[tokio::test(start_paused = true)]
async fn browsers_of_any_origin() {
    let world = World::new().await;
    let preflight = Request::builder()
        .method("OPTIONS")
        .uri("/v1/payment-intents")
        .header("Origin", "https://shop.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization,content-type,x-api-key,idempotency-key");
    let reply = world.send(preflight.body(Body::empty()).expect("a request")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("access-control-allow-methods"), "POST");
    assert!(reply.header("access-control-allow-headers").contains("authorization"), "{reply:?}");

    for path in ["/v1/payment-intents", "/v1/payment-intents/x", "/nothing"] {
        let request = Request::builder().uri(path).header("Origin", "https://shop.example").header("X-API-Key", TEST);
        let reply = world.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(
            reply.header("access-control-expose-headers"),
            "request-id,idempotent-replayed,retry-after,x-ratelimit-limit,x-ratelimit-remaining,x-ratelimit-reset"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn browsers_of_some_origins_or_of_none() {
    let some = Origins::Only(vec![HeaderValue::from_static("https://shop.example")]);
    for (origins, origin, allowed) in [
        (&some, "https://shop.example", "https://shop.example"),
        (&some, "https://shop.example:8443", ""),
        (&some, "http://shop.example", ""),
        (&some, "null", ""),
        (&Origins::None, "https://shop.example", ""),
    ] {
        let world = World::with(Settings { origins: origins.clone(), ..Settings::default() }).await;
        let request = Request::builder().uri("/v1/payment-intents").header("X-API-Key", TEST).header("Origin", origin);
        let reply = world.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(reply.status, 200, "who is no browser is not kept from anything");
        assert_eq!(reply.header("access-control-allow-origin"), allowed, "{origins:?} {origin}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive() {
    let world = World::new().await;
    let before = world.everything().await;
    let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
    let request = Request::post("/v1/payment-intents").header("X-API-Key", TEST).header("Idempotency-Key", "slow");
    let reply = world.send(request.body(Body::from_stream(never)).expect("a request")).await;
    reply.refused(408, "request_timeout", "must arrive within 30 seconds; nothing was done", "");
    assert_eq!(reply.header("connection"), "close");
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends() {
    let world = World::new().await;
    world.store.line().fail(Fault::Hangs);
    let reply = world.get("/payment-intents").await;
    reply.refused(503, "service_unavailable", "did not answer in time", "");
}

#[tokio::test(start_paused = true)]
async fn health_needs_no_key() {
    let world = World::new().await;
    for base in ["", "/v1", "/api/v1"] {
        for path in ["/health/live", "/health/ready"] {
            let request = Request::builder().uri(format!("{base}{path}")).body(Body::empty()).expect("a request");
            assert_eq!(world.send(request).await.ok(200)["status"], "ok");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let before = world.everything().await;
    world.store.line().fail(Fault::Down);
    let replies = [
        world.get("/payment-intents").await,
        world.get(&format!("/payment-intents/{intent}")).await,
        world.post("/payment-intents", intent_body()).await,
        world.post(&format!("/payment-intents/{intent}/cancel"), Value::Null).await,
        world.get("/health/ready").await,
    ];
    for reply in replies {
        reply.refused(503, "service_unavailable", "nothing was done", "");
        assert_eq!(reply.header("retry-after"), "1");
        assert_eq!(reply.json()["error"]["retryAfter"], 1);
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
    }
    world.get("/health/live").await.ok(200);
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics() {
    let world = World::new().await;
    world.store.line().fail(Fault::Panics);
    let reply = world.get("/payment-intents").await;
    reply.refused(500, "api_error", "An unexpected error occurred", "");
    assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
}
