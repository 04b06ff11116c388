//! Payment intents.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{LIVE, PUBLIC_URL, START_MS, World, intent_body};

fn with(changes: Value) -> Value {
    let mut body = intent_body();
    for (name, value) in changes.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

#[tokio::test(start_paused = true)]
async fn the_whole_object() {
    let world = World::with_fee(250).await;
    let body = with(json!({
        "description": "Project 7", "metadata": {"projectId": "7"}, "returnUrl": "https://shop.example/thanks",
        "autoRelease": true, "releaseType": "MILESTONE_LOCKED",
    }));
    let created = world.post("/payment-intents", body).await.ok(200);
    let id = created["id"].as_str().expect("an id");
    assert!(id.starts_with("intent_"), "{id}");
    let seconds = START_MS / 1000;
    let data = json!({
        "id": id, "object": "payment_intent", "merchantId": created["data"]["merchantId"], "status": "INITIATED",
        "amount": "1000.00", "currency": "USDC", "type": "DELIVERY_VS_PAYMENT", "description": "Project 7",
        "settlementMethod": "OFF_RAMP_MOCK", "settlementDestination": "bank_account_123", "settlementStatus": null,
        "contractAddress": "0x242eAa9010E34A0CC33AE33bCdc42B597662Bd48", "transactionHash": null, "chainId": 11_155_111,
        "typedData": created["data"]["typedData"], "typedDataV4": created["data"]["typedDataV4"], "signature": null,
        "signerAddress": null,
        "phases": [{
            "phase": "SIGNATURE_VERIFICATION", "status": "IN_PROGRESS", "startedAt": seconds.to_string(), "timestamp": seconds,
        }],
        "metadata": {"projectId": "7"}, "paymentUrl": format!("{PUBLIC_URL}/pay/{id}"),
        "returnUrl": "https://shop.example/thanks", "cancelUrl": null, "estimatedFee": "25.00",
        "estimatedDeliveryTime": null, "failureReason": null,
        "livemode": false, "created": seconds, "updated": seconds,
    });
    let whole = json!({
        "id": id, "object": "payment_intent", "status": "INITIATED", "data": data, "metadata": {"projectId": "7"},
        "paymentUrl": format!("{PUBLIC_URL}/pay/{id}"), "created": seconds, "updated": seconds,
    });
    assert_eq!(created, whole);
    assert_eq!(world.get(&format!("/payment-intents/{id}")).await.ok(200), whole);
    let list = world.get("/payment-intents").await.ok(200);
    assert_eq!(list, json!({"object": "list", "data": [data], "has_more": false, "url": "/v1/payment-intents"}));
}

#[tokio::test(start_paused = true)]
async fn required_fields_are_checked_in_order() {
    let world = World::new().await;
    let mut body = json!({});
    for (name, value) in [
        ("amount", json!("10")),
        ("currency", json!("USDC")),
        ("type", json!("CONDITIONAL")),
        ("settlementMethod", json!("OFF_RAMP_TO_BANK")),
        ("settlementDestination", json!("x")),
    ] {
        world.post("/payment-intents", body.clone()).await.refused(
            400,
            "invalid_request",
            &format!("{name} is required"),
            name,
        );
        body[name] = Value::Null;
        world.post("/payment-intents", body.clone()).await.refused(400, "invalid_request", "is required", name);
        body[name] = value;
    }
    let created = world.post("/payment-intents", body).await.ok(200);
    let escrow = format!("/payment-intents/{}/escrow", created["id"].as_str().expect("an id"));
    assert_eq!(world.get(&escrow).await.ok(200)["data"]["releaseType"], "DELIVERY_PROOF");
}

#[tokio::test(start_paused = true)]
async fn amounts_and_why_they_are_refused() {
    let world = World::new().await;
    let before = world.everything().await;
    for (amount, why) in [
        (json!(1000), "must be a decimal string, not a number"),
        (json!(10.5), "must be a decimal string, not a number"),
        (json!(true), "must be a decimal string"),
        (json!({}), "must be a decimal string"),
        (json!(""), "must not be empty"),
        (json!("1e3"), "exponent"),
        (json!("-1"), "sign"),
        (json!("+1"), "sign"),
        (json!(" 1"), "spaces"),
        (json!("1 "), "spaces"),
        (json!("1,000"), "separators"),
        (json!("0"), "greater than zero"),
        (json!("0.000000"), "greater than zero"),
        (json!("0.0000001"), "at most 6 decimals for USDC"),
        (json!("1000000001"), "at most 1000000000 units"),
        (json!("1000000000.000001"), "at most 1000000000 units"),
        (json!("ten"), "decimal number"),
        (json!("1\u{0}"), "decimal number"),
    ] {
        let reply = world.post("/payment-intents", with(json!({"amount": amount}))).await;
        reply.refused(400, "invalid_request", why, "amount");
    }
    for (amount, currency, why) in
        [("0.001", "USD", "at most 2 decimals for USD"), ("1.234", "INR", "at most 2 decimals")]
    {
        let reply = world.post("/payment-intents", with(json!({"amount": amount, "currency": currency}))).await;
        reply.refused(400, "invalid_request", why, "amount");
    }
    assert_eq!(world.everything().await, before);
    for (amount, shown) in [
        ("1000", "1000.00"),
        ("1000.0", "1000.00"),
        ("1000.00", "1000.00"),
        ("0.000001", "0.000001"),
        ("1000000000", "1000000000.00"),
    ] {
        let created = world.post("/payment-intents", with(json!({"amount": amount}))).await.ok(200);
        assert_eq!(created["data"]["amount"], shown);
    }
}

#[tokio::test(start_paused = true)]
async fn fields_and_why_they_are_refused() {
    let world = World::new().await;
    let before = world.everything().await;
    let many_keys: serde_json::Map<_, _> = (0..51).map(|key| (format!("k{key}"), json!(key))).collect();
    let milestone = |index: i64, amount: &str| json!({"milestoneIndex": index, "amount": amount});
    let many_milestones: Vec<_> = (0..101).map(|index| milestone(index, "0.01")).collect();
    let long = "x".repeat(2049);
    for (changes, param, why) in [
        (json!({"currency": "usdc"}), "currency", "USDC, USDT, DAI, USD, EUR, GBP, INR"),
        (json!({"currency": 5}), "currency", "must be a string"),
        (
            json!({"type": "ESCROW"}),
            "type",
            "Invalid payment type. Must be CONSENTED_PULL, CONDITIONAL or DELIVERY_VS_PAYMENT",
        ),
        (json!({"settlementMethod": "CASH"}), "settlementMethod", "OFF_RAMP_TO_WIRE"),
        (json!({"settlementDestination": " "}), "settlementDestination", "must not be empty"),
        (json!({"settlementDestination": long}), "settlementDestination", "at most 2048 bytes"),
        (json!({"description": long}), "description", "at most 2048 bytes"),
        (json!({"description": "a\u{0}b"}), "description", "control characters"),
        (json!({"description": "a\rb"}), "description", "control characters"),
        (json!({"description": []}), "description", "must be a string"),
        (json!({"metadata": "x"}), "metadata", "must be an object"),
        (json!({"metadata": []}), "metadata", "must be an object"),
        (json!({"metadata": many_keys}), "metadata", "at most 50 keys"),
        (json!({"metadata": {"k": "x".repeat(16 * 1024)}}), "metadata", "at most 16384 bytes"),
        (json!({"metadata": {"k": "\u{7}"}}), "metadata.k", "control characters"),
        (json!({"metadata": {"k": [{"d\u{0}": 1}]}}), "metadata.k", "control characters"),
        (json!({"metadata": {"k\u{0}": 1}}), "metadata", "control characters"),
        (
            json!({"releaseType": "SOMEDAY"}),
            "releaseType",
            "DELIVERY_PROOF, TIME_LOCKED, MILESTONE_LOCKED, AUTO_RELEASE",
        ),
        (json!({"releaseType": 3}), "releaseType", "must be a string"),
        (json!({"releaseType": "TIME_LOCKED"}), "timeLockUntil", "is required for releaseType TIME_LOCKED"),
        (
            json!({"releaseType": "TIME_LOCKED", "type": "CONSENTED_PULL", "metadata": {}}),
            "timeLockUntil",
            "is required for releaseType TIME_LOCKED",
        ),
        (json!({"releaseType": "TIME_LOCKED", "timeLockUntil": -1}), "timeLockUntil", "integer from 0"),
        (
            json!({"releaseType": "TIME_LOCKED", "timeLockUntil": "1", "requireApproval": true}),
            "requireApproval",
            "requireApproval cannot be combined with releaseType TIME_LOCKED, which releases at timeLockUntil whoever approves",
        ),
        (
            json!({"releaseType": "TIME_LOCKED", "metadata": {"timeLockUntil": 1, "requireApproval": "true"}}),
            "metadata.requireApproval",
            "cannot be combined",
        ),
        (json!({"requireDelivery": 1}), "requireDelivery", "must be true or false"),
        (json!({"releaseType": null, "metadata": {"releaseType": "X"}}), "metadata.releaseType", "must be one of"),
        (json!({"autoRelease": "true"}), "autoRelease", "must be true or false"),
        (json!({"metadata": {"autoRelease": "yes"}}), "metadata.autoRelease", "must be true or false"),
        (json!({"deliveryPeriod": 0}), "deliveryPeriod", "seconds from 1 to 315360000"),
        (json!({"deliveryPeriod": "a week"}), "deliveryPeriod", "\"24h\""),
        (json!({"deliveryPeriod": "4000d"}), "deliveryPeriod", "seconds from 1"),
        (json!({"disputeWindow": "91d"}), "disputeWindow", "from 0 to 7776000"),
        (json!({"timeLockUntil": "tomorrow"}), "timeLockUntil", "integer"),
        (json!({"expectedDeliveryHash": "0x12"}), "expectedDeliveryHash", "valid bytes32 hex string"),
        (json!({"deliveryOracle": "me@example.com"}), "deliveryOracle", "address"),
        (json!({"returnUrl": "javascript:alert(1)"}), "returnUrl", "http or https URL"),
        (json!({"successUrl": "shop.example"}), "successUrl", "http or https URL"),
        (json!({"cancelUrl": format!("https://x/{long}")}), "cancelUrl", "at most 2048 bytes"),
        (json!({"requireApproval": "true"}), "requireApproval", "must be true or false"),
        (json!({"approvalPeriod": 0}), "approvalPeriod", "seconds from 1 to 7776000"),
        (json!({"metadata": {"approvalPeriod": "91d"}}), "metadata.approvalPeriod", "seconds from 1 to 7776000"),
        (json!({"milestones": {}}), "milestones", "list of at most 100 objects"),
        (json!({"milestones": many_milestones}), "milestones", "list of at most 100 objects"),
        (json!({"milestones": [1]}), "milestones[0]", "must be an object"),
        (json!({"milestones": [milestone(0, "1"), {"milestoneIndex": 1}]}), "milestones[1].amount", "is required"),
        (
            json!({"milestones": [milestone(0, "1"), milestone(-1, "1")]}),
            "milestones[1].milestoneIndex",
            "integer from 0",
        ),
        (json!({"milestones": [milestone(0, "1"), milestone(0, "1")]}), "milestones[1].milestoneIndex", "twice"),
        (json!({"milestones": [milestone(0, "0.0000001")]}), "milestones[0].amount", "6 decimals"),
        (
            json!({"milestones": [milestone(0, "600"), milestone(1, "400.000001")]}),
            "amount",
            "exceed escrow order amount",
        ),
    ] {
        let reply = world.post("/payment-intents", with(changes)).await;
        reply.refused(400, "invalid_request", why, param);
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn conditions_stand_at_the_top_or_in_metadata_and_the_top_wins() {
    let world = World::new().await;
    let address = "0x742d35Cc6634C0532925a3b844Bc9e7595f42318";
    let hash = format!("0x{}", "aB".repeat(32));
    let inside = json!({
        "releaseType": "MILESTONE_LOCKED", "autoRelease": "true", "deliveryPeriod": "3600", "disputeWindow": 60,
        "expectedDeliveryHash": hash, "deliveryOracle": address, "timeLockUntil": "1900000000", "other": 1,
        "requireDelivery": "true", "requireApproval": true, "approvalPeriod": "2h",
    });
    let created = world.post("/payment-intents", with(json!({"releaseType": null, "metadata": inside}))).await.ok(200);
    assert_eq!(created["metadata"], inside);
    let id = created["id"].as_str().expect("an id");
    let escrow = world.get(&format!("/payment-intents/{id}/escrow")).await.ok(200);
    for (name, value) in [
        // What only approval releases does not release itself.
        ("autoReleaseOnProof", json!(false)),
        ("requireApproval", json!(true)),
        ("approvalPeriod", json!("7200")),
        ("deliveryPeriod", json!(3600)),
        ("disputeWindow", json!("60")),
        ("expectedDeliveryHash", json!(hash)),
        ("deliveryOracle", json!(address)),
        ("timeLockUntil", json!("1900000000")),
    ] {
        assert_eq!(escrow["data"][name], value, "{name}");
    }
    let signed = &created["data"]["typedData"]["message"]["terms"];
    assert_eq!((&signed["autoRelease"], &signed["requireDelivery"]), (&json!(true), &json!(true)));
    let body = with(json!({
        "autoRelease": false, "requireApproval": false, "approvalPeriod": 60, "deliveryPeriod": "1d", "metadata": inside,
    }));
    let created = world.post("/payment-intents", body).await.ok(200);
    let id = created["id"].as_str().expect("an id");
    let escrow = world.get(&format!("/payment-intents/{id}/escrow")).await.ok(200);
    for (name, value) in [
        ("autoReleaseOnProof", json!(false)),
        ("requireApproval", json!(false)),
        ("approvalPeriod", json!("60")),
        ("deliveryPeriod", json!(86_400)),
    ] {
        assert_eq!(escrow["data"][name], value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_release_type_is_served() {
    let world = World::new().await;
    for (changes, shown) in [
        (json!({"releaseType": null}), "DELIVERY_PROOF"),
        (json!({"releaseType": "DELIVERY_PROOF"}), "DELIVERY_PROOF"),
        (json!({"releaseType": "AUTO_RELEASE"}), "AUTO_RELEASE"),
        (json!({"releaseType": "MILESTONE_LOCKED"}), "MILESTONE_LOCKED"),
        (json!({"releaseType": "TIME_LOCKED", "timeLockUntil": 1, "requireApproval": false}), "TIME_LOCKED"),
    ] {
        let created = world.post("/payment-intents", with(changes)).await.ok(200);
        let escrow = format!("/payment-intents/{}/escrow", created["id"].as_str().expect("an id"));
        assert_eq!(world.get(&escrow).await.ok(200)["data"]["releaseType"], shown);
    }
}

#[tokio::test(start_paused = true)]
async fn live_money_has_no_way_in() {
    let world = World::new().await;
    let before = world.everything().await;
    let reply = world.call_as(LIVE, "POST", "/payment-intents", intent_body()).await;
    reply.refused(503, "service_unavailable", "no live rail configured", "");
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn milestones_are_created_along() {
    let world = World::new().await;
    let milestones = json!([
        {"milestoneIndex": 1, "amount": "700"},
        {"milestoneIndex": 0, "amount": "300", "description": "Kickoff", "percentage": 30},
    ]);
    let created = world.post("/payment-intents", with(json!({"milestones": milestones}))).await.ok(200);
    let list = world
        .get(&format!("/payment-intents/{}/escrow/milestones", created["id"].as_str().expect("an id")))
        .await
        .ok(200);
    assert_eq!(list["data"][0]["description"], "Kickoff");
    assert_eq!(list["data"][1]["amount"], "700.00");
    let pull = with(json!({"type": "CONSENTED_PULL", "milestones": milestones}));
    world.post("/payment-intents", pull).await.refused(400, "invalid_request", "not of type DELIVERY_VS_PAYMENT", "");
}

#[tokio::test(start_paused = true)]
async fn a_payment_without_escrow() {
    let world = World::new().await;
    let body = with(json!({"type": "CONSENTED_PULL", "releaseType": null}));
    let id = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
    let message = "Payment intent is not of type DELIVERY_VS_PAYMENT";
    world.get(&format!("/payment-intents/{id}/escrow")).await.refused(400, "invalid_request", message, "");
    world.get(&format!("/payment-intents/{id}/escrow/milestones")).await.refused(400, "invalid_request", message, "");
    let milestone = json!({"milestoneIndex": 0, "amount": "1"});
    let reply = world.post(&format!("/payment-intents/{id}/escrow/milestones"), milestone).await;
    reply.refused(400, "invalid_request", message, "");
    let funded = world.post(&format!("/test-helpers/payment-intents/{id}/fund"), Value::Null).await.ok(200);
    assert_eq!(funded["status"], "SUCCEEDED");
    assert_eq!(funded["data"]["settlementStatus"], "PENDING");
    assert_eq!(funded["data"]["phases"][1]["phase"], "SETTLEMENT");
}

#[tokio::test(start_paused = true)]
async fn canceling() {
    let world = World::new().await;
    let id = world.intent(true).await;
    let milestone = world.milestone(&id, 0, "1000").await;
    let cancel = format!("/payment-intents/{id}/cancel");
    let canceled = world.post(&cancel, Value::Null).await.ok(200);
    assert_eq!(canceled["status"], "CANCELED");
    assert_eq!(canceled["data"]["phases"], json!([]));
    world.post(&cancel, Value::Null).await.refused(
        400,
        "invalid_state_transition",
        "Cannot cancel payment intent in status: CANCELED",
        "",
    );
    let one = world.get(&format!("/payment-intents/{id}/escrow/milestones/{milestone}")).await.ok(200);
    assert_eq!(one["status"], "CANCELLED");

    let id = world.intent(false).await;
    world.post(&format!("/test-helpers/payment-intents/{id}/fund"), Value::Null).await.ok(200);
    world.post(&format!("/payment-intents/{id}/cancel"), Value::Null).await.ok(200);
    let escrow = world.get(&format!("/payment-intents/{id}/escrow")).await.ok(200);
    assert_eq!(escrow["data"]["refundedAmount"], "1000.00");
    assert_eq!(escrow["data"]["heldAmount"], "0.00");
    assert_eq!(escrow["data"]["settlementStatus"], "CANCELLED");

    let id = world.intent(true).await;
    let milestone = world.milestone(&id, 0, "1").await;
    let complete = format!("/payment-intents/{id}/escrow/milestones/{milestone}/complete");
    world.post(&complete, json!({"completedBy": "me"})).await.ok(200);
    let before = world.everything().await;
    let reply = world.post(&format!("/payment-intents/{id}/cancel"), Value::Null).await;
    reply.refused(400, "invalid_state_transition", "Cannot cancel payment intent after a release", "");
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn funding_by_the_helper() {
    let world = World::new().await;
    let id = world.intent(true).await;
    let fund = format!("/test-helpers/payment-intents/{id}/fund");
    let funded = world.post(&fund, Value::Null).await.ok(200);
    assert_eq!(funded["status"], "SUCCEEDED");
    assert_eq!(funded["data"]["estimatedDeliveryTime"], "2027-02-14T08:00:00.000Z");
    assert_eq!(funded["data"]["phases"][0]["status"], "COMPLETED");
    assert_eq!(funded["data"]["phases"][2]["phase"], "AWAITING_DELIVERY_PROOF");
}

#[tokio::test(start_paused = true)]
async fn pages() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.insert(0, world.intent(true).await);
    }
    let page = async |query: &str| {
        let list = world.get(&format!("/payment-intents?{query}")).await.ok(200);
        let seen: Vec<_> = list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| item["id"].as_str().expect("an id").to_owned())
            .collect();
        (seen, list["has_more"] == true)
    };
    assert_eq!(page("").await, (ids[..10].to_vec(), true));
    assert_eq!(page("limit=100").await, (ids.clone(), false));
    assert_eq!(page("limit=").await.0.len(), 10);
    assert_eq!(page("offset=10").await, (ids[10..].to_vec(), false));
    assert_eq!(page("offset=100&limit=5").await, (vec![], false));
    assert_eq!(page(&format!("limit=3&starting_after={}", ids[2])).await, (ids[3..6].to_vec(), true));
    assert_eq!(page(&format!("limit=3&ending_before={}", ids[5])).await, (ids[2..5].to_vec(), true));
    assert_eq!(page(&format!("ending_before={}", ids[2])).await, (ids[..2].to_vec(), false));
    let other = world.call_as(crate::world::OTHER, "POST", "/payment-intents", intent_body()).await.ok(200);
    let other = other["id"].as_str().expect("an id");
    for (query, param, why) in [
        ("limit=0".to_owned(), "limit", "integer from 1 to 100"),
        ("limit=101".to_owned(), "limit", "integer from 1 to 100"),
        ("limit=ten".to_owned(), "limit", "integer from 1 to 100"),
        ("limit=1.5".to_owned(), "limit", "integer from 1 to 100"),
        ("offset=-1".to_owned(), "offset", "integer from 0"),
        ("offset=99999999999999999999".to_owned(), "offset", "integer from 0"),
        ("starting_after=nonsense".to_owned(), "starting_after", "names nothing"),
        ("ending_before=intent_0000000000000000000000".to_owned(), "ending_before", "names nothing"),
        (format!("starting_after={other}"), "starting_after", "names nothing"),
        (format!("starting_after={}&offset=1", ids[0]), "offset", "Only one of"),
        (format!("starting_after={0}&ending_before={0}", ids[0]), "ending_before", "Only one of"),
    ] {
        world.get(&format!("/payment-intents?{query}")).await.refused(400, "invalid_request", why, param);
    }
}

#[tokio::test(start_paused = true)]
async fn filters() {
    let world = World::new().await;
    let first = world.intent(true).await;
    world.host.advance(escrow::Span::from_ms(Duration::from_millis(1500).as_millis().try_into().expect("small")));
    let body = with(json!({"type": "CONDITIONAL", "currency": "EUR"}));
    let second = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
    world.post(&format!("/payment-intents/{second}/cancel"), Value::Null).await.ok(200);
    let seconds = START_MS / 1000;
    for (query, expected) in [
        ("status=INITIATED".to_owned(), vec![&first]),
        ("status=CANCELED".to_owned(), vec![&second]),
        ("type=CONDITIONAL".to_owned(), vec![&second]),
        ("currency=USDC".to_owned(), vec![&first]),
        (format!("created[gte]={}", seconds + 1), vec![&second]),
        (format!("created%5Blte%5D={seconds}"), vec![&first]),
        (format!("created[lte]={}", seconds + 1), vec![&second, &first]),
        (format!("created[gte]={seconds}&currency=EUR&status=INITIATED"), vec![]),
        ("unknown=parameter".to_owned(), vec![&second, &first]),
    ] {
        let list = world.get(&format!("/payment-intents?{query}")).await.ok(200);
        let seen: Vec<_> =
            list["data"].as_array().expect("a list").iter().map(|item| item["id"].as_str().expect("an id")).collect();
        assert_eq!(seen, expected, "{query}");
    }
    for (query, param) in [
        ("status=DONE", "status"),
        ("type=x", "type"),
        ("currency=XYZ", "currency"),
        ("created[gte]=yesterday", "created[gte]"),
        ("created[gt]=1", "created[gt]"),
    ] {
        world.get(&format!("/payment-intents?{query}")).await.refused(400, "invalid_request", "", param);
    }
    world.get("/payment-intents?status=%FF").await.refused(400, "invalid_request", "valid UTF-8", "");
}

#[tokio::test(start_paused = true)]
async fn filters_by_metadata() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for metadata in [
        json!({"orderId": "7", "shop": "north", "note": "a & b [c]"}),
        json!({"orderId": 7, "shop": "north", "gift": true}),
        json!({"orderId": "8", "shop": "south", "rate": 1.5, "lines": ["7"], "orderid": null}),
        json!({"orderId": "9", "shop": "north", "long": "x".repeat(501), ("x".repeat(41)): "7", "fits": "ü".repeat(500)}),
    ] {
        ids.push(world.intent_with(json!({"metadata": metadata, "releaseType": "MILESTONE_LOCKED"})).await);
    }
    ids.push(world.intent_with(json!({"metadata": {"orderId": "7"}, "type": "CONDITIONAL"})).await);
    world.post(&format!("/payment-intents/{}/cancel", ids[1]), Value::Null).await.ok(200);
    let long = format!("metadata[fits]={}", "%C3%BC".repeat(500));
    for (query, expected) in [
        ("metadata[orderId]=7", vec![4, 1, 0]),
        ("metadata%5BorderId%5D=7&type=CONDITIONAL", vec![4]),
        ("metadata[orderId]=7&status=CANCELED&currency=USDC", vec![1]),
        ("metadata[orderId]=7&metadata[shop]=north", vec![1, 0]),
        ("metadata[orderId]=7&metadata[shop]=south", vec![]),
        // The last value of a name counts, and an empty one is none.
        ("metadata[orderId]=7&metadata[orderId]=8", vec![2]),
        ("metadata[orderId]=&metadata[shop]=south", vec![2]),
        ("metadata[note]=a+%26+b+[c]", vec![0]),
        ("metadata[gift]=true", vec![1]),
        ("metadata[rate]=1.5", vec![2]),
        ("metadata[lines]=7", vec![]),
        ("metadata[orderid]=null", vec![]),
        ("metadata[nobody]=7", vec![]),
        ("metadata[orderId]=%00", vec![]),
        (&long, vec![3]),
    ] {
        let list = world.get(&format!("/payment-intents?{query}")).await.ok(200);
        let seen: Vec<_> =
            list["data"].as_array().expect("a list").iter().map(|item| item["id"].as_str().expect("an id")).collect();
        assert_eq!(seen, expected.into_iter().map(|place: usize| ids[place].as_str()).collect::<Vec<_>>(), "{query}");
        assert_eq!(list["has_more"], false);
    }
    let first = world.get("/payment-intents?metadata[orderId]=7&limit=1").await.ok(200);
    assert_eq!((&first["data"][0]["id"], &first["has_more"]), (&json!(ids[4]), &json!(true)));
    let next =
        world.get(&format!("/payment-intents?metadata[orderId]=7&limit=2&starting_after={}", ids[4])).await.ok(200);
    assert_eq!((&next["data"][1]["id"], &next["has_more"]), (&json!(ids[0]), &json!(false)));
    let (name, value) = (format!("metadata[{}]", "x".repeat(41)), "x".repeat(501));
    let many: Vec<String> = (0..11).map(|number| format!("metadata[{number}]=1")).collect();
    for (query, why, param) in [
        ("metadata=7".to_owned(), "Filter by metadata[name]", "metadata"),
        ("metadata[]=7".to_owned(), "Filter by metadata[name]", "metadata[]"),
        ("metadata[a=7".to_owned(), "Filter by metadata[name]", "metadata[a"),
        ("metadata[a][b]=7".to_owned(), "no brackets in it", "metadata[a][b]"),
        ("metadata.orderId=7".to_owned(), "Filter by metadata[name]", "metadata.orderId"),
        (
            format!("{name}=7"),
            "names of up to 40 characters and values of up to 500: this name is longer",
            name.as_str(),
        ),
        (format!("metadata[long]={value}"), "this value is longer", "metadata[long]"),
        (many.join("&"), "at most 10 members", "metadata[10]"),
    ] {
        world.get(&format!("/payment-intents?{query}")).await.refused(400, "invalid_request", why, param);
    }
}
