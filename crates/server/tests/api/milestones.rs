//! Milestones.

use serde_json::{Value, json};

use crate::world::{START_MS, World};

struct Paths {
    milestones: String,
}

impl Paths {
    fn of(intent: &str) -> Paths {
        Paths { milestones: format!("/payment-intents/{intent}/escrow/milestones") }
    }

    fn one(&self, milestone: &str) -> String {
        format!("{}/{milestone}", self.milestones)
    }

    fn complete(&self, milestone: &str) -> String {
        format!("{}/complete", self.one(milestone))
    }

    fn release(&self, milestone: &str) -> String {
        format!("{}/release", self.one(milestone))
    }
}

fn by(label: &str) -> Value {
    json!({"completedBy": label})
}

#[tokio::test(start_paused = true)]
async fn the_whole_object() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paths = Paths::of(&intent);
    let body = json!({"milestoneIndex": 0, "amount": "300", "description": "Kickoff", "percentage": 30});
    let created = world.post(&paths.milestones, body).await.ok(201);
    let (id, seconds) = (created["id"].as_str().expect("an id"), START_MS / 1000);
    let order = &created["data"]["escrowOrderId"];
    assert!(order.as_str().is_some_and(|order| order.starts_with("escrow_order_")), "{created}");
    let whole = json!({
        "id": id, "object": "milestone", "status": "PENDING", "milestoneIndex": 0, "created": seconds, "updated": seconds,
        "data": {
            "id": id, "object": "milestone", "escrowOrderId": order, "conditionalPaymentId": order,
            "paymentIntentId": intent, "milestoneIndex": 0, "description": "Kickoff", "amount": "300.00",
            "percentage": 30, "status": "PENDING", "completionProof": null, "completionProofURI": null,
            "completedAt": null, "completedBy": null, "releasedAt": null, "releaseTxHash": null, "releasedBy": null,
            "refundedAmount": null, "completionAttempt": 0, "requiresApproval": false, "approvedAt": null,
            "approvedBy": null, "rejectedAt": null, "rejectionReason": null, "disputed": false,
            "createdAt": "2027-01-15T08:00:00.000Z", "updatedAt": "2027-01-15T08:00:00.000Z",
        },
    });
    assert_eq!(created, whole);
    assert_eq!(world.get(&paths.one(id)).await.ok(200), whole);
    let alias = paths.one(id).replace("/escrow/", "/conditional-payment/");
    assert_eq!(world.get(&alias).await.ok(200), whole);

    let body = json!({"completedBy": "ana@example.com", "completionProof": "", "completionProofURI": "ipfs://x"});
    let done = world.post(&paths.complete(id), body).await.ok(200);
    assert_eq!(done["status"], "completed");
    assert_eq!(done["milestoneIndex"], 0);
    for (name, value) in [
        ("status", json!("RELEASED")),
        ("completionProof", json!("")),
        ("completionProofURI", json!("ipfs://x")),
        ("completedBy", json!("ana@example.com")),
        ("completedAt", json!(seconds.to_string())),
        ("releasedAt", json!(seconds.to_string())),
        ("releasedBy", Value::Null),
    ] {
        assert_eq!(done["data"][name], value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn fields_and_why_they_are_refused() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paths = Paths::of(&intent);
    let before = world.everything().await;
    let index = "must be an integer from 0 to 2147483647";
    for (body, param, why) in [
        (json!({}), "milestoneIndex", "is required"),
        (json!({"milestoneIndex": null, "amount": "1"}), "milestoneIndex", "is required"),
        (json!({"milestoneIndex": -1, "amount": "1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": 1.5, "amount": "1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": "0", "amount": "1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": 2_147_483_648_i64, "amount": "1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": u64::MAX, "amount": "1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": true, "amount": "1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": -1, "amount": "-1"}), "milestoneIndex", index),
        (json!({"milestoneIndex": 0}), "amount", "is required"),
        (json!({"milestoneIndex": 0, "amount": 300}), "amount", "must be a decimal string, not a number"),
        (json!({"milestoneIndex": 0, "amount": "1e2"}), "amount", "exponent"),
        (json!({"milestoneIndex": 0, "amount": "-1"}), "amount", "sign"),
        (json!({"milestoneIndex": 0, "amount": "0"}), "amount", "greater than zero"),
        (json!({"milestoneIndex": 0, "amount": "0.0000001"}), "amount", "at most 6 decimals"),
        (json!({"milestoneIndex": 0, "amount": "1000000001"}), "amount", "at most 1000000000 units"),
        (json!({"milestoneIndex": 0, "amount": "1", "description": 1}), "description", "must be a string"),
        (json!({"milestoneIndex": 0, "amount": "1", "description": "\u{1b}"}), "description", "control characters"),
        (json!({"milestoneIndex": 0, "amount": "1", "percentage": 101}), "percentage", "number from 0 to 100"),
        (json!({"milestoneIndex": 0, "amount": "1", "percentage": "30"}), "percentage", "number from 0 to 100"),
    ] {
        world.post(&paths.milestones, body).await.refused(400, "invalid_request", why, param);
    }
    assert_eq!(world.everything().await, before);
    let largest = json!({"milestoneIndex": 2_147_483_647, "amount": "1", "percentage": 33.33});
    let created = world.post(&paths.milestones, largest).await.ok(201);
    assert_eq!(created["data"]["percentage"], json!(33.33));
}

#[tokio::test(start_paused = true)]
async fn creations_that_the_order_refuses() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paths = Paths::of(&intent);
    let first = world.milestone(&intent, 5, "600").await;
    let before = world.everything().await;
    let new = |index: u32, amount: &str| json!({"milestoneIndex": index, "amount": amount});
    let post = async |body| world.post(&paths.milestones, body).await;
    // The index is looked at before the total.
    let taken = "Milestone with index 5 already exists";
    post(new(5, "1000")).await.refused(400, "invalid_request", taken, "milestoneIndex");
    let exceeded = "Total milestone amounts exceed escrow order amount";
    post(new(6, "400.000001")).await.refused(400, "invalid_request", exceeded, "amount");
    assert_eq!(world.everything().await, before);
    post(new(6, "400")).await.ok(201);

    world.post(&paths.complete(&first), by("me")).await.ok(200);
    let second = world.get(&paths.milestones).await.ok(200)["data"][1]["id"].as_str().expect("an id").to_owned();
    world.call("DELETE", &paths.one(&second), Value::Null).await.ok(200);
    let below = "Milestone index must be above 5";
    post(new(4, "1")).await.refused(400, "invalid_request", below, "milestoneIndex");

    let over = world.intent(true).await;
    world.post(&format!("/payment-intents/{over}/cancel"), Value::Null).await.ok(200);
    let reply = world.post(&Paths::of(&over).milestones, new(0, "1")).await;
    reply.refused(400, "invalid_status", "Cannot create milestone: order is CANCELLED", "");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_and_no_more() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    for index in 0..100 {
        world.milestone(&intent, index, "0.01").await;
    }
    let reply = world.post(&Paths::of(&intent).milestones, json!({"milestoneIndex": 100, "amount": "1"})).await;
    reply.refused(400, "invalid_request", "at most 100 milestones", "");
}

#[tokio::test(start_paused = true)]
async fn completions_that_are_refused() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paths = Paths::of(&intent);
    let (first, second) = (world.milestone(&intent, 0, "300").await, world.milestone(&intent, 1, "700").await);
    let before = world.everything().await;
    for (body, param, why) in [
        (json!({}), "completedBy", "is required"),
        (json!({"completedBy": ""}), "completedBy", "must not be empty"),
        (json!({"completedBy": 7}), "completedBy", "must be a string"),
        (json!({"completedBy": "é".repeat(257)}), "completedBy", "at most 256 characters"),
        (json!({"completedBy": "a\u{0}"}), "completedBy", "control characters"),
        (json!({"completedBy": "a", "completionProof": "x".repeat(4097)}), "completionProof", "at most 4096 bytes"),
        (json!({"completedBy": "a", "completionProofURI": 1}), "completionProofURI", "must be a string"),
    ] {
        world.post(&paths.complete(&first), body).await.refused(400, "invalid_request", why, param);
    }
    for unknown in ["milestone_0000000000000000000000", "0", "nonsense"] {
        for (method, path, body) in [
            ("POST", paths.complete(unknown), by("me")),
            ("POST", paths.release(unknown), Value::Null),
            ("GET", paths.one(unknown), Value::Null),
            ("DELETE", paths.one(unknown), Value::Null),
            ("PATCH", paths.one(unknown), json!({"amount": "1"})),
        ] {
            world.call(method, &path, body).await.refused(404, "resource_missing", "Milestone not found", "");
        }
    }
    let previous = "Previous milestone (index 0) must be completed first";
    world.post(&paths.complete(&second), by("me")).await.refused(400, "invalid_request", previous, "");
    assert_eq!(world.everything().await, before);

    world.post(&paths.complete(&first), by(&"é".repeat(256))).await.ok(200);
    let before = world.everything().await;
    world.post(&paths.complete(&first), by("me")).await.refused(
        400,
        "invalid_request",
        "Milestone already released",
        "",
    );
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn release_by_hand() {
    let world = World::new().await;
    let intent = world.intent(false).await;
    let paths = Paths::of(&intent);
    let (first, second) = (world.milestone(&intent, 0, "300").await, world.milestone(&intent, 1, "700").await);
    let pending = "Cannot release milestone in status: PENDING";
    world.post(&paths.release(&first), Value::Null).await.refused(400, "invalid_status", pending, "");
    let done = world.post(&paths.complete(&first), by("me")).await.ok(200);
    assert_eq!((&done["status"], &done["data"]["status"]), (&json!("completed"), &json!("COMPLETED")));
    let already = "Milestone already completed";
    world.post(&paths.complete(&first), by("me")).await.refused(400, "invalid_request", already, "");
    world.post(&paths.complete(&second), by("me")).await.ok(200);
    let first_first = "Previous milestone (index 0) must be released first";
    world.post(&paths.release(&second), Value::Null).await.refused(400, "invalid_request", first_first, "");
    world.post(&paths.release(&first), json!({"releasedBy": 1})).await.refused(
        400,
        "invalid_request",
        "string",
        "releasedBy",
    );

    let released = world.post(&paths.release(&first), json!({"releasedBy": "ana"})).await.ok(200);
    assert_eq!((&released["status"], &released["data"]["status"]), (&json!("released"), &json!("RELEASED")));
    assert_eq!(released["data"]["releasedBy"], "ana");
    let again = "Milestone already released";
    world.post(&paths.release(&first), Value::Null).await.refused(400, "invalid_request", again, "");
    let released = world.post(&paths.release(&second), Value::Null).await.ok(200);
    assert_eq!(released["data"]["releasedBy"], "merchant");
}

#[tokio::test(start_paused = true)]
async fn changing_and_deleting() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paths = Paths::of(&intent);
    let first = world.milestone(&intent, 0, "300").await;
    let second = world.milestone(&intent, 1, "600").await;
    let patch = async |body| world.call("PATCH", &paths.one(&first), body).await;
    let before = world.everything().await;
    patch(json!({})).await.refused(400, "invalid_request", "Nothing to change", "");
    patch(json!({"amount": null})).await.refused(400, "invalid_request", "Nothing to change", "");
    patch(json!({"milestoneIndex": 3})).await.refused(400, "invalid_request", "cannot be changed", "milestoneIndex");
    patch(json!({"amount": 5})).await.refused(400, "invalid_request", "not a number", "amount");
    patch(json!({"amount": "400.01"})).await.refused(400, "invalid_request", "exceed", "amount");
    patch(json!({"percentage": -1})).await.refused(400, "invalid_request", "0 to 100", "percentage");
    assert_eq!(world.everything().await, before);

    let changed = patch(json!({"amount": "400", "description": "more", "percentage": 40})).await.ok(200);
    assert_eq!(changed["data"]["amount"], "400.00");
    assert_eq!(changed["data"]["description"], "more");
    let changed = patch(json!({"description": null})).await.ok(200);
    assert_eq!((&changed["data"]["description"], &changed["data"]["percentage"]), (&Value::Null, &json!(40)));

    let deleted = world.call("DELETE", &paths.one(&second), Value::Null).await.ok(200);
    assert_eq!(deleted["status"], "CANCELLED");
    for (method, body, action) in [("DELETE", Value::Null, "delete"), ("PATCH", json!({"amount": "1"}), "update")] {
        let message = format!("Cannot {action} milestone in status: CANCELLED");
        world.call(method, &paths.one(&second), body).await.refused(400, "invalid_status", &message, "");
    }
    let message = "Cannot complete milestone in status: CANCELLED";
    world.post(&paths.complete(&second), by("me")).await.refused(400, "invalid_status", message, "");
    // Its index is free again.
    world.milestone(&intent, 1, "600").await;
}

#[tokio::test(start_paused = true)]
async fn the_list_is_by_index() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let paths = Paths::of(&intent);
    let mut ids = std::collections::BTreeMap::new();
    for index in [7, 3, 9, 1, 5] {
        ids.insert(index, world.milestone(&intent, index, "1").await);
    }
    let page = async |query: &str| {
        let list = world.get(&format!("{}?{query}", paths.milestones)).await.ok(200);
        assert_eq!(list["url"], format!("/v1{}", paths.milestones));
        let seen: Vec<_> = list["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| item["milestoneIndex"].as_u64().expect("a number"))
            .collect();
        (seen, list["has_more"] == true)
    };
    assert_eq!(page("").await, (vec![1, 3, 5, 7, 9], false));
    assert_eq!(page("limit=2").await, (vec![1, 3], true));
    assert_eq!(page("limit=2&offset=3").await, (vec![7, 9], false));
    assert_eq!(page(&format!("limit=2&starting_after={}", ids[&3])).await, (vec![5, 7], true));
    assert_eq!(page(&format!("limit=2&ending_before={}", ids[&7])).await, (vec![3, 5], true));
    let nobodys = format!("{}?starting_after=milestone_0000000000000000000000", paths.milestones);
    world.get(&nobodys).await.refused(400, "invalid_request", "names nothing", "starting_after");
}

#[tokio::test(start_paused = true)]
async fn two_completions_at_once() {
    let world = World::new().await;
    let intent = world.intent(true).await;
    let milestone = world.milestone(&intent, 0, "1000").await;
    let path = Paths::of(&intent).complete(&milestone);
    let (one, other) = tokio::join!(world.post(&path, by("one")), world.post(&path, by("other")));
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    won.ok(200);
    lost.refused(400, "invalid_request", "Milestone already released", "");
    let entries = world.get("/account/ledger-entries").await.ok(200);
    assert_eq!(entries["data"].as_array().map(Vec::len), Some(2), "one funding, one release: {entries}");
}
