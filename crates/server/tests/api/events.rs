//! The events that requests leave behind.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(start_paused = true)]
async fn bodies_of_events() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "1000").await;
    let path = format!("/payment-intents/{intent}/escrow/milestones/{milestone}");
    world.call("PATCH", &path, json!({"description": "all of it"})).await.ok(200);
    world.post(&format!("{path}/complete"), json!({"completedBy": "me"})).await.ok(200);
    let settled = |intent: &Value| intent["status"] == "SETTLED";
    world.advance_until(10, &format!("/payment-intents/{intent}"), settled).await;

    let seen = world.events().await;
    let told: Vec<_> = seen
        .iter()
        .map(|event| {
            (event["type"].as_str().expect("a type"), event["data"]["object"]["object"].as_str().expect("an object"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("payment_intent.created", "payment_intent"),
            ("escrow_order.created", "escrow_order"),
            ("milestone.created", "milestone"),
            ("milestone.updated", "milestone"),
            ("payment_intent.status_changed", "payment_intent"),
            ("payment_intent.blockchain_tx_submitted", "payment_intent"),
            ("payment_intent.blockchain_tx_confirmed", "payment_intent"),
            ("payment_intent.status_changed", "payment_intent"),
            ("payment_intent.succeeded", "payment_intent"),
            ("escrow_order.funded", "escrow_order"),
            ("milestone.completed", "milestone"),
            ("milestone.released", "milestone"),
            ("escrow_order.released", "escrow_order"),
            ("payment_intent.settlement_initiated", "settlement"),
            ("payment_intent.settlement_completed", "settlement"),
            ("payment_intent.status_changed", "payment_intent"),
            ("payment_intent.settled", "payment_intent"),
        ]
    );
    for (event, sequence) in seen.iter().zip(1..) {
        assert_eq!(event["sequence"], sequence);
        assert_eq!(event["object"], "event");
        assert_eq!(event["paymentIntentId"], json!(intent));
        assert_eq!(event["livemode"], false);
        assert!(event["id"].as_str().is_some_and(|id| id.starts_with("evt_")), "{event}");
    }
    assert_eq!(seen[3]["data"]["previous_attributes"], json!({"description": ""}));
    assert_eq!(seen[0]["data"].get("previous_attributes"), None);
    assert_eq!(seen[0]["data"].get("simulated"), None);
    assert_eq!(seen[8]["data"]["simulated"], true);
    assert_eq!(seen[10]["data"].get("simulated"), None);
    assert_eq!(seen[11]["data"]["previous_attributes"], json!({"status": "COMPLETED"}));
}
