//! API keys: made, listed, rolled and revoked by merchants and by the operator.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use escrow::{Mode, Span};
use hyper::body::Frame;
use serde_json::{Value, json};
use store::{Audited, KeyHolder};
use tokio::sync::oneshot;

use crate::world::{ADMIN, LIVE, OTHER, READ_ONLY, Reply, TEST, World, intent_body};

const DAY_S: i64 = 24 * 3600;

async fn create(world: &World, key: &str, body: Value) -> Reply {
    world.call_as(key, "POST", "/api-keys", body).await
}

/// A new key of the first merchant's sandbox: its id and its text.
async fn made(world: &World, body: Value) -> (String, String) {
    let made = create(world, TEST, body).await.ok(201);
    let text = |name: &str| made["data"][name].as_str().expect(name).to_owned();
    (text("id"), text("secret"))
}

async fn status(world: &World, key: &str) -> u16 {
    world.call_as(key, "GET", "/account/balance", Value::Null).await.status
}

/// The types of the events in a holder's journal.
async fn told(world: &World, holder: KeyHolder) -> Vec<Value> {
    let mut told = Vec::new();
    for row in world.everything().await {
        if let Audited::Journal { holder: whose, events, .. } = row
            && whose == holder
        {
            told.extend(events.iter().map(|(_, _, event)| serde_json::from_slice(&event.body).expect("JSON")));
        }
    }
    told
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_and_works_at_once() {
    let world = World::new().await;
    let body = json!({"name": "shop", "scopes": ["account:read", "escrow:write"], "expiresIn": "90d"});
    let made = create(&world, TEST, body).await.ok(201);
    let key = &made["data"];
    assert_eq!((&made["object"], &made["status"], &made["id"]), (&json!("api_key"), &json!("active"), &key["id"]));
    assert_eq!(key["scopes"], json!(["escrow:write", "account:read"]));
    assert_eq!((&key["name"], &key["kind"], &key["livemode"]), (&json!("shop"), &json!("test"), &json!(false)));
    assert_eq!(key["expiresAt"], "2027-04-15T08:00:00.000Z");
    let secret = key["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("sk_test_") && secret.ends_with(key["lastFour"].as_str().expect("four")), "{key}");
    assert_eq!(status(&world, secret).await, 200);
    let refused = world.call_as(secret, "GET", "/payment-intents", Value::Null).await;
    refused.refused(403, "forbidden", "it lacks the scope payment_intents:read", "");

    let path = format!("/api-keys/{}", key["id"].as_str().expect("an id"));
    for shown in
        [world.get(&path).await.ok(200)["data"].clone(), world.get("/api-keys").await.ok(200)["data"][0].clone()]
    {
        assert!(shown.get("secret").is_none() && shown["lastFour"] == key["lastFour"], "{shown}");
    }
    assert!(!String::from_utf8_lossy(&world.get("/api-keys?limit=100").await.body).contains(secret));
    world.host.advance(Span::from_seconds(90 * DAY_S));
    assert_eq!(status(&world, secret).await, 403, "its time is over");
    assert_eq!(world.get(&path).await.ok(200)["status"], "expired");
}

#[tokio::test(start_paused = true)]
async fn under_one_idempotency_key_one_key_is_made_and_its_secret_is_not_shown_again() {
    let world = World::new().await;
    let send = async || {
        let request = axum::http::Request::builder().method("POST").uri("/v1/api-keys").header("X-API-Key", TEST);
        let request = request.header("Idempotency-Key", "one").header("content-type", "application/json");
        world.send(request.body(r#"{"name": "shop"}"#.into()).expect("a request")).await
    };
    let (first, again) = (send().await, send().await);
    assert_eq!(again.header("idempotent-replayed"), "true");
    let (mut first, again) = (first.ok(201), again.ok(201));
    assert!(first["data"]["secret"].is_string() && again["data"]["secret"].is_null(), "{again}");
    first["data"]["secret"] = Value::Null;
    assert_eq!(first, again);
}

#[tokio::test(start_paused = true)]
async fn a_rolled_key_works_for_its_grace_and_its_successor_is_like_it() {
    let world = World::new().await;
    let (id, old) = made(&world, json!({"name": "shop", "scopes": ["account:read"], "expiresIn": 30 * DAY_S})).await;
    world.host.advance(Span::from_seconds(10 * DAY_S));
    let rolled = world.post(&format!("/api-keys/{id}/roll"), json!({"gracePeriod": "1h"})).await.ok(200);
    let key = &rolled["data"];
    assert_eq!((&key["name"], &key["scopes"]), (&json!("shop"), &json!(["account:read"])));
    assert_eq!(key["expiresAt"], "2027-02-24T08:00:00.000Z", "thirty days from now");
    assert_eq!(
        (&key["replaced"]["id"], &key["replaced"]["expiresAt"]),
        (&json!(id), &json!("2027-01-25T09:00:00.000Z"))
    );
    let new = key["secret"].as_str().expect("a secret");
    assert_eq!((status(&world, &old).await, status(&world, new).await), (200, 200));
    world.host.advance(Span::from_seconds(3600));
    assert_eq!((status(&world, &old).await, status(&world, new).await), (403, 200));
    world.post(&format!("/api-keys/{id}/roll"), json!({})).await.refused(400, "invalid_status", "is expired", "");

    let events = told(&world, KeyHolder::Owner(world.owner("one", Mode::Sandbox).await)).await;
    let [.., rolled, created] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(types(&[rolled.clone(), created.clone()]), ["api_key.rolled", "api_key.created"]);
    assert_eq!((&rolled["data"]["object"]["id"], &rolled["data"]["object"]["replacedBy"]), (&json!(id), &key["id"]));
    assert_eq!((&created["paymentIntentId"], &created["livemode"]), (&Value::Null, &json!(false)));
    assert!(!created.to_string().contains(new), "no event tells a secret");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_is_useless_at_once_and_for_good() {
    let world = World::new().await;
    let (id, secret) = made(&world, json!({"name": "shop"})).await;
    assert_eq!(status(&world, &secret).await, 200, "the gateway has seen it work");
    let path = format!("/api-keys/{id}/revoke");
    let revoked = world.post(&path, Value::Null).await.ok(200);
    assert_eq!((&revoked["status"], &revoked["data"]["status"]), (&json!("revoked"), &json!("revoked")));
    assert_eq!(status(&world, &secret).await, 403, "nothing is believed any longer");
    let holder = KeyHolder::Owner(world.owner("one", Mode::Sandbox).await);
    let before = told(&world, holder).await.len();
    assert_eq!(world.post(&path, Value::Null).await.ok(200), revoked, "once more changes nothing");
    assert_eq!(told(&world, holder).await.len(), before);
    world.post(&format!("/api-keys/{id}/roll"), json!({})).await.refused(400, "invalid_status", "is revoked", "");
    // A key may make itself useless.
    let (id, secret) = made(&world, json!({"name": "mine"})).await;
    world.call_as(&secret, "POST", &format!("/api-keys/{id}/revoke"), Value::Null).await.ok(200);
    assert_eq!(status(&world, &secret).await, 403);
}

#[tokio::test(start_paused = true)]
async fn no_key_gives_more_than_it_has() {
    let world = World::new().await;
    let manager = json!({"name": "manager", "scopes": ["api_keys:write", "account:read"], "expiresIn": "1h"});
    let (_, manager) = made(&world, manager).await;
    let (full_id, _) = made(&world, json!({"name": "full"})).await;
    let (small_id, _) = made(&world, json!({"name": "small", "scopes": ["account:read"]})).await;
    let before = world.everything().await;
    let wider = "may do more, or works longer, than itself";
    for (body, code, message, param) in [
        (json!({"name": "x", "expiresIn": "1h"}), "forbidden", wider, ""),
        (json!({"name": "x", "scopes": ["*"], "expiresIn": "1h"}), "forbidden", wider, ""),
        (json!({"name": "x", "scopes": ["account:write"], "expiresIn": "1h"}), "forbidden", wider, ""),
        (json!({"name": "x", "scopes": ["account:read"]}), "invalid_request", "longer than itself", "expiresIn"),
        (json!({"name": "x", "scopes": ["account:read"], "expiresIn": "2h"}), "invalid_request", "longer", "expiresIn"),
    ] {
        let status = if code == "forbidden" { 403 } else { 400 };
        create(&world, &manager, body).await.refused(status, code, message, param);
    }
    for deed in ["roll", "revoke"] {
        let path = format!("/api-keys/{full_id}/{deed}");
        world.call_as(&manager, "POST", &path, json!({})).await.refused(403, "forbidden", wider, "");
    }
    assert!(world.everything().await == before);
    // Not by rolling either: neither a key without an end, nor one that would live anew for longer.
    let (long_id, _) = made(&world, json!({"name": "long", "scopes": ["account:read"], "expiresIn": "2h"})).await;
    for id in [&small_id, &long_id] {
        let path = format!("/api-keys/{id}/roll");
        world.call_as(&manager, "POST", &path, json!({})).await.refused(403, "forbidden", wider, "");
    }
    create(&world, &manager, json!({"name": "x", "scopes": ["account:read"], "expiresIn": "1h"})).await.ok(201);
    world.call_as(&manager, "POST", &format!("/api-keys/{small_id}/revoke"), json!({})).await.ok(200);
    create(&world, READ_ONLY, json!({"name": "x"})).await.refused(
        403,
        "forbidden",
        "lacks the scope api_keys:write",
        "",
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_new_key_is_said() {
    let world = World::new().await;
    let before = world.everything().await;
    for (key, body, param, message) in [
        (TEST, json!({}), "name", "name is required"),
        (TEST, json!({"name": " "}), "name", "name"),
        (TEST, json!({"name": "x".repeat(201)}), "name", "200"),
        (TEST, json!({"name": "ok\nkey_0000000000000000000000  admin"}), "name", "on one line"),
        (TEST, json!({"name": "\u{202e}nimda"}), "name", "on one line"),
        (TEST, json!({"name": "x", "scopes": []}), "scopes", "one scope at least"),
        (TEST, json!({"name": "x", "scopes": "escrow:read"}), "scopes", "must be a list"),
        (TEST, json!({"name": "x", "scopes": ["escrow"]}), "scopes", "escrow:read or refunds:write"),
        (TEST, json!({"name": "x", "scopes": ["*", "escrow:read"]}), "scopes", "escrow:read or refunds:write"),
        (TEST, json!({"name": "x", "scopes": [1]}), "scopes", "must be a list"),
        (TEST, json!({"name": "x", "expiresIn": 0}), "expiresIn", "must be seconds"),
        (TEST, json!({"name": "x", "expiresIn": "11y"}), "expiresIn", "must be seconds"),
        // What a key of the sandbox cannot make is refused, not made as something else.
        (TEST, json!({"name": "x", "kind": "live"}), "kind", "must be test"),
        (TEST, json!({"name": "x", "kind": ""}), "kind", "must be one of test, live, admin"),
        (TEST, json!({"name": "x", "merchantId": "merchant_0000000000000000000001"}), "merchantId", "must be your own"),
        (ADMIN, json!({"name": "x"}), "kind", "kind is required"),
        (ADMIN, json!({"name": "x", "kind": "root"}), "kind", "must be one of test, live, admin"),
        (ADMIN, json!({"name": "x", "kind": "test"}), "merchantId", "merchantId is required"),
        (ADMIN, json!({"name": "x", "kind": "test", "merchantId": "x"}), "merchantId", "must be the id of a merchant"),
        (
            ADMIN,
            json!({"name": "x", "kind": "test", "merchantId": "merchant_0000000000000000000001"}),
            "merchantId",
            "no such merchant",
        ),
        (
            ADMIN,
            json!({"name": "x", "kind": "admin", "merchantId": "merchant_0000000000000000000001"}),
            "merchantId",
            "left out",
        ),
        (ADMIN, json!({"name": "x", "kind": "admin", "scopes": ["escrow:read"]}), "scopes", "left out"),
    ] {
        create(&world, key, body).await.refused(400, "invalid_request", message, param);
    }
    let path = format!("/api-keys/{}/roll", made(&world, json!({"name": "x"})).await.0);
    world.post(&path, json!({"gracePeriod": "8d"})).await.refused(400, "invalid_request", "gracePeriod", "gracePeriod");
    assert_eq!(world.everything().await.len(), before.len() + 1, "there is the key that was not rolled");
}

#[tokio::test(start_paused = true)]
async fn the_operator_makes_and_ends_everybodys_keys() {
    let world = World::new().await;
    let merchant = world.owner("two", Mode::Live).await.merchant.to_string();
    let live = create(&world, ADMIN, json!({"name": "x", "kind": "live", "merchantId": merchant})).await.ok(201);
    let secret = live["data"]["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("sk_live_") && live["data"]["merchantId"] == merchant.as_str(), "{live}");
    assert_eq!(status(&world, secret).await, 200);
    let admin = create(&world, ADMIN, json!({"name": "night shift", "kind": "admin"})).await.ok(201);
    let path = format!("/api-keys/{}", live["id"].as_str().expect("an id"));
    world.call_as(OTHER, "GET", &path, Value::Null).await.refused(404, "resource_missing", "No such API key", "");
    world.call_as(LIVE, "GET", &path, Value::Null).await.refused(403, "forbidden", "access this API key", "");
    let admins = admin["data"]["secret"].as_str().expect("a secret");
    world.call_as(admins, "POST", &format!("{path}/revoke"), Value::Null).await.ok(200);
    assert_eq!(status(&world, secret).await, 403);
    let operators = format!("/api-keys/{}", admin["id"].as_str().expect("an id"));
    world.call_as(TEST, "GET", &operators, Value::Null).await.refused(403, "forbidden", "access this API key", "");
    let all = world.call_as(ADMIN, "GET", "/api-keys?limit=100", Value::Null).await.ok(200);
    assert_eq!(all["data"].as_array().map(Vec::len), Some(12));
}

#[tokio::test(start_paused = true)]
async fn the_last_use_of_a_key_is_known() {
    let world = World::new().await;
    let (id, secret) = made(&world, json!({"name": "shop"})).await;
    let last_used = async || world.get(&format!("/api-keys/{id}")).await.ok(200)["data"]["lastUsedAt"].clone();
    assert_eq!(last_used().await, Value::Null);
    world.host.advance(Span::from_seconds(120));
    assert_eq!(status(&world, &secret).await, 200);
    // Whoever looks at the log of requests finds all of it written.
    world.get("/requests").await.ok(200);
    assert_eq!(last_used().await, "2027-01-15T08:02:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_put_in_its_own_place_lives_no_longer() {
    let world = World::new().await;
    for (key, body) in [
        (TEST, json!({"name": "short", "expiresIn": "1h"})),
        (ADMIN, json!({"name": "night shift", "kind": "admin", "expiresIn": "1h"})),
    ] {
        let made = create(&world, key, body).await.ok(201);
        world.host.advance(Span::from_seconds(60));
        let own = made["data"]["secret"].as_str().expect("a secret");
        let path = format!("/api-keys/{}/roll", made["id"].as_str().expect("an id"));
        let rolled = world.call_as(own, "POST", &path, json!({})).await.ok(200);
        assert_eq!(rolled["data"]["expiresAt"], made["data"]["expiresAt"], "{rolled}");
    }
    // Nor does the operator's give more than it has.
    let admin = create(&world, ADMIN, json!({"name": "short", "kind": "admin", "expiresIn": "1h"})).await.ok(201);
    let admin = admin["data"]["secret"].as_str().expect("a secret");
    let refused = create(&world, admin, json!({"name": "x", "kind": "admin"})).await;
    refused.refused(400, "invalid_request", "longer than itself", "expiresIn");
}

/// A body that arrives when it is let through.
struct Held {
    gate: oneshot::Receiver<()>,
    bytes: Option<Bytes>,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // What was let through is gone, and so is the gate.
        if self.bytes.is_none() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.gate).poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(_) => Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }
}

/// Whoever keeps a request half sent keeps nothing of a key that was revoked meanwhile, whatever the request is for.
#[tokio::test(start_paused = true)]
async fn a_request_whose_key_ends_while_it_is_sent_is_not_carried_out() {
    let world = World::new().await;
    for (path, body) in [("/v1/api-keys", json!({"name": "for later"})), ("/v1/payment-intents", intent_body())] {
        let (id, secret) = made(&world, json!({"name": "stolen"})).await;
        let (open, gate) = oneshot::channel();
        let held = Held { gate, bytes: Some(Bytes::from(body.to_string())) };
        let request = Request::builder().method("POST").uri(path).header("X-API-Key", &secret);
        let request = request.header("content-type", "application/json").body(Body::new(held)).expect("a request");
        let revoking = async {
            world.post(&format!("/api-keys/{id}/revoke"), Value::Null).await.ok(200);
            let before = world.everything().await;
            open.send(()).expect("the request waits for its body");
            before
        };
        let (refused, before) = tokio::join!(world.send(request), revoking);
        refused.refused(403, "forbidden", "Invalid API key", "");
        assert!(world.everything().await == before, "{path}");
    }
}
