//! Payers who have paid, and how they ask without an API key.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::wallet::Wallet;
use crate::world::{Reply, World, intent_body};

/// Five blocks of the simulated chain.
const FINALITY_S: i64 = 10;

/// A request without an API key, with these headers.
pub(crate) async fn ask(world: &World, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
    let request =
        Request::builder().method("POST").uri(format!("/v1{path}")).header("content-type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    world.send(request.body(body).expect("a request")).await
}

/// A request of the bearer of a token.
pub(crate) async fn ask_by_token(world: &World, token: &str, path: &str, body: Value) -> Reply {
    ask(world, path, &[("Payer-Token", token)], &body).await
}

/// A request that carries a signature, if anything.
pub(crate) async fn ask_signed(world: &World, path: &str, body: Value) -> Reply {
    ask(world, path, &[], &body).await
}

/// An intent with these terms, and these milestones from index 0 on.
pub(crate) async fn intent(world: &World, terms: Value, milestones: &[&str]) -> (String, Vec<String>) {
    let mut body = intent_body();
    for (name, value) in terms.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let intent = world.post("/payment-intents", body).await.ok(200)["id"].as_str().expect("an id").to_owned();
    let mut ids = Vec::new();
    for (index, amount) in (0..).zip(milestones) {
        ids.push(world.milestone(&intent, index, amount).await);
    }
    (intent, ids)
}

async fn final_payment(world: &World, intent: &str) {
    let path = format!("/payment-intents/{intent}");
    world.advance_until(FINALITY_S, &path, |intent| intent["status"] == "SUCCEEDED").await;
}

/// Has an intent paid by a wallet.
pub(crate) async fn pay_by_wallet(world: &World, intent: &str, wallet: &Wallet) {
    let consent = wallet.consent(world, intent).await;
    world.post(&format!("/payment-intents/{intent}/confirm"), consent).await.ok(200);
    final_payment(world, intent).await;
}

/// Has an intent paid by card, and gives the payer's token.
pub(crate) async fn pay_by_card(world: &World, intent: &str) -> String {
    let card = json!({"card": {"cardNumber": "4242424242424242", "expiry": "12/30", "cvv": "123"}});
    let paid = ask(world, &format!("/payment-intents/public/{intent}/payment"), &[], &card).await.ok(200);
    final_payment(world, intent).await;
    paid["payerToken"].as_str().expect("a token").to_owned()
}

/// Has a milestone completed by the merchant.
pub(crate) async fn complete(world: &World, intent: &str, milestone: &str) -> Value {
    let body = json!({"completedBy": "me", "completionProof": "proof_hash_0"});
    world.post(&format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete"), body).await.ok(200)
}

/// The escrow as its payer sees it.
pub(crate) async fn public_escrow(world: &World, intent: &str) -> Value {
    world.get(&format!("/payment-intents/public/{intent}/escrow")).await.ok(200)["data"].clone()
}

/// The escrow as its merchant sees it.
pub(crate) async fn escrow(world: &World, intent: &str) -> Value {
    world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200)["data"].clone()
}

/// What is the merchant's, and what is held.
pub(crate) async fn balance(world: &World) -> (String, String) {
    let balance = world.get("/account/balance").await.ok(200)["data"].clone();
    let text = |name: &str| balance[name].as_str().expect("an amount").to_owned();
    (text("availableBalance"), text("pendingBalance"))
}
