//! What releases an order without milestones: a proof of the delivery, a hand, a time.

use ::escrow::{Hash, IntentId, Means, Mode, NewIntent, OrderId, PaymentType, Rail, Receipt, ReleaseType, Span, Terms};
use engine::Ask;
use serde_json::{Value, json};
use store::Store;

use crate::access;
use crate::wallet::Wallet;
use crate::world::{LIVE, START_MS, World};

fn hash(byte: u8) -> String {
    format!("0x{}", format!("{byte:02x}").repeat(32))
}

fn proof(byte: u8) -> Value {
    json!({"proofHash": hash(byte), "submittedBy": "courier@example.com"})
}

fn path(intent: &str, what: &str) -> String {
    format!("/payment-intents/{intent}/escrow{what}")
}

async fn order(world: &World, intent: &str) -> Value {
    world.get(&path(intent, "")).await.ok(200)["data"].clone()
}

/// The status of the order, with what is held and what was released.
async fn stands(world: &World, intent: &str) -> [String; 3] {
    let order = order(world, intent).await;
    ["orderStatus", "heldAmount", "releasedAmount"].map(|name| order[name].as_str().expect("a text").to_owned())
}

async fn fund(world: &World, intent: &str) {
    world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), Value::Null).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn shipped_proven_and_released_by_hand() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"releaseType": null})).await;
    let release = path(&intent, "/release");
    let too_early = |status: &str| format!("Cannot release order in status: {status}");
    world.post(&release, Value::Null).await.refused(400, "invalid_status", &too_early("PENDING"), "");

    let parcel = json!({"carrier": "Acme", "trackingNumber": "7"});
    let shipped = world.post(&path(&intent, "/ship"), parcel).await.ok(200);
    assert_eq!((&shipped["status"], &shipped["object"]), (&json!("SHIPPED"), &json!("escrow_order")));
    let data = &shipped["data"];
    assert_eq!(
        [&data["shippedAt"], &data["carrier"], &data["trackingNumber"]],
        [&json!("1800000000"), &json!("Acme"), &json!("7")]
    );
    let again = world.post(&path(&intent, "/ship"), Value::Null).await;
    again.refused(400, "invalid_status", "Cannot ship order in status: SHIPPED", "");
    world.post(&release, Value::Null).await.refused(400, "invalid_status", &too_early("SHIPPED"), "");

    let mut body = proof(0xAB);
    body["proofURI"] = json!("ipfs://parcel");
    body["submitTxHash"] = json!(hash(2));
    let proven = world.post(&path(&intent, "/delivery-proof"), body).await.ok(200);
    let id = proven["id"].as_str().expect("an id");
    assert!(id.starts_with("delivery_proof_"), "{id}");
    let order_id = &proven["data"]["escrowOrderId"];
    let data = json!({
        "id": id, "object": "delivery_proof", "escrowOrderId": order_id, "conditionalPaymentId": order_id,
        "paymentIntentId": intent, "proofHash": hash(0xAB), "proofURI": "ipfs://parcel",
        "submittedBy": "courier@example.com", "submitTxHash": hash(2), "oracleSignature": null,
        "submittedAt": "1800000000", "createdAt": "2027-01-15T08:00:00.000Z",
    });
    let seconds = START_MS / 1000;
    let whole = json!({
        "id": id, "object": "delivery_proof", "status": "submitted", "data": data, "created": seconds, "updated": seconds,
    });
    assert_eq!(proven, whole);
    let shown = order(&world, &intent).await;
    assert_eq!((&shown["deliveryProofs"], &shown["actualDeliveryHash"]), (&json!([data]), &json!(hash(0xAB))));
    assert_eq!(stands(&world, &intent).await, ["DELIVERED", "1000.00", "0.00"]);
    assert_eq!(world.balance().await, ["0.00", "1000.00", "0.00"]);

    let released = world.post(&release, Value::Null).await.ok(200);
    assert_eq!((&released["status"], &released["data"]["releasedAt"]), (&json!("COMPLETED"), &json!("1800000000")));
    assert_eq!(world.balance().await, ["1000.00", "0.00", "0.00"]);
    world.post(&release, Value::Null).await.refused(400, "invalid_status", &too_early("COMPLETED"), "");
    // The proof found the escrow unpaid, so that the simulated payer paid it.
    assert_eq!(
        world.event_types(&intent).await,
        [
            "payment_intent.created",
            "escrow_order.created",
            "escrow_order.shipped",
            "payment_intent.status_changed*",
            "payment_intent.blockchain_tx_submitted*",
            "payment_intent.blockchain_tx_confirmed*",
            "payment_intent.status_changed*",
            "payment_intent.succeeded*",
            "escrow_order.funded*",
            "delivery_proof.submitted",
            "escrow_order.released",
        ]
    );
    let path = format!("/payment-intents/{intent}");
    let settled = world.advance_until(10, &path, |seen| seen["status"] == "SETTLED").await;
    assert_eq!(settled["data"]["settlementStatus"], "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn the_other_name_of_the_order_takes_the_same() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"releaseType": null, "type": "CONDITIONAL"})).await;
    let at = format!("/payment-intents/{intent}/conditional-payment");
    let shipped = world.post(&format!("{at}/ship"), Value::Null).await.ok(200);
    assert_eq!(shipped["object"], "conditional_payment");
    let proven = world.post(&format!("{at}/delivery-proof"), proof(1)).await.ok(200);
    assert_eq!(proven["data"]["conditionalPaymentId"], shipped["id"]);
    let released = world.post(&format!("{at}/release"), Value::Null).await.ok(200);
    assert_eq!((&released["object"], &released["status"]), (&json!("conditional_payment"), &json!("COMPLETED")));
}

#[tokio::test(start_paused = true)]
async fn what_is_released_by_a_proof_alone() {
    let world = World::new().await;
    for changes in [
        json!({"releaseType": "AUTO_RELEASE"}),
        json!({"releaseType": "DELIVERY_PROOF", "autoRelease": true}),
        json!({"releaseType": null, "metadata": {"releaseType": "AUTO_RELEASE"}}),
    ] {
        let intent = world.intent_with(changes.clone()).await;
        world.post(&path(&intent, "/delivery-proof"), proof(1)).await.ok(200);
        assert_eq!(stands(&world, &intent).await, ["COMPLETED", "0.00", "1000.00"], "{changes}");
    }
    assert_eq!(world.balance().await, ["3000.00", "0.00", "0.00"]);
}

#[tokio::test(start_paused = true)]
async fn what_only_approval_releases_waits_for_a_hand_or_for_silence() {
    let world = World::new().await;
    let terms = json!({"releaseType": "AUTO_RELEASE", "requireApproval": true, "approvalPeriod": "1h"});
    let (by_hand, in_silence) = (world.intent_with(terms.clone()).await, world.intent_with(terms).await);
    for intent in [&by_hand, &in_silence] {
        world.post(&path(intent, "/delivery-proof"), proof(1)).await.ok(200);
        assert_eq!(stands(&world, intent).await, ["DELIVERED", "1000.00", "0.00"]);
    }
    world.post(&path(&by_hand, "/release"), Value::Null).await.ok(200);
    assert_eq!(stands(&world, &by_hand).await, ["COMPLETED", "0.00", "1000.00"]);
    world.host.advance(Span::from_seconds(3599));
    world.engine.host().sleep(Span::from_seconds(5)).await;
    assert_eq!(stands(&world, &in_silence).await, ["DELIVERED", "1000.00", "0.00"]);
    world.advance_until(1, &path(&in_silence, ""), |seen| seen["status"] == "COMPLETED").await;
}

#[tokio::test(start_paused = true)]
async fn proofs_that_are_refused_and_in_which_order() {
    let world = World::new().await;
    let oracle = Wallet::new(5).address();
    let plain = world.intent_with(json!({"releaseType": null})).await;
    let strict =
        world.intent_with(json!({"releaseType": null, "expectedDeliveryHash": hash(7), "deliveryOracle": oracle}));
    let strict = strict.await;
    let milestones = world.intent(true).await;
    let pull = world.intent_with(json!({"type": "CONSENTED_PULL", "releaseType": null})).await;
    let canceled = world.intent_with(json!({"releaseType": null})).await;
    world.post(&format!("/payment-intents/{canceled}/cancel"), Value::Null).await.ok(200);
    let before = world.everything().await;
    let is_no_hash = "proofHash must be a valid bytes32 hex string";
    let not_oracle = format!("submittedBy must be the delivery oracle {oracle}");
    let signed = |signature: &str| json!({"proofHash": hash(7), "submittedBy": oracle, "oracleSignature": signature});
    let strangers = Wallet::new(6).sign_delivery(strict.parse().expect("an id"), Hash::from_bytes([7; 32]));
    for (intent, body, code, message, param) in [
        (&plain, json!({}), "invalid_request", "proofHash is required", "proofHash"),
        (&plain, json!({"proofHash": hash(1)}), "invalid_request", "submittedBy is required", "submittedBy"),
        (&plain, json!({"submittedBy": "me", "proofHash": "0x12"}), "invalid_request", is_no_hash, "proofHash"),
        (&plain, json!({"submittedBy": "me", "proofHash": 12}), "invalid_request", is_no_hash, "proofHash"),
        (&plain, json!({"submittedBy": " ", "proofHash": hash(1)}), "invalid_request", "not be empty", "submittedBy"),
        (
            &plain,
            json!({"submittedBy": "me", "proofHash": hash(1), "submitTxHash": "0x1"}),
            "invalid_request",
            "valid bytes32",
            "submitTxHash",
        ),
        (&pull, proof(1), "invalid_request", "Payment intent is not of type DELIVERY_VS_PAYMENT", ""),
        (
            &milestones,
            proof(1),
            "invalid_request",
            "Cannot submit delivery proof for order with release type: MILESTONE_LOCKED",
            "",
        ),
        (
            &canceled,
            proof(1),
            "invalid_status",
            "Cannot submit delivery proof: order status is CANCELLED, must be Created (0) or InTransit (1)",
            "",
        ),
        (&strict, proof(1), "invalid_request", "proofHash does not match expectedDeliveryHash", "proofHash"),
        (&strict, proof(7), "invalid_request", &not_oracle, "submittedBy"),
        (&strict, signed("0x00"), "signature_verification_failed", "", "oracleSignature"),
        (&strict, signed(&strangers), "signature_verification_failed", "", "oracleSignature"),
    ] {
        let reply = world.post(&path(intent, "/delivery-proof"), body.clone()).await;
        reply.refused(400, code, message, param);
        assert!(world.everything().await == before, "{body}");
    }
    // In the sandbox the oracle's address is enough, however it is written.
    let by_oracle = json!({"proofHash": hash(7), "submittedBy": oracle.to_lowercase()});
    world.post(&path(&strict, "/delivery-proof"), by_oracle).await.ok(200);
    let unasked = json!({"proofHash": hash(1), "submittedBy": "me", "oracleSignature": "what nobody asked for"});
    let accepted = world.post(&path(&plain, "/delivery-proof"), unasked).await.ok(200);
    assert_eq!(accepted["data"]["oracleSignature"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_hash_of_zeros_expects_nothing() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"releaseType": null, "expectedDeliveryHash": hash(0)})).await;
    world.post(&path(&intent, "/delivery-proof"), proof(9)).await.ok(200);
    let expected = format!("0x{}", "aB".repeat(32));
    let intent = world.intent_with(json!({"releaseType": null, "expectedDeliveryHash": expected})).await;
    world.post(&path(&intent, "/delivery-proof"), proof(0xAB)).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn the_same_proof_again_is_answered_as_before_and_another_is_refused() {
    let world = World::new().await;
    for (changes, number) in [(json!({"releaseType": null}), 2), (json!({"releaseType": "AUTO_RELEASE"}), 4)] {
        let intent = world.intent_with(changes).await;
        let at = path(&intent, "/delivery-proof");
        let first = world.post(&at, proof(1)).await;
        first.ok(200);
        let before = world.everything().await;
        let mut again = proof(1);
        again["submittedBy"] = json!("somebody else");
        world.host.advance(Span::from_ms(5));
        let second = world.post(&at, again).await;
        second.ok(200);
        assert_eq!(first.body, second.body);
        let message =
            format!("Cannot submit delivery proof: order status is {number}, must be Created (0) or InTransit (1)");
        world.post(&at, proof(2)).await.refused(400, "invalid_status", &message, "");
        assert!(world.everything().await == before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_lock_opens_at_its_time_or_with_the_money() {
    let world = World::new().await;
    let locked = |until_s: i64| json!({"releaseType": "TIME_LOCKED", "timeLockUntil": until_s.to_string()});
    let start_s = START_MS / 1000;

    let past = world.intent_with(locked(start_s - 1)).await;
    fund(&world, &past).await;
    assert_eq!(stands(&world, &past).await, ["COMPLETED", "0.00", "1000.00"]);

    let future = world.intent_with(locked(start_s + 3600)).await;
    fund(&world, &future).await;
    let by_hand = world.post(&path(&future, "/release"), Value::Null).await;
    by_hand.refused(400, "invalid_request", "Cannot release order with release type: TIME_LOCKED", "");
    // A proof is taken and releases nothing.
    world.post(&path(&future, "/delivery-proof"), proof(1)).await.ok(200);
    assert_eq!(stands(&world, &future).await, ["DELIVERED", "1000.00", "0.00"]);
    world.host.advance(Span::from_seconds(3599));
    world.engine.host().sleep(Span::from_seconds(5)).await;
    assert_eq!(stands(&world, &future).await, ["DELIVERED", "1000.00", "0.00"]);
    world.advance_until(1, &path(&future, ""), |seen| seen["status"] == "COMPLETED").await;
    let events = world.event_types(&future).await;
    assert!(events.ends_with(&["time_lock.released".to_owned(), "escrow_order.released".to_owned()]), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_time_lock_may_wait_for_the_delivery_too() {
    let world = World::new().await;
    let start_s = START_MS / 1000;
    for (until_s, what, body) in
        [(start_s, "/ship", Value::Null), (start_s + 60, "/ship", Value::Null), (start_s, "/delivery-proof", proof(1))]
    {
        let terms = json!({"releaseType": "TIME_LOCKED", "timeLockUntil": until_s, "requireDelivery": true});
        let intent = world.intent_with(terms).await;
        fund(&world, &intent).await;
        world.engine.host().sleep(Span::from_seconds(5)).await;
        assert_eq!(stands(&world, &intent).await, ["PENDING", "1000.00", "0.00"]);
        world.post(&path(&intent, what), body).await.ok(200);
        let wait_s = (until_s - start_s).max(0);
        if wait_s > 0 {
            assert_eq!(stands(&world, &intent).await, ["SHIPPED", "1000.00", "0.00"]);
            world.advance_until(wait_s, &path(&intent, ""), |seen| seen["status"] == "COMPLETED").await;
        }
        assert_eq!(stands(&world, &intent).await, ["COMPLETED", "0.00", "1000.00"]);
    }
}

#[tokio::test(start_paused = true)]
async fn fields_of_a_shipment() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"releaseType": null})).await;
    for (body, param, why) in [
        (json!({"carrier": 7}), "carrier", "must be a string"),
        (json!({"trackingNumber": "x".repeat(257)}), "trackingNumber", "at most 256 characters"),
    ] {
        world.post(&path(&intent, "/ship"), body).await.refused(400, "invalid_request", why, param);
    }
}

/// A live order that its oracle proves, paid or not: made through the engine, since the API makes no live ones yet.
async fn live(world: &World, oracle: &Wallet, is_paid: bool) -> IntentId {
    let owner = world.owner("one", Mode::Live).await;
    let ids = world.engine.ids();
    let (id, order_id) = (IntentId::fresh(ids), OrderId::fresh(ids));
    let terms = Terms {
        release_type: ReleaseType::AutoRelease,
        payment_type: PaymentType::DeliveryVsPayment,
        delivery_oracle: Some(oracle.address().parse().expect("an address")),
        ..access::terms().await
    };
    let new = NewIntent { id, order_id, owner, terms, milestones: Vec::new() };
    access::decide(world, owner, Ask::Open(Box::new(new))).await;
    if is_paid {
        let receipt = Receipt { rail: Rail::Evm, means: Means::Deposit(None), amount: None, transaction: None };
        access::decide(world, owner, Ask::Decide(id, ::escrow::Command::ReceivePayment(receipt))).await;
    }
    id
}

#[tokio::test(start_paused = true)]
async fn with_real_money_the_oracle_must_sign() {
    let (world, oracle) = (World::new().await, Wallet::new(5));
    let intent = live(&world, &oracle, true).await;
    let other = live(&world, &oracle, true).await;
    let at = path(&intent.to_string(), "/delivery-proof");
    let seven = Hash::from_bytes([7; 32]);
    let unsigned = json!({"proofHash": hash(7), "submittedBy": oracle.address()});
    let signed = |signature: String| {
        let mut body = unsigned.clone();
        body["oracleSignature"] = json!(signature);
        body
    };
    let before = world.everything().await;
    for (body, why) in [
        (unsigned.clone(), "oracleSignature is required: the delivery oracle must sign"),
        (signed("0x".to_owned()), ""),
        (signed(Wallet::new(6).sign_delivery(intent, seven)), ""),
        (signed(oracle.sign_delivery(intent, Hash::from_bytes([8; 32]))), ""),
        (signed(oracle.sign_delivery(other, seven)), ""),
    ] {
        let reply = world.call_as(LIVE, "POST", &at, body).await;
        reply.refused(400, "signature_verification_failed", why, "oracleSignature");
    }
    assert!(world.everything().await == before);
    // Whoever submits it: the signature is what counts.
    let signature = oracle.sign_delivery(intent, seven);
    let mut body = signed(signature.clone());
    body["submittedBy"] = json!("courier@example.com");
    let accepted = world.call_as(LIVE, "POST", &at, body).await.ok(200);
    assert_eq!(accepted["data"]["oracleSignature"], json!(signature));
    let escrow = world.store.escrow(intent).await.expect("readable").expect("made");
    assert!(escrow.funds.held.is_zero() && !escrow.funds.released.is_zero(), "{escrow:?}");
}

#[tokio::test(start_paused = true)]
async fn with_real_money_nothing_is_simulated_and_the_payer_releases() {
    let (world, oracle) = (World::new().await, Wallet::new(5));
    let unpaid = live(&world, &oracle, false).await;
    let signature = oracle.sign_delivery(unpaid, Hash::from_bytes([7; 32]));
    let body = json!({"proofHash": hash(7), "submittedBy": "me", "oracleSignature": signature});
    let before = world.everything().await;
    let reply = world.call_as(LIVE, "POST", &path(&unpaid.to_string(), "/delivery-proof"), body).await;
    reply.refused(400, "invalid_status", "Payment intent is not funded", "");
    let reply = world.call_as(LIVE, "POST", &path(&unpaid.to_string(), "/release"), Value::Null).await;
    reply.refused(403, "forbidden", "The merchant may not release order in this mode", "");
    assert!(world.everything().await == before);
}

#[tokio::test(start_paused = true)]
async fn an_oracle_of_zeros_is_none() {
    let world = World::new().await;
    let zeros = format!("0x{}", "00".repeat(20));
    let intent = world.intent_with(json!({"releaseType": "AUTO_RELEASE", "deliveryOracle": zeros})).await;
    let order = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!(order["data"]["deliveryOracle"], Value::Null);
}
