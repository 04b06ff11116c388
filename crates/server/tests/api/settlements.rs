//! Settlements.

use serde_json::{Value, json};

use crate::world::{LIVE, OTHER, World};

#[tokio::test(start_paused = true)]
async fn the_whole_object_on_its_way() {
    let world = World::with_fee(100).await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "1000").await;
    let complete = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
    world.post(&complete, json!({"completedBy": "me"})).await.ok(200);

    let list = world.get("/settlements").await.ok(200);
    let id = list["data"][0]["id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with("settlement_"), "{id}");
    let mut data = json!({
        "id": id, "object": "settlement", "merchantId": list["data"][0]["merchantId"], "paymentIntentId": intent,
        "milestoneId": milestone, "amount": "990.00", "currency": "USDC", "status": "SCHEDULED",
        "settlementMethod": "OFF_RAMP_MOCK", "settlementDestination": "bank_account_123", "settlementTxId": null,
        "settlementScheduledAt": "1800000010", "executedAt": null, "confirmedAt": null, "livemode": false,
        "createdAt": "2027-01-15T08:00:00.000Z", "updatedAt": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!(list, json!({"object": "list", "data": [data], "has_more": false, "url": "/v1/settlements"}));

    let path = format!("/settlements/{id}");
    let settled = world.advance_until(10, &path, |settlement| settlement["status"] == "CONFIRMED").await;
    let reference = settled["data"]["settlementTxId"].as_str().expect("a reference").to_owned();
    assert!(reference.starts_with("simulated_"), "{reference}");
    for (name, value) in [
        ("status", json!("CONFIRMED")),
        ("settlementTxId", json!(reference)),
        ("settlementScheduledAt", Value::Null),
        ("executedAt", json!("1800000010")),
        ("confirmedAt", json!("1800000010")),
        ("updatedAt", json!("2027-01-15T08:00:10.000Z")),
    ] {
        data[name] = value;
    }
    let whole = json!({
        "id": id, "object": "settlement", "status": "CONFIRMED", "data": data, "created": 1_800_000_000,
        "updated": 1_800_000_010,
    });
    assert_eq!(settled, whole);

    let permission = "You do not have permission to access this settlement";
    world.call_as(OTHER, "GET", &path, Value::Null).await.refused(403, "forbidden", permission, "");
    let missing = format!("No such settlement: {id}");
    world.call_as(LIVE, "GET", &path, Value::Null).await.refused(404, "resource_missing", &missing, "");
    for unknown in ["settlement_0000000000000000000000", "nonsense"] {
        let reply = world.get(&format!("/settlements/{unknown}")).await;
        reply.refused(404, "resource_missing", &format!("No such settlement: {unknown}"), "");
    }
    world.get("/settlements?starting_after=x").await.refused(400, "invalid_request", "names nothing", "starting_after");
}
