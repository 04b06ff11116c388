//! What payers see and do without a key.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::wallet::Wallet;
use crate::world::{Reply, World, intent_body};

const SOME_HASH: &str = "0xabababababababababababababababababababababababababababababababab";
const OTHER_HASH: &str = "0xcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd";

fn public(intent: &str) -> String {
    format!("/payment-intents/public/{intent}")
}

/// A request without an API key.
async fn call(world: &World, method: &str, path: &str, body: &Value, idempotency_key: Option<&str>) -> Reply {
    let request =
        Request::builder().method(method).uri(format!("/v1{path}")).header("content-type", "application/json");
    let request = idempotency_key.into_iter().fold(request, |request, key| request.header("Idempotency-Key", key));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    world.send(request.body(body).expect("a request")).await
}

async fn get(world: &World, path: &str) -> Reply {
    call(world, "GET", path, &Value::Null, None).await
}

async fn post(world: &World, path: &str, body: &Value) -> Reply {
    call(world, "POST", path, body, None).await
}

async fn announce(world: &World, intent: &str, hash: &Value) -> Reply {
    post(world, &format!("{}/transaction-hash", public(intent)), &json!({"transactionHash": hash})).await
}

/// What only the merchant may know of the intent below, apart from the merchant's id.
const SECRETS: [&str; 4] = ["GB29NWBK601613", "order-4711", "internalNote", "metadata"];

/// An intent with all that is hidden from the public, and the id of its merchant.
async fn secretive(world: &World) -> (String, String) {
    let mut body = intent_body();
    body["settlementDestination"] = json!("GB29NWBK60161331926819");
    body["metadata"] = json!({"orderId": "order-4711", "internalNote": "pays late"});
    body["autoRelease"] = json!(true);
    body["milestones"] = json!([{"milestoneIndex": 0, "amount": "300"}, {"milestoneIndex": 1, "amount": "700"}]);
    let created = world.post("/payment-intents", body).await.ok(200);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&created["id"]), text(&created["data"]["merchantId"]))
}

/// Checks that nothing is shown which is the merchant's own.
#[track_caller]
fn check_discreet(reply: &Reply, merchant: &str) {
    let text = String::from_utf8_lossy(&reply.body);
    for secret in SECRETS.into_iter().chain([merchant, "merchantId"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_intent_without_what_is_the_merchants_own() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, merchant) = secretive(&world).await;
    let shown = get(&world, &public(&intent)).await;
    check_discreet(&shown, &merchant);
    let mut expected = world.get(&format!("/payment-intents/{intent}")).await.ok(200);
    let whole = expected.as_object_mut().expect("an object");
    whole.shift_remove("metadata");
    let data = expected["data"].as_object_mut().expect("an object");
    data.shift_remove("metadata");
    data.shift_remove("merchantId");
    data["settlementDestination"] = json!("****6819");
    assert_eq!(shown.ok(200), expected);

    let body = wallet.consent(&world, &intent).await;
    let confirmed = post(&world, &format!("{}/confirm", public(&intent)), &body).await;
    assert_eq!(confirmed.ok(200)["status"], "PROCESSING");
    check_discreet(&confirmed, &merchant);
    let announced = announce(&world, &intent, &json!(SOME_HASH)).await;
    assert_eq!(announced.ok(200)["data"]["transactionHash"], SOME_HASH);
    check_discreet(&announced, &merchant);
}

#[tokio::test(start_paused = true)]
async fn an_order_and_its_settlements_without_what_is_the_merchants_own() {
    let world = World::new().await;
    let (intent, merchant) = secretive(&world).await;
    let milestones = format!("/payment-intents/{intent}/escrow/milestones");
    let first = world.get(&milestones).await.ok(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    world.post(&format!("{milestones}/{first}/complete"), json!({"completedBy": "me"})).await.ok(200);
    let path = format!("/payment-intents/{intent}/escrow");
    world.advance_until(10, &path, |order| order["data"]["settlementStatus"] == "CONFIRMED").await;
    let shown = get(&world, &format!("{}/escrow", public(&intent))).await;
    check_discreet(&shown, &merchant);
    let mut expected = world.get(&path).await.ok(200);
    expected["data"].as_object_mut().expect("an object").shift_remove("merchantId");
    let settlement = expected["data"]["settlements"][0].as_object_mut().expect("one was paid out");
    settlement.shift_remove("merchantId");
    settlement["settlementDestination"] = json!("****6819");
    // The payout method's own words may tell what is masked.
    settlement["settlementTxId"] = Value::Null;
    assert_eq!(shown.ok(200), expected);
    check_discreet(&get(&world, &public(&intent)).await, &merchant);

    let mut body = intent_body();
    body["type"] = json!("CONSENTED_PULL");
    body["releaseType"] = Value::Null;
    let pull = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
    let none = get(&world, &format!("{}/escrow", public(&pull))).await;
    none.refused(400, "invalid_request", "Payment intent is not of type DELIVERY_VS_PAYMENT", "");
}

#[tokio::test(start_paused = true)]
async fn a_payer_confirms_without_a_key() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, _) = secretive(&world).await;
    let confirm = format!("{}/confirm", public(&intent));
    post(&world, &confirm, &json!({})).await.refused(400, "invalid_request", "signature is required", "signature");
    let body = wallet.consent(&world, &intent).await;
    let mut strangers = body.clone();
    strangers["signature"] = json!(Wallet::new(2).sign(&world, &intent).await);
    let reply = post(&world, &confirm, &strangers).await;
    reply.refused(400, "signature_verification_failed", "not the expected account's", "signature");
    let confirmed = post(&world, &confirm, &body).await.ok(200);
    assert_eq!(confirmed["data"]["signerAddress"], json!(wallet.address()));
    let path = format!("/payment-intents/{intent}");
    world.advance_until(10, &path, |intent| intent["status"] == "SUCCEEDED").await;
    assert_eq!(get(&world, &public(&intent)).await.ok(200)["status"], "SUCCEEDED");
    let message = "Cannot confirm payment intent in status: SUCCEEDED";
    post(&world, &confirm, &body).await.refused(400, "invalid_state_transition", message, "");
}

#[tokio::test(start_paused = true)]
async fn intents_that_do_not_exist() {
    let world = World::new().await;
    for id in ["intent_0000000000000000000000", "intent_x", "escrow_order_0000000000000000000000", "%00", "1"] {
        let at = public(id);
        let body = json!({"signature": "0x", "payerAddress": "0x", "transactionHash": "0x"});
        for reply in [
            get(&world, &at).await,
            get(&world, &format!("{at}/escrow")).await,
            post(&world, &format!("{at}/transaction-hash"), &body).await,
            post(&world, &format!("{at}/confirm"), &body).await,
        ] {
            reply.refused(404, "resource_missing", "No such payment intent", "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn naming_a_transaction_is_a_hint() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, _) = secretive(&world).await;
    let named = announce(&world, &intent, &json!(SOME_HASH)).await.ok(200);
    assert_eq!(named["status"], "REQUIRES_SIGNATURE");
    assert_eq!(named["data"]["transactionHash"], SOME_HASH);
    assert_eq!(named["data"]["phases"][0]["status"], "IN_PROGRESS");
    let before = world.events().await;
    announce(&world, &intent, &json!(SOME_HASH)).await.ok(200);
    assert_eq!(world.events().await, before, "named before");
    // Anybody may name one, so nobody can take another's place, and others may name the same for another intent.
    let message = "A transaction hash is already known for this payment intent";
    let other = announce(&world, &intent, &json!(OTHER_HASH)).await;
    other.refused(400, "transaction_hash_exists", message, "transactionHash");
    let same = announce(&world, &intent, &json!(SOME_HASH.to_uppercase().replace("0X", "0x"))).await.ok(200);
    assert_eq!(same["data"]["transactionHash"], SOME_HASH);
    assert_eq!(world.get("/account/ledger-entries").await.ok(200)["data"], json!([]), "no money has moved");
    let confirm = format!("{}/confirm", public(&intent));
    let confirmed = post(&world, &confirm, &wallet.consent(&world, &intent).await).await.ok(200);
    assert_eq!(
        (&confirmed["status"], &confirmed["data"]["transactionHash"]),
        (&json!("PROCESSING"), &json!(SOME_HASH))
    );
}

#[tokio::test(start_paused = true)]
async fn the_payers_word_counts_more_than_a_hint() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = world.intent(true).await;
    announce(&world, &intent, &json!(SOME_HASH)).await.ok(200);
    let mut body = wallet.consent(&world, &intent).await;
    body["transactionHash"] = json!(OTHER_HASH);
    let confirmed = post(&world, &format!("{}/confirm", public(&intent)), &body).await.ok(200);
    assert_eq!(confirmed["data"]["transactionHash"], OTHER_HASH);
    let message = "A transaction hash is already known for this payment intent";
    let third = announce(&world, &intent, &json!(format!("0x{}", "12".repeat(32)))).await;
    third.refused(400, "transaction_hash_exists", message, "transactionHash");
}

#[tokio::test(start_paused = true)]
async fn transactions_that_cannot_be_named() {
    let world = World::new().await;
    let (first, second) = (world.intent(true).await, world.intent(true).await);
    announce(&world, &first, &json!(SOME_HASH)).await.ok(200);
    let before = world.everything().await;
    announce(&world, &second, &Value::Null).await.refused(
        400,
        "invalid_request",
        "transactionHash is required",
        "transactionHash",
    );
    let text = "transactionHash must be 0x and 64 hexadecimal digits";
    for bad in [json!(""), json!("0x"), json!(&SOME_HASH[2..]), json!(&SOME_HASH[..65]), json!("nonsense"), json!(7)] {
        announce(&world, &second, &bad).await.refused(400, "invalid_transaction_hash", text, "transactionHash");
    }
    assert_eq!(world.everything().await, before);

    world.post(&format!("/test-helpers/payment-intents/{second}/fund"), Value::Null).await.ok(200);
    let late = announce(&world, &second, &json!(format!("0x{}", "12".repeat(32)))).await;
    let message = "Cannot announce a transaction for payment intent in status: SUCCEEDED";
    late.refused(400, "invalid_state_transition", message, "");
}

#[tokio::test(start_paused = true)]
async fn payers_have_idempotency_keys_of_their_own() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (first, second) = (world.intent(true).await, world.intent(true).await);
    // The merchant uses the key, for something else.
    let request = Request::builder().method("POST").uri("/v1/payment-intents").header("X-API-Key", crate::world::TEST);
    let request = request.header("Idempotency-Key", "k").header("content-type", "application/json");
    world.send(request.body(Body::from(intent_body().to_string())).expect("a request")).await.ok(200);
    for intent in [&first, &second] {
        let at = format!("{}/confirm", public(intent));
        let body = wallet.consent(&world, intent).await;
        let confirmed = call(&world, "POST", &at, &body, Some("k")).await;
        assert_eq!(confirmed.ok(200)["id"], json!(intent));
        assert_eq!(confirmed.header("idempotent-replayed"), "");
        let again = call(&world, "POST", &at, &body, Some("k")).await;
        assert_eq!((again.status, &again.body), (confirmed.status, &confirmed.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
        // Among the payers of one intent, a key is for one request.
        let at = format!("{}/transaction-hash", public(intent));
        let other = call(&world, "POST", &at, &json!({"transactionHash": SOME_HASH}), Some("k")).await;
        other.refused(400, "idempotency_mismatch", "different request", "");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_merchant_was_answered_is_not_replayed_to_the_public() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, merchant) = secretive(&world).await;
    let body = wallet.consent(&world, &intent).await;
    let request = Request::builder().method("POST").uri(format!("/v1/payment-intents/{intent}/confirm"));
    let request = request.header("X-API-Key", crate::world::TEST).header("Idempotency-Key", "k");
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    world.send(request.expect("a request")).await.ok(200);
    let reply = call(&world, "POST", &format!("{}/confirm", public(&intent)), &body, Some("k")).await;
    check_discreet(&reply, &merchant);
    reply.refused(400, "invalid_state_transition", "Cannot confirm payment intent in status: PROCESSING", "");
}
