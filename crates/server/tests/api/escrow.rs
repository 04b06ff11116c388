//! The order, and the published example from end to end.

use serde_json::{Value, json};

use crate::world::{HACKATHON, START_MS, World, intent_body};

#[tokio::test(start_paused = true)]
async fn the_whole_object_under_both_names() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let escrow = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    let (id, seconds) = (escrow["id"].as_str().expect("an id"), START_MS / 1000);
    assert!(id.starts_with("escrow_order_"), "{id}");
    let mut data = json!({
        "id": id, "object": "escrow_order", "paymentIntentId": intent, "orderId": escrow["data"]["orderId"],
        "merchantId": escrow["data"]["merchantId"],
        "contractAddress": "0x242eAa9010E34A0CC33AE33bCdc42B597662Bd48",
        "tokenAddress": "0x2eb09AC7887e96A3E295B8b44B0BB55C059B2ED3",
        "amount": "1000.00", "deliveryPeriod": 2_592_000,
        "autoReleaseOnProof": true, "requireDelivery": false, "requireApproval": false, "approvalPeriod": "604800",
        "releaseType": "MILESTONE_LOCKED", "orderStatus": "PENDING", "status": "PENDING",
        "settlementStatus": "NONE", "disputeWindow": "604800",
        "deliveryProofs": [], "milestones": [], "disputes": [], "settlements": [], "refunds": [],
        "createdAt": "2027-01-15T08:00:00.000Z", "updatedAt": "2027-01-15T08:00:00.000Z",
    });
    for name in [
        "buyerAddress",
        "deliveryDeadline",
        "expectedDeliveryHash",
        "actualDeliveryHash",
        "deliveryOracle",
        "timeLockUntil",
        "disputeRaisedAt",
        "disputeReason",
        "disputeRaisedBy",
        "disputeResolvedAt",
        "disputeResolution",
        "createTxHash",
        "releasedAt",
        "settlementScheduledAt",
        "shippedAt",
        "carrier",
        "trackingNumber",
        "reclaimableFrom",
    ] {
        data[name] = Value::Null;
    }
    for name in ["fundedAmount", "heldAmount", "releasedAmount", "refundedAmount", "unallocatedAmount"] {
        data[name] = json!("0.00");
    }
    let order_id = data["orderId"].as_str().expect("a text");
    assert!(order_id.parse::<u128>().is_ok_and(|bits| bits > u128::from(u64::MAX)), "{order_id}");
    let envelope = |object: &str, data: &Value| json!({"id": id, "object": object, "status": "PENDING", "data": data, "created": seconds, "updated": seconds});
    assert_eq!(escrow, envelope("escrow_order", &data));
    data["object"] = json!("conditional_payment");
    let alias = world.get(&format!("/payment-intents/{intent}/conditional-payment")).await.ok(200);
    assert_eq!(alias, envelope("conditional_payment", &data));
}

/// What remains of the published programs, and what a merchant sees until the money is paid out.
#[tokio::test(start_paused = true)]
async fn the_published_example() {
    let world = World::new().await;
    let mut body = intent_body();
    body["releaseType"] = Value::Null;
    body["metadata"] = json!({"projectId": "PROJ-123", "releaseType": "MILESTONE_LOCKED", "autoRelease": true});
    let intent = world.call_as(HACKATHON, "POST", "/payment-intents", body).await.ok(200);
    let intent = intent["id"].as_str().expect("an id").to_owned();
    let milestones = format!("/payment-intents/{intent}/escrow/milestones");
    let mut ids = Vec::new();
    for (index, amount, percentage) in [(0, "300.00", 30), (1, "500.00", 50), (2, "200.00", 20)] {
        let body = json!({"milestoneIndex": index, "amount": amount, "description": "x", "percentage": percentage});
        ids.push(world.post(&milestones, body).await.ok(201)["id"].as_str().expect("an id").to_owned());
    }
    for (place, (id, available)) in ids.iter().zip(["300.00", "800.00", "1000.00"]).enumerate() {
        let body = json!({
            "completedBy": "0x742d35Cc6634C0532925a3b844Bc9e7595f42318", "completionProof": format!("proof_hash_{place}"),
        });
        world.post(&format!("{milestones}/{id}/complete"), body).await.ok(200);
        let balance = world.get("/payment-intents/account/balance").await.ok(200);
        assert_eq!(balance["data"]["availableBalance"], available);
        assert_eq!(balance["data"]["totalBalance"], "1000.00");
    }
    let escrow = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    let data = &escrow["data"];
    let of = |name: &str| -> Vec<_> {
        data["milestones"].as_array().expect("a list").iter().map(|item| item[name].clone()).collect()
    };
    assert_eq!(of("status"), ["RELEASED"; 3]);
    assert_eq!(of("amount"), ["300.00", "500.00", "200.00"]);
    for (name, value) in [
        ("orderStatus", "COMPLETED"),
        ("settlementStatus", "SCHEDULED"),
        ("fundedAmount", "1000.00"),
        ("releasedAmount", "1000.00"),
        ("heldAmount", "0.00"),
        ("deliveryDeadline", "1802592000"),
        ("releasedAt", "1800000000"),
        ("settlementScheduledAt", "1800000010"),
    ] {
        assert_eq!(data[name], value, "{name}");
    }
    assert_eq!(data["settlements"].as_array().map(Vec::len), Some(3));

    let path = format!("/payment-intents/{intent}");
    let settled = world.advance_until(10, &path, |intent| intent["status"] == "SETTLED").await;
    assert_eq!(settled["data"]["settlementStatus"], "COMPLETED");
    let phases: Vec<_> = settled["data"]["phases"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|phase| (phase["phase"].clone(), phase["status"].clone()))
        .collect();
    let done = json!("COMPLETED");
    assert_eq!(
        phases,
        ["BLOCKCHAIN_CONFIRMATION", "ESCROW_LOCKED", "AWAITING_DELIVERY_PROOF", "SETTLEMENT"]
            .map(|phase| (json!(phase), done.clone()))
    );
    world.advance_until(7 * 24 * 3600, &path, |intent| intent["status"] == "FINAL").await;
}
