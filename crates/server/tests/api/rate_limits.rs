//! How often somebody may ask. The clock of the world stands at the beginning of an hour.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use escrow::Span;
use serde_json::{Value, json};
use server::{Limit, Peer, RateLimits, Settings};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::world::{
    ADMIN, Fault, HACKATHON, LIVE, NO_SCOPES, OTHER, REVOKED, Reply, START_MS, TEST, World, intent_body,
};

const START_S: i64 = START_MS / 1000;

/// Limits that nobody reaches, but for those of one kind.
fn plenty() -> RateLimits {
    let limit = Limit::of(1_000, 10_000);
    RateLimits { test: limit, live: limit, admin: limit, public: limit, keyless: limit }
}

async fn limited(rate_limits: RateLimits) -> World {
    World::with(Settings { rate_limits, ..Settings::default() }).await
}

/// The headers of a reply: limit, remaining, and in how many seconds from the start the window ends. Nothing where there are none.
fn standing(reply: &Reply) -> Option<(i64, i64, i64)> {
    let number = |name: &str| reply.header(name).parse::<i64>().ok();
    let reset_s = number("x-ratelimit-reset")? - START_S;
    Some((number("x-ratelimit-limit")?, number("x-ratelimit-remaining")?, reset_s))
}

#[track_caller]
fn refused(reply: &Reply, wait_s: i64) {
    reply.refused(429, "rate_limit_exceeded", &format!("try again in {wait_s} seconds"), "");
    assert_eq!(reply.header("retry-after"), wait_s.to_string());
    assert_eq!(reply.json()["error"]["retryAfter"], wait_s);
    assert_eq!(reply.header("x-ratelimit-remaining"), "0");
}

/// A request with or without a key, from an address.
async fn ask(world: &World, key: Option<&str>, path: &str, address: &str) -> Reply {
    let request = Request::builder().uri(format!("/v1{path}")).header("Host", "here");
    let request = key.into_iter().fold(request, |request, key| request.header("X-API-Key", key));
    let mut request = request.body(Body::empty()).expect("a request");
    request.extensions_mut().insert(Peer(address.parse::<IpAddr>().expect("an address")));
    world.send(request).await
}

#[tokio::test(start_paused = true)]
async fn the_documented_limits() {
    let world = limited(RateLimits::DOCUMENTED).await;
    for (key, most) in [(TEST, 100), (HACKATHON, 100), (LIVE, 1_000)] {
        for used in 1..=most {
            let reply = world.call_as(key, "GET", "/payment-intents", Value::Null).await;
            reply.ok(200);
            assert_eq!(standing(&reply), Some((most, most - used, 60)), "{key}");
        }
        refused(&world.call_as(key, "GET", "/payment-intents", Value::Null).await, 60);
    }
    // Nine minutes more, and the thousand of the hour are used up.
    for minute in 1..=9 {
        world.host.advance(Span::from_seconds(60));
        for _ in 0..100 {
            world.get("/payment-intents").await.ok(200);
        }
        refused(&world.get("/payment-intents").await, if minute == 9 { 3600 - 9 * 60 } else { 60 });
    }
    world.host.advance(Span::from_seconds(60));
    let reply = world.get("/payment-intents").await;
    refused(&reply, 3000);
    assert_eq!(standing(&reply), Some((1_000, 0, 3600)));
    world.host.advance(Span::from_seconds(3000));
    assert_eq!(standing(&world.get("/payment-intents").await), Some((100, 99, 3660)));
}

#[tokio::test(start_paused = true)]
async fn making_and_confirming_intents_is_limited_closer() {
    let world = limited(RateLimits { test: Limit::of(10, 1_000), ..plenty() }).await;
    let intent = world.intent(true).await;
    let confirm = format!("/payment-intents/{intent}/confirm");
    for used in 1..=3 {
        let reply = world.post(&confirm, json!({})).await;
        assert_eq!((reply.status, standing(&reply)), (400, Some((3, 3 - used, 60))), "refusals have the headers, too");
    }
    refused(&world.post(&confirm, json!({})).await, 60);
    for used in 2..=5 {
        let reply = world.post("/payment-intents", intent_body()).await;
        assert_eq!((reply.status, standing(&reply)), (200, Some((5, 5 - used, 60))));
    }
    refused(&world.post("/payment-intents", intent_body()).await, 60);
    // What was refused did not count: two of ten are left for the rest, and for the same route of the other version.
    let path = format!("/payment-intents/{intent}");
    assert_eq!(standing(&world.get(&path).await), Some((10, 1, 60)));
    assert_eq!(standing(&world.get(&path).await), Some((10, 0, 60)));
    refused(&world.get(&path).await, 60);
}

#[tokio::test(start_paused = true)]
async fn every_answer_to_a_key_says_where_it_stands() {
    let world = limited(plenty()).await;
    let intent = world.intent(true).await;
    let sees = |reply: &Reply, status| {
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(standing(reply).is_some(), "{status}: {reply:?}");
    };
    sees(&world.get(&format!("/payment-intents/{intent}")).await, 200);
    sees(&world.get("/payment-intents?limit=0").await, 400);
    sees(&world.call_as(NO_SCOPES, "GET", "/payment-intents", Value::Null).await, 403);
    sees(&world.call_as(ADMIN, "GET", "/payment-intents", Value::Null).await, 403);
    sees(&world.call_as(OTHER, "GET", &format!("/payment-intents/{intent}"), Value::Null).await, 403);
    sees(&world.get("/payment-intents/intent_0").await, 404);
    world.store.line().fail(Fault::Down);
    sees(&world.get("/payment-intents").await, 503);
    world.store.line().fail(Fault::Panics);
    sees(&world.get("/payment-intents").await, 500);
    world.store.line().fail(Fault::Hangs);
    sees(&world.get("/payment-intents").await, 503);
    sees(&ask(&world, None, "/payment-intents", "192.0.2.1").await, 401);
    sees(&ask(&world, Some(REVOKED), "/payment-intents", "192.0.2.1").await, 403);
}

#[tokio::test(start_paused = true)]
async fn replays_count_and_refusals_for_haste_are_not_remembered() {
    let world = limited(RateLimits { test: Limit::of(4, 0), ..plenty() }).await;
    let create = || async {
        let request = Request::post("/v1/payment-intents").header("X-API-Key", TEST).header("Idempotency-Key", "one");
        world.send(request.body(Body::from(intent_body().to_string())).expect("a request")).await
    };
    let first = create().await;
    assert_eq!((first.status, standing(&first)), (200, Some((2, 1, 60))));
    let again = create().await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((again.status, standing(&again)), (200, Some((2, 0, 60))));
    refused(&create().await, 60);
    world.host.advance(Span::from_seconds(60));
    let later = create().await;
    assert_eq!((later.status, &later.body), (200, &first.body));

    let hasty = || async {
        let request = Request::post("/v1/payment-intents").header("X-API-Key", TEST).header("Idempotency-Key", "two");
        world.send(request.body(Body::from(intent_body().to_string())).expect("a request")).await
    };
    create().await;
    refused(&hasty().await, 60);
    world.host.advance(Span::from_seconds(60));
    let done = hasty().await;
    assert_eq!((done.status, done.header("idempotent-replayed")), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn two_keys_and_two_addresses_at_their_limits_at_the_same_time() {
    let two = Limit::of(2, 0);
    let world = limited(RateLimits { test: two, public: two, keyless: two, ..RateLimits::OFF }).await;
    let intent = world.intent(true).await;
    world.host.advance(Span::from_seconds(60));
    let public = format!("/payment-intents/public/{intent}");
    let (near, far) = ("127.0.0.1", "127.0.0.2");
    for round in 0..3 {
        for key in [TEST, OTHER] {
            let reply = ask(&world, Some(key), "/payment-intents", near).await;
            if round < 2 { drop(reply.ok(200)) } else { refused(&reply, 60) }
        }
        for address in [near, far] {
            for (path, status) in [(public.as_str(), 200), ("/payment-intents", 401)] {
                let reply = ask(&world, None, path, address).await;
                if round < 2 { assert_eq!(reply.status, status) } else { refused(&reply, 60) }
            }
        }
    }
    // A key that has not been used works from an address at its limits, and where there is no limit no header speaks of one.
    ask(&world, Some(HACKATHON), "/payment-intents", near).await.ok(200);
    let live = ask(&world, Some(LIVE), "/payment-intents", near).await;
    assert_eq!((live.status, standing(&live)), (200, None));
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_over_the_gateway_is_not_limited() {
    let one = Limit::of(1, 1);
    let world = limited(RateLimits { test: one, live: one, admin: one, public: one, keyless: one }).await;
    for path in ["/health/live", "/health/ready", "/metrics"] {
        for _ in 0..3 {
            let reply = ask(&world, None, path, "127.0.0.1").await;
            assert_eq!((reply.status, standing(&reply)), (200, None), "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn behind_a_proxy_that_is_trusted_the_clients_are_told_apart() {
    let rate_limits = RateLimits { keyless: Limit::of(1, 0), ..plenty() };
    let trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    let world = World::with(Settings { rate_limits, trusted_proxies, ..Settings::default() }).await;
    for (peer, forwarded, passes) in [
        ("10.0.0.1", "192.0.2.1", true),
        ("10.0.0.1", "192.0.2.2", true),
        ("10.0.0.2", "192.0.2.9, 192.0.2.1", false),
        ("198.51.100.1", "192.0.2.3", true),
        ("198.51.100.1", "192.0.2.4", false),
    ] {
        let mut request =
            Request::builder().uri("/v1/payment-intents").header("Host", "here").header("X-Forwarded-For", forwarded);
        let peer = Peer(peer.parse().expect("an address"));
        request = request.extension(peer);
        let reply = world.send(request.body(Body::empty()).expect("a request")).await;
        assert_eq!(reply.status, if passes { 401 } else { 429 }, "{peer:?} {forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_at_once_exactly_the_limit_pass() {
    let world = Arc::new(limited(RateLimits { test: Limit::of(137, 0), ..plenty() }).await);
    let mut asked = JoinSet::new();
    for _ in 0..1_000 {
        let router = world.router.clone();
        asked.spawn(async move {
            let request = Request::get("/v1/account/balance").header("X-API-Key", TEST).body(Body::empty());
            router.oneshot(request.expect("a request")).await.expect("infallible").status().as_u16()
        });
    }
    let statuses = asked.join_all().await;
    let of = |status| statuses.iter().filter(|given| **given == status).count();
    assert_eq!((of(200), of(429)), (137, 863));
}
