//! Webhook endpoints and deliveries as the API has them. Nobody is called here: what comes of calls is for the engine's tests and the
//! binary's.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use server::{Settings, WebhookTargets};

use crate::world::{LIVE, OTHER, Reply, TEST, World, settings};

const URL: &str = "https://shop.example/hooks";

async fn create(world: &World, body: Value) -> Value {
    world.post("/webhook-endpoints", body).await.ok(201)
}

fn id(object: &Value) -> &str {
    object["id"].as_str().expect("an id")
}

async fn types(world: &World) -> Vec<String> {
    let events = world.get("/events?limit=100&type=webhook_endpoint.*").await.ok(200);
    let events = events["data"].as_array().expect("a list").iter().rev();
    events.map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

async fn post_as(world: &World, path: &str, idempotency_key: &str, body: &str) -> Reply {
    let request = Request::builder().method("POST").uri(format!("/v1{path}")).header("X-API-Key", TEST);
    let request = request.header("Idempotency-Key", idempotency_key).header("content-type", "application/json");
    world.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_made_changed_and_deleted_and_events_tell_it() {
    let world = World::new().await;
    let made = create(&world, json!({"url": "HTTPS://Shop.Example/hooks", "description": "the shop"})).await;
    assert_eq!((&made["object"], &made["status"]), (&json!("webhook_endpoint"), &json!("enabled")));
    let data = &made["data"];
    assert_eq!((&data["url"], &data["enabledEvents"]), (&json!(URL), &json!(["*"])), "as it is kept");
    let secret = data["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("whsec_") && secret.len() == "whsec_".len() + 44, "{secret}");
    let path = format!("/webhook-endpoints/{}", id(&made));
    let shown = world.get(&path).await.ok(200);
    assert_eq!(shown["data"].get("secret"), None, "it is shown once");
    let listed = world.get("/webhook-endpoints").await.ok(200);
    assert_eq!(listed["data"], json!([shown["data"]]));
    let change = json!({"enabledEvents": ["milestone.*"], "description": null, "status": "disabled"});
    let changed = world.call("PATCH", &path, change).await.ok(200);
    assert_eq!((&changed["status"], &changed["data"]["disabledReason"]), (&json!("disabled"), &json!("requested")));
    assert_eq!(
        (&changed["data"]["description"], &changed["data"]["enabledEvents"]),
        (&Value::Null, &json!(["milestone.*"]))
    );
    world.call("PATCH", &path, json!({"status": "disabled"})).await.ok(200);
    let enabled = world.call("PATCH", &path, json!({"status": "enabled", "url": URL})).await.ok(200);
    assert_eq!((&enabled["status"], &enabled["data"]["disabledReason"]), (&json!("enabled"), &Value::Null));
    let rotated = world.post(&format!("{path}/rotate-secret"), json!({"gracePeriod": "1h"})).await.ok(200);
    assert_ne!(rotated["data"]["secret"], json!(secret));
    assert_eq!(rotated["data"]["previousSecretExpiresAt"], "2027-01-15T09:00:00.000Z");
    let rotated = world.post(&format!("{path}/rotate-secret"), json!({"gracePeriod": 0})).await.ok(200);
    assert_eq!(rotated["data"]["previousSecretExpiresAt"], Value::Null);
    let deleted = world.call("DELETE", &path, Value::Null).await.ok(200);
    assert_eq!((&deleted["status"], &deleted["data"]["id"]), (&json!("deleted"), &made["id"]));
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" { json!({"status": "enabled"}) } else { Value::Null };
        world.call(method, &path, body).await.refused(404, "resource_missing", "No such webhook endpoint", "");
    }
    assert_eq!(world.get("/webhook-endpoints").await.ok(200)["data"], json!([]));
    let told = ["created", "updated", "disabled", "enabled", "secret_rotated", "secret_rotated", "deleted"];
    assert_eq!(types(&world).await, told.map(|what| format!("webhook_endpoint.{what}")));
    let events = world.get("/events?type=webhook_endpoint.created").await;
    assert!(!String::from_utf8_lossy(&events.body).contains("whsec_"), "no event has a secret");
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let world = World::new().await;
    let made = create(&world, json!({"url": URL})).await;
    let path = format!("/webhook-endpoints/{}", id(&made));
    let before = types(&world).await;
    let long = format!("https://shop.example/{}", "x".repeat(2048));
    for (body, param, message) in [
        (json!({}), "url", "url is required"),
        (json!({"url": 7}), "url", "url must be a string"),
        (json!({"url": "shop.example"}), "url", "url must be an absolute http or https URL"),
        (json!({"url": "ftp://shop.example"}), "url", "url must be an absolute http or https URL"),
        (json!({"url": "https://me:secret@shop.example"}), "url", "url must be without a user name"),
        (json!({"url": "https://shop.example/#x"}), "url", "url must be without a fragment"),
        (json!({"url": "http://127.0.0.1:9/"}), "url", "url must be at "),
        (json!({"url": "http://2130706433/"}), "url", "url must be at "),
        (json!({"url": "http://[::ffff:10.0.0.1]/"}), "url", "url must be at "),
        (json!({"url": "http://localhost/"}), "url", "url must be at "),
        (json!({"url": long}), "url", "url must be at most 2048 characters long"),
        (json!({"url": URL, "enabledEvents": "*"}), "enabledEvents", "must be a list of at most 100 texts"),
        (json!({"url": URL, "enabledEvents": []}), "enabledEvents", "must choose one type of event at least"),
        (json!({"url": URL, "enabledEvents": ["milestone"]}), "enabledEvents", "must name a type of event such as"),
        (json!({"url": URL, "enabledEvents": ["*", 7]}), "enabledEvents", "must be a list of at most 100 texts"),
        (json!({"url": URL, "description": "x".repeat(501)}), "description", "must be at most 500 characters long"),
    ] {
        world.post("/webhook-endpoints", body.clone()).await.refused(400, "invalid_request", message, param);
        if body != json!({}) {
            world.call("PATCH", &path, body).await.refused(400, "invalid_request", message, param);
        }
    }
    world.call("PATCH", &path, json!({})).await.refused(400, "invalid_request", "Nothing to change", "");
    world.call("PATCH", &path, json!({"status": "on"})).await.refused(
        400,
        "invalid_request",
        "must be one of",
        "status",
    );
    let rotate = format!("{path}/rotate-secret");
    world.post(&rotate, json!({"gracePeriod": "8d"})).await.refused(400, "invalid_request", "604800", "gracePeriod");
    assert_eq!(types(&world).await, before);
    // Where there is real money, nothing but https, and no address of ours.
    for url in ["http://shop.example/", "https://127.0.0.1/", "https://10.1.2.3/", "https://[fe80::1]/"] {
        let reply = world.call_as(LIVE, "POST", "/webhook-endpoints", json!({"url": url})).await;
        reply.refused(400, "invalid_request", "url must be ", "url");
    }
    world.call_as(LIVE, "POST", "/webhook-endpoints", json!({"url": URL})).await.ok(201);
}

#[tokio::test(start_paused = true)]
async fn the_operator_may_let_the_sandbox_call_this_machine() {
    let world = World::with(Settings { webhook_targets: WebhookTargets::Loopback, ..settings() }).await;
    create(&world, json!({"url": "http://127.0.0.1:4242/hooks"})).await;
    for url in ["http://10.0.0.1/", "http://169.254.169.254/latest/meta-data"] {
        world.post("/webhook-endpoints", json!({"url": url})).await.refused(
            400,
            "invalid_request",
            "url must be at",
            "url",
        );
    }
    let live = world.call_as(LIVE, "POST", "/webhook-endpoints", json!({"url": "https://127.0.0.1/"})).await;
    live.refused(400, "invalid_request", "url must be at", "url");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_its_owners() {
    let world = World::new().await;
    let made = create(&world, json!({"url": URL})).await;
    let path = format!("/webhook-endpoints/{}", id(&made));
    let tested = world.post(&format!("{path}/test"), json!({})).await.ok(200);
    let delivery = format!("/webhook-deliveries/{}", id(&tested));
    for (method, path) in [
        ("GET", path.clone()),
        ("PATCH", path.clone()),
        ("DELETE", path.clone()),
        ("POST", format!("{path}/test")),
        ("POST", format!("{path}/rotate-secret")),
        ("GET", format!("{path}/deliveries")),
        ("GET", delivery.clone()),
        ("POST", format!("{delivery}/redeliver")),
    ] {
        let body = json!({"status": "disabled"});
        world.call_as(OTHER, method, &path, body.clone()).await.refused(403, "forbidden", "permission", "");
        world.call_as(LIVE, method, &path, body).await.refused(404, "resource_missing", "No such webhook", "");
    }
    let event = world.call_as(OTHER, "GET", "/events", Value::Null).await.ok(200)["data"][0].clone();
    let resend = format!("/events/{}/resend", id(&event));
    let body = json!({"webhookEndpointId": made["id"]});
    let reply = world.call_as(OTHER, "POST", &resend, body).await;
    reply.refused(400, "invalid_request", "must be the id of a webhook endpoint of yours", "webhookEndpointId");
    world.get(&path).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_shown_once_even_under_an_idempotency_key() {
    let world = World::new().await;
    let body = json!({"url": URL}).to_string();
    let first = post_as(&world, "/webhook-endpoints", "make", &body).await.ok(201);
    let again = post_as(&world, "/webhook-endpoints", "make", &body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    let again = again.ok(201);
    assert!(first["data"]["secret"].is_string());
    assert_eq!((&again["id"], &again["data"]["secret"]), (&first["id"], &Value::Null));
    let rotate = format!("/webhook-endpoints/{}/rotate-secret", id(&first));
    let rotated = post_as(&world, &rotate, "rotate", "{}").await.ok(200);
    let again = post_as(&world, &rotate, "rotate", "{}").await.ok(200);
    assert!(rotated["data"]["secret"].is_string() && again["data"]["secret"].is_null());
    assert_eq!(types(&world).await, ["webhook_endpoint.created", "webhook_endpoint.secret_rotated"]);
    let test = format!("/webhook-endpoints/{}/test", id(&first));
    let tested = post_as(&world, &test, "test", "{}").await.ok(200);
    assert_eq!(post_as(&world, &test, "test", "{}").await.ok(200), tested);
    assert_eq!(types(&world).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn there_can_be_a_hundred_endpoints() {
    let world = World::new().await;
    let mut last = Value::Null;
    for _ in 0..100 {
        last = create(&world, json!({"url": URL})).await;
    }
    let refused = world.post("/webhook-endpoints", json!({"url": URL})).await;
    refused.refused(400, "invalid_request", "There can be at most 100 webhook endpoints; delete one first", "");
    world.call_as(OTHER, "POST", "/webhook-endpoints", json!({"url": URL})).await.ok(201);
    world.call("DELETE", &format!("/webhook-endpoints/{}", id(&last)), Value::Null).await.ok(200);
    create(&world, json!({"url": URL})).await;
}

#[tokio::test(start_paused = true)]
async fn deliveries_are_asked_for_shown_and_listed() {
    let world = World::new().await;
    let made = create(&world, json!({"url": URL, "enabledEvents": ["dispute.*"]})).await;
    let other = create(&world, json!({"url": URL, "enabledEvents": ["payment_intent.*"]})).await;
    let path = format!("/webhook-endpoints/{}", id(&made));
    let intent = world.intent(true).await;
    let event = world.get(&format!("/events?paymentIntentId={intent}&type=payment_intent.created")).await.ok(200);
    let event = event["data"][0].clone();
    let resend = format!("/events/{}/resend", id(&event));
    let to_one = world.post(&resend, json!({"webhookEndpointId": made["id"]})).await.ok(200);
    let to_all = world.post(&resend, json!({})).await.ok(200);
    assert_eq!(to_one["data"][0]["webhookEndpointId"], made["id"], "whatever it has chosen");
    let told: Vec<&Value> =
        to_all["data"].as_array().expect("a list").iter().map(|it| &it["webhookEndpointId"]).collect();
    assert_eq!(told, [&other["id"]], "those that have chosen it");
    let delivery = &to_one["data"][0];
    assert_eq!(delivery["status"], "pending");
    assert_eq!((&delivery["eventId"], &delivery["eventType"]), (&event["id"], &json!("payment_intent.created")));
    assert_eq!((&delivery["paymentIntentId"], &delivery["attempts"]), (&json!(intent), &json!([])));
    let shown = world.get(&format!("/webhook-deliveries/{}", id(delivery))).await.ok(200);
    assert_eq!(shown["data"]["requestBody"], event);
    let again = world.post(&resend, json!({"webhookEndpointId": made["id"]})).await.ok(200);
    assert_eq!(again["data"][0]["id"], delivery["id"], "an event has one delivery to an endpoint");
    let redelivered = world.post(&format!("/webhook-deliveries/{}/redeliver", id(delivery)), json!({})).await.ok(200);
    assert_eq!((&redelivered["id"], &redelivered["status"]), (&delivery["id"], &json!("pending")));
    let tested = world.post(&format!("{path}/test"), json!({})).await.ok(200);
    assert_eq!(tested["data"]["eventType"], "webhook_endpoint.test");
    let list = world.get(&format!("{path}/deliveries")).await.ok(200);
    let ids: Vec<&Value> = list["data"].as_array().expect("a list").iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&tested["id"], &delivery["id"]], "those of the newest events first");
    for (query, count) in [
        ("?status=pending", 2),
        ("?status=succeeded", 0),
        (&format!("?eventId={}", id(&event)), 1),
        (&format!("?limit=1&starting_after={}", id(&tested)), 1),
    ] {
        let list = world.get(&format!("{path}/deliveries{query}")).await.ok(200);
        assert_eq!(list["data"].as_array().expect("a list").len(), count, "{query}");
    }
    world.get(&format!("{path}/deliveries?status=lost")).await.refused(
        400,
        "invalid_request",
        "must be one of",
        "status",
    );
    let others = format!("{path}/deliveries?starting_after={}", id(&to_all["data"][0]));
    world.get(&others).await.refused(400, "invalid_request", "names nothing in this list", "starting_after");
    world.call("PATCH", &path, json!({"status": "disabled"})).await.ok(200);
    for (path, body) in [
        (format!("{path}/test"), json!({})),
        (format!("/webhook-deliveries/{}/redeliver", id(delivery)), json!({})),
        (resend.clone(), json!({"webhookEndpointId": made["id"]})),
    ] {
        world.post(&path, body).await.refused(400, "invalid_status", "This webhook endpoint is disabled", "");
    }
    world.get("/webhook-deliveries/wd_7").await.refused(404, "resource_missing", "No such webhook delivery: wd_7", "");
}
