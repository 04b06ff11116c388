//! Programs written for this API send odd things and read odd places; each of them works here.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::world::{Reply, TEST, World, intent_body};

/// A request as a program sends it, byte for byte.
async fn send(world: &World, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let request = headers
        .iter()
        .fold(Request::builder().method(method).uri(path), |request, (name, value)| request.header(*name, *value));
    world.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

const JSON: [(&str, &str); 2] = [("X-API-Key", TEST), ("Content-Type", "application/json")];

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {value}"))
}

#[tokio::test(start_paused = true)]
async fn a_cancel_with_a_json_content_type_and_no_body() {
    let world = World::new().await;
    for body in ["", "  \n", "{}"] {
        let intent = world.intent(true).await;
        let canceled = send(&world, "POST", &format!("/v1/payment-intents/{intent}/cancel"), &JSON, body).await.ok(200);
        assert_eq!((text(&canceled, "/status"), text(&canceled, "/data/status")), ("CANCELED", "CANCELED"));
    }
    let intent = world.intent(true).await;
    let bare = [("X-API-Key", TEST)];
    send(&world, "POST", &format!("/v1/payment-intents/{intent}/cancel"), &bare, "").await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn a_confirm_without_anything_is_told_what_it_lacks() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let refused = send(&world, "POST", &format!("/v1/payment-intents/{intent}/confirm"), &JSON, "{}").await;
    refused.refused(400, "invalid_request", "signature is required", "signature");
}

#[tokio::test(start_paused = true)]
async fn labels_are_e_mails_names_or_ids_of_databases() {
    let world = World::new().await;
    for label in [
        "builder@example.com",
        "system",
        "42",
        "65f1c0de9b1e8a0012ab34cd",
        "0x742d35Cc6634C0532925a3b844Bc9e7595f42318",
        "Žofia ☂",
    ] {
        let intent = world.intent(true).await;
        let milestone = world.milestone(&intent, 0, "1000").await;
        let path = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
        let body = json!({"completedBy": label, "completionProof": "", "completionProofURI": ""});
        let completed = world.post(&path, body).await.ok(200);
        assert_eq!((text(&completed, "/data/completedBy"), text(&completed, "/data/status")), (label, "RELEASED"));

        let intent = world.intent_with(json!({"releaseType": "DELIVERY_PROOF"})).await;
        let body = json!({"proofHash": format!("0x{}", "1".repeat(64)), "submittedBy": label});
        let proof = world.post(&format!("/payment-intents/{intent}/escrow/delivery-proof"), body).await.ok(200);
        assert_eq!(text(&proof, "/data/submittedBy"), label);
    }
}

#[tokio::test(start_paused = true)]
async fn amounts_periods_and_times_in_every_form() {
    let world = World::new().await;
    for (changes, pointer, shown) in [
        (json!({"amount": "1000"}), "/data/amount", "1000.00"),
        (json!({"amount": "1000.0"}), "/data/amount", "1000.00"),
        (json!({"amount": "0.000001"}), "/data/amount", "0.000001"),
        (json!({"deliveryPeriod": "24h"}), "/data/status", "INITIATED"),
        (json!({"deliveryPeriod": "30d"}), "/data/status", "INITIATED"),
        (json!({"deliveryPeriod": "2592000"}), "/data/status", "INITIATED"),
        (json!({"deliveryPeriod": 2_592_000}), "/data/status", "INITIATED"),
        (json!({"releaseType": "TIME_LOCKED", "timeLockUntil": 1}), "/data/status", "INITIATED"),
        (json!({"releaseType": "TIME_LOCKED", "timeLockUntil": "1700000000"}), "/data/status", "INITIATED"),
        (json!({"successUrl": "https://shop.example/thanks"}), "/data/returnUrl", "https://shop.example/thanks"),
        (json!({"customerEmail": "a@b.c", "nested": {"x": [1]}}), "/data/status", "INITIATED"),
        (
            json!({"metadata": {"deliveryPeriod": "24h", "autoRelease": "true", "orderId": 7}}),
            "/data/status",
            "INITIATED",
        ),
    ] {
        let mut body = intent_body();
        for (name, value) in changes.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let made = world.post("/payment-intents", body).await.ok(200);
        assert_eq!(text(&made, pointer), shown, "{changes}");
    }
}

#[tokio::test(start_paused = true)]
async fn lists_by_limit_and_offset() {
    let world = World::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(world.intent(true).await);
    }
    let listed = world.get("/payment-intents?limit=2&offset=1").await.ok(200);
    let ids: Vec<&str> = listed["data"].as_array().expect("a list").iter().map(|it| text(it, "/id")).collect();
    assert_eq!(
        (ids, &listed["has_more"], text(&listed, "/object")),
        (vec![made[1].as_str(), made[0].as_str()], &json!(false), "list")
    );
}

#[tokio::test(start_paused = true)]
async fn header_names_in_any_case_and_keys_in_any_header() {
    let world = World::new().await;
    let basic = format!("Basic {}", "c2tfdGVzdF9tZXJjaGFudC1vbmU6"); // sk_test_merchant-one:
    let bearer = format!("Bearer {TEST}");
    for (name, value) in [
        ("X-API-Key", TEST),
        ("x-api-key", TEST),
        ("X-Api-KEY", TEST),
        ("AUTHORIZATION", bearer.as_str()),
        ("authorization", basic.as_str()),
    ] {
        send(&world, "GET", "/v1/payment-intents", &[(name, value)], "").await.ok(200);
    }
    let headers = [("x-api-key", TEST), ("content-TYPE", "application/json; charset=utf-8"), ("IDEMPOTENCY-key", "k")];
    let body = intent_body().to_string();
    send(&world, "POST", "/api/v1/payment-intents", &headers, &body).await.ok(200);
    assert_eq!(
        send(&world, "POST", "/v1/payment-intents", &headers, &body).await.header("Idempotent-Replayed"),
        "true"
    );
}

#[tokio::test(start_paused = true)]
async fn the_conditional_payment_family_is_the_escrow_under_another_name() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"type": "CONDITIONAL", "autoRelease": true})).await;
    let family = format!("/payment-intents/{intent}/conditional-payment");
    let body = json!({"milestoneIndex": 0, "amount": "1000"});
    let milestone = world.post(&format!("{family}/milestones"), body).await.ok(201);
    let shown = world.get(&family).await.ok(200);
    assert_eq!((text(&shown, "/object"), text(&shown, "/data/object")), ("conditional_payment", "conditional_payment"));
    for name in ["/data/escrowOrderId", "/data/conditionalPaymentId"] {
        assert_eq!(text(&milestone, name), text(&shown, "/id"));
    }
    let complete = format!("{family}/milestones/{}/complete", text(&milestone, "/id"));
    world.post(&complete, json!({"completedBy": "system"})).await.ok(200);
    let other = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!((text(&other, "/object"), text(&other, "/data/milestones/0/status")), ("escrow_order", "RELEASED"));

    let proven = world.intent_with(json!({"type": "CONDITIONAL", "releaseType": "DELIVERY_PROOF"})).await;
    let family = format!("/payment-intents/{proven}/conditional-payment");
    let body = json!({"proofHash": format!("0x{}", "1".repeat(64)), "submittedBy": "system"});
    let proof = world.post(&format!("{family}/delivery-proof"), body).await.ok(200);
    assert_eq!(text(&proof, "/data/conditionalPaymentId"), text(&proof, "/data/escrowOrderId"));
    let body = json!({"reason": "broken", "raisedBy": "system"});
    let dispute = world.post(&format!("{family}/dispute"), body).await.ok(200);
    assert_eq!((text(&dispute, "/object"), text(&dispute, "/status")), ("dispute", "raised"));
}

#[tokio::test(start_paused = true)]
async fn forms_with_nested_brackets() {
    let world = World::new().await;
    let form = "amount=1000&currency=USDC&type=DELIVERY_VS_PAYMENT&settlementMethod=OFF_RAMP_MOCK\
                &settlementDestination=bank_account_123&metadata[releaseType]=MILESTONE_LOCKED&metadata[autoRelease]=true\
                &metadata[order][id]=7&milestones[0][milestoneIndex]=0&milestones[0][amount]=300\
                &milestones[1][milestoneIndex]=1&milestones[1][amount]=700&description=two+halves%2C+almost";
    let headers = [("X-API-Key", TEST), ("Content-Type", "application/x-www-form-urlencoded")];
    let made = send(&world, "POST", "/v1/payment-intents", &headers, form).await.ok(200);
    assert_eq!((text(&made, "/data/amount"), text(&made, "/data/description")), ("1000.00", "two halves, almost"));
    assert_eq!(text(&made, "/metadata/order/id"), "7");
    let milestones = world.get(&format!("/payment-intents/{}/escrow/milestones", text(&made, "/id"))).await.ok(200);
    assert_eq!((text(&milestones, "/data/0/amount"), text(&milestones, "/data/1/amount")), ("300.00", "700.00"));
}

#[tokio::test(start_paused = true)]
async fn clients_read_what_they_look_for_where_they_look() {
    let world = World::new().await;
    let mut body = intent_body();
    body["metadata"] = json!({"releaseType": "MILESTONE_LOCKED", "autoRelease": true, "orderId": "7"});
    let made = world.post("/payment-intents", body).await.ok(200);
    for name in ["/id", "/status", "/metadata/orderId"] {
        assert_eq!(text(&made, name), text(&made, &format!("/data{name}")));
    }
    let intent = text(&made, "/id");
    // Right after the intent, without waiting for anything.
    let milestone = world.milestone(intent, 0, "1000").await;
    let escrow = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!((text(&escrow, "/data/status"), text(&escrow, "/data/orderStatus")), ("PENDING", "PENDING"));
    assert_eq!(text(&escrow, "/data/milestones/0/id"), milestone);
    assert_eq!(escrow["data"]["deliveryProofs"], json!([]));
    assert_eq!(text(&world.get("/payment-intents/account/balance").await.ok(200), "/data/availableBalance"), "0.00");

    let refused = world.post("/payment-intents", json!({"amount": 5})).await.ok(400);
    for name in ["code", "message", "type", "param"] {
        assert_eq!(refused[name], refused["error"][name], "flat and nested");
    }
    assert_eq!((text(&refused, "/object"), text(&refused, "/error/param")), ("error", "amount"));
}
