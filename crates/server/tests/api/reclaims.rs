//! What was not delivered in time goes back to the payer.

use ::escrow::Span;
use evm::{Act, Domain};
use serde_json::{Value, json};
use server::DEFAULT_CHAIN_ID;

use crate::payers::{
    ask, ask_by_token, ask_signed, balance, complete, escrow, intent, pay_by_card, pay_by_wallet, public_escrow,
};
use crate::wallet::{Wallet, stored};
use crate::world::{START_MS, World};

/// A day to deliver, and an hour to complain.
fn terms() -> Value {
    json!({"autoRelease": true, "deliveryPeriod": "1d", "disputeWindow": 3600})
}

/// From the funding to when it can be reclaimed.
const PATIENCE_S: i64 = 24 * 3600 + 3600;

fn by_key(intent: &str) -> String {
    format!("/payment-intents/{intent}/escrow/reclaim")
}

fn by_payer(intent: &str) -> String {
    format!("/payment-intents/public/{intent}/reclaim")
}

#[tokio::test(start_paused = true)]
async fn a_merchant_reclaims_for_the_simulated_payer() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, terms(), &["300", "500"]).await;
    let unpaid = world.post(&by_key(&intent), Value::Null).await;
    unpaid.refused(400, "invalid_status", "Payment intent is not funded", "");
    complete(&world, &intent, &ids[0]).await;
    let from_s = START_MS / 1000 + PATIENCE_S;
    assert_eq!(escrow(&world, &intent).await["reclaimableFrom"], from_s.to_string());
    world.host.advance(Span::from_seconds(PATIENCE_S - 1));
    let before = world.everything().await;
    let message = format!("Nothing can be reclaimed before {from_s} (Unix seconds)");
    world.post(&by_key(&intent), Value::Null).await.refused(400, "invalid_status", &message, "");
    assert_eq!(world.everything().await.len(), before.len());

    world.host.advance(Span::from_seconds(1));
    let refund = world.post(&by_key(&intent).replace("/escrow/", "/conditional-payment/"), json!({})).await.ok(200);
    assert_eq!((&refund["object"], &refund["data"]["amount"]), (&json!("refund"), &json!("700.00")));
    assert!(refund["id"].as_str().is_some_and(|id| id.starts_with("refund_")), "{refund}");
    let order = escrow(&world, &intent).await;
    assert_eq!((&order["refundedAmount"], &order["heldAmount"]), (&json!("700.00"), &json!("0.00")));
    assert_eq!((&order["milestones"][1]["status"], &order["status"]), (&json!("CANCELLED"), &json!("COMPLETED")));
    assert_eq!(balance(&world).await.1, "0.00");
    let again = world.post(&by_key(&intent), Value::Null).await;
    again.refused(400, "insufficient_funds", "Nothing can be reclaimed", "");
}

#[tokio::test(start_paused = true)]
async fn a_wallet_signs_what_the_public_escrow_shows() {
    let (world, wallet, stranger) = (World::new().await, Wallet::new(1), Wallet::new(2));
    let (intent, _) = intent(&world, terms(), &["300"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    let state = stored(&world, &intent).await;
    let act = Act::Reclaim { intent: state.id, held: state.funds.held };
    let body = wallet.signed(&act, json!({}));
    assert!(public_escrow(&world, &intent).await.get("reclaim").is_none(), "it is too early");
    let early = ask_signed(&world, &by_payer(&intent), body.clone()).await;
    early.refused(400, "invalid_status", "Nothing can be reclaimed before", "");
    world.host.advance(Span::from_seconds(PATIENCE_S));
    let domain = Domain::sandbox(DEFAULT_CHAIN_ID);
    assert_eq!(
        public_escrow(&world, &intent).await["reclaim"],
        json!({"typedData": act.typed_data(domain), "typedDataV4": act.typed_data_v4(domain)})
    );
    assert!(escrow(&world, &intent).await.get("reclaim").is_none(), "the merchant signs nothing");

    ask_signed(&world, &by_payer(&intent), Value::Null).await.refused(401, "authentication_required", "signature", "");
    let theirs = ask_signed(&world, &by_payer(&intent), stranger.signed(&act, json!({}))).await;
    theirs.refused(403, "forbidden", "Only whoever paid may ask for this", "");
    let key = [("Idempotency-Key", "same")];
    let first = ask(&world, &by_payer(&intent), &key, &body).await;
    assert_eq!(first.ok(200)["data"]["amount"], "1000.00");
    assert!(public_escrow(&world, &intent).await.get("reclaim").is_none());
    let again = ask(&world, &by_payer(&intent), &key, &body).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (200, &first.body, "true"));
    let void = ask_signed(&world, &by_payer(&intent), body).await;
    void.refused(400, "signature_verification_failed", "over the Reclaim as it would be now", "signature");
    assert_eq!(escrow(&world, &intent).await["refunds"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_card_payer_shows_the_token() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, terms(), &["300", "200"]).await;
    let token = pay_by_card(&world, &intent).await;
    let dispute = json!({"reason": "broken", "raisedBy": "me", "milestoneId": ids[1], "disputeWindow": "30d"});
    world.host.advance(Span::from_seconds(PATIENCE_S));
    world.post(&format!("/payment-intents/{intent}/escrow/dispute"), dispute).await.ok(200);
    // That the window is longer for disputes now does not keep the payer waiting.
    let refund = ask_by_token(&world, &token, &by_payer(&intent), Value::Null).await.ok(200);
    assert_eq!(refund["data"]["amount"], "800.00", "what is disputed stays");
    let again = ask_by_token(&world, &token, &by_payer(&intent), Value::Null).await;
    again.refused(400, "insufficient_funds", "Nothing can be reclaimed", "");
}
