//! Completed milestones are approved and rejected, and what was proven is released by hand.

use ::escrow::{Hash, Mode};
use evm::{Act, Domain};
use serde_json::{Value, json};
use server::DEFAULT_CHAIN_ID;

use crate::access::Objects;
use crate::askers::ONE;
use crate::payers::{
    ask, ask_by_token, ask_signed, balance, complete, escrow, intent, pay_by_card, pay_by_wallet, public_escrow,
};
use crate::wallet::{Wallet, stored};
use crate::world::{LIVE, OTHER, START_MS, World};

/// The payer's word is needed, whatever else was agreed.
fn with_approval() -> Value {
    json!({"requireApproval": true, "autoRelease": true})
}

fn by_key(intent: &str, milestone: &str, deed: &str) -> String {
    format!("/payment-intents/{intent}/escrow/milestones/{milestone}/{deed}")
}

fn by_payer(intent: &str, milestone: &str, deed: &str) -> String {
    format!("/payment-intents/public/{intent}/milestones/{milestone}/{deed}")
}

/// The approval of the first milestone, as the state says it now.
async fn approval(world: &World, intent: &str) -> Act<'static> {
    let escrow = stored(world, intent).await;
    let milestone = &escrow.milestones()[0];
    let (amount, attempt) = (milestone.amount, u64::from(milestone.attempts));
    Act::Approval { intent: escrow.id, milestone: milestone.id, amount, proof: Some("proof_hash_0"), attempt }
}

/// The rejection of a completion of the first milestone.
async fn rejection<'a>(world: &World, intent: &str, attempt: u64, reason: &'a str) -> Act<'a> {
    let escrow = stored(world, intent).await;
    Act::Rejection { intent: escrow.id, milestone: escrow.milestones()[0].id, attempt, reason }
}

fn shown(act: &Act<'_>) -> Value {
    let domain = Domain::sandbox(DEFAULT_CHAIN_ID);
    json!({"typedData": act.typed_data(domain), "typedDataV4": act.typed_data_v4(domain)})
}

#[tokio::test(start_paused = true)]
async fn a_merchant_speaks_for_the_simulated_payer() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, with_approval(), &["300", "700"]).await;
    let done = complete(&world, &intent, &ids[0]).await;
    assert_eq!(done["data"]["status"], "COMPLETED", "auto release is ignored");
    assert_eq!((&done["data"]["requiresApproval"], &done["data"]["completionAttempt"]), (&json!(true), &json!(1)));
    let released = world.post(&by_key(&intent, &ids[0], "release"), Value::Null).await;
    released.refused(400, "invalid_status", "Only the payer's approval, or their silence", "");

    let approved = world.post(&by_key(&intent, &ids[0], "approve"), Value::Null).await.ok(200);
    assert_eq!((&approved["object"], &approved["id"]), (&json!("milestone"), &json!(ids[0])));
    assert_eq!((&approved["status"], &approved["milestoneIndex"]), (&json!("approved"), &json!(0)));
    let at = json!((START_MS / 1000).to_string());
    for (name, value) in [
        ("status", json!("RELEASED")),
        ("approvedBy", json!("merchant")),
        ("approvedAt", at.clone()),
        ("releasedBy", json!("merchant")),
        ("rejectedAt", Value::Null),
    ] {
        assert_eq!(approved["data"][name], value, "{name}");
    }
    assert_eq!(balance(&world).await, ("300.00".to_owned(), "700.00".to_owned()));

    complete(&world, &intent, &ids[1]).await;
    let alias = by_key(&intent, &ids[1], "reject").replace("/escrow/", "/conditional-payment/");
    let rejected = world.post(&alias, json!({"reason": "not as agreed"})).await.ok(200);
    assert_eq!((&rejected["status"], &rejected["data"]["status"]), (&json!("rejected"), &json!("PENDING")));
    assert_eq!((&rejected["data"]["rejectionReason"], &rejected["data"]["rejectedAt"]), (&json!("not as agreed"), &at));
    for (deed, body) in [("approve", Value::Null), ("reject", json!({"reason": "again"}))] {
        let message = format!("Cannot {deed} milestone in status: PENDING");
        world.post(&by_key(&intent, &ids[1], deed), body).await.refused(400, "invalid_status", &message, "");
    }

    assert_eq!(complete(&world, &intent, &ids[1]).await["data"]["completionAttempt"], 2);
    for (deed, body) in
        [("approve", json!({"completionAttempt": 1})), ("reject", json!({"completionAttempt": 3, "reason": "no"}))]
    {
        let reply = world.post(&by_key(&intent, &ids[1], deed), body).await;
        reply.refused(400, "invalid_status", "The completion of the milestone has changed since", "");
    }
    let body = json!({"completionAttempt": 2, "approvedBy": "ana"});
    let approved = world.post(&by_key(&intent, &ids[1], "approve"), body).await.ok(200)["data"].clone();
    assert_eq!((&approved["status"], &approved["releasedBy"]), (&json!("RELEASED"), &json!("ana")));
    assert_eq!(approved["rejectionReason"], Value::Null);
    assert_eq!(balance(&world).await, ("1000.00".to_owned(), "0.00".to_owned()));
    for (deed, body) in [("approve", Value::Null), ("reject", json!({"reason": "too late"}))] {
        let reply = world.post(&by_key(&intent, &ids[1], deed), body).await;
        reply.refused(400, "invalid_request", "Milestone already released", "");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_approved_waits_for_what_lies_below_it() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, with_approval(), &["300", "700"]).await;
    for id in &ids {
        complete(&world, &intent, id).await;
    }
    let approved = world.post(&by_key(&intent, &ids[1], "approve"), Value::Null).await.ok(200);
    assert_eq!((&approved["status"], &approved["data"]["status"]), (&json!("approved"), &json!("COMPLETED")));
    let again = world.post(&by_key(&intent, &ids[1], "approve"), Value::Null).await;
    again.refused(400, "invalid_request", "Milestone already approved", "");
    assert_eq!(balance(&world).await.0, "0.00");
    world.post(&by_key(&intent, &ids[0], "approve"), Value::Null).await.ok(200);
    assert_eq!(balance(&world).await, ("1000.00".to_owned(), "0.00".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_live_key_does_not_speak_for_the_payer() {
    let world = World::new().await;
    let objects = Objects::new(&world, world.owner(ONE, Mode::Live).await).await;
    let (intent, milestone) = (&objects.params["intent"], &objects.params["milestone"]);
    for (path, body, action) in [
        (by_key(intent, milestone, "approve"), Value::Null, "approve milestone"),
        (by_key(intent, milestone, "reject"), json!({"reason": "no"}), "reject milestone"),
        (format!("/payment-intents/{intent}/escrow/reclaim"), Value::Null, "reclaim"),
    ] {
        let message = format!("The merchant may not {action} in this mode");
        world.call_as(LIVE, "POST", &path, body).await.refused(403, "forbidden", &message, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wallet_signs_what_the_public_escrow_shows() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, ids) = intent(&world, with_approval(), &["300", "700"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    assert!(public_escrow(&world, &intent).await["milestones"][0].get("approval").is_none(), "nothing is completed");
    complete(&world, &intent, &ids[0]).await;
    let act = approval(&world, &intent).await;
    let seen = public_escrow(&world, &intent).await;
    assert_eq!(seen["milestones"][0]["approval"], shown(&act));
    assert!(seen["milestones"][1].get("approval").is_none());
    assert!(seen.get("release").is_none() && seen.get("reclaim").is_none());
    assert!(escrow(&world, &intent).await["milestones"][0].get("approval").is_none(), "the merchant signs nothing");
    assert!(
        world.events().await.iter().all(|event| !event.to_string().contains("\"approval\"")),
        "events are for ever"
    );

    let approved = ask_signed(&world, &by_payer(&intent, &ids[0], "approve"), wallet.signed(&act, json!({}))).await;
    let approved = approved.ok(200);
    assert_eq!((&approved["status"], &approved["data"]["status"]), (&json!("approved"), &json!("RELEASED")));
    assert_eq!(approved["data"]["approvedBy"], json!(wallet.address()));
    assert!(public_escrow(&world, &intent).await["milestones"][0].get("approval").is_none());
    assert_eq!(balance(&world).await, ("300.00".to_owned(), "700.00".to_owned()));
    let again = ask_signed(&world, &by_payer(&intent, &ids[0], "approve"), wallet.signed(&act, json!({}))).await;
    again.refused(400, "invalid_request", "Milestone already released", "");
}

#[tokio::test(start_paused = true)]
async fn a_signature_is_void_after_a_rejection_and_another_completion() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, ids) = intent(&world, with_approval(), &["1000"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    complete(&world, &intent, &ids[0]).await;
    let (approve, reject) = (by_payer(&intent, &ids[0], "approve"), by_payer(&intent, &ids[0], "reject"));
    let first = wallet.signed(&approval(&world, &intent).await, json!({}));
    let act = rejection(&world, &intent, 1, "page 2 is missing").await;
    let rejecting = wallet.signed(&act, json!({"reason": "page 2 is missing"}));
    let other = ask_signed(&world, &reject, wallet.signed(&act, json!({"reason": "page 3 is missing"}))).await;
    other.refused(400, "signature_verification_failed", "what was signed differs from what was sent", "signature");
    let rejected = ask_signed(&world, &reject, rejecting.clone()).await.ok(200);
    assert_eq!(
        (&rejected["status"], &rejected["data"]["rejectionReason"]),
        (&json!("rejected"), &json!("page 2 is missing"))
    );

    complete(&world, &intent, &ids[0]).await;
    let before = world.everything().await;
    for (path, body) in [(&approve, &first), (&reject, &rejecting)] {
        let reply = ask_signed(&world, path, body.clone()).await;
        reply.refused(400, "signature_verification_failed", "the order has changed since", "signature");
        let mut named = body.clone();
        named["completionAttempt"] = json!(1);
        let reply = ask_signed(&world, path, named).await;
        reply.refused(400, "invalid_status", "The completion of the milestone has changed since", "");
    }
    assert_eq!(world.everything().await, before);
    let second = wallet.signed(&approval(&world, &intent).await, json!({"completionAttempt": 2, "approvedBy": "Ana"}));
    let approved = ask_signed(&world, &approve, second).await.ok(200);
    assert_eq!((&approved["data"]["status"], &approved["data"]["approvedBy"]), (&json!("RELEASED"), &json!("Ana")));
}

#[tokio::test(start_paused = true)]
async fn a_card_payer_shows_the_token() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, with_approval(), &["300", "700"]).await;
    let token = pay_by_card(&world, &intent).await;
    complete(&world, &intent, &ids[0]).await;
    let reject = by_payer(&intent, &ids[0], "reject");
    let rejected = ask_by_token(&world, &token, &reject, json!({"reason": "no"})).await.ok(200);
    assert_eq!((&rejected["status"], &rejected["data"]["status"]), (&json!("rejected"), &json!("PENDING")));
    complete(&world, &intent, &ids[0]).await;
    let approve = by_payer(&intent, &ids[0], "approve");
    let stale = ask_by_token(&world, &token, &approve, json!({"completionAttempt": 1})).await;
    stale.refused(400, "invalid_status", "The completion of the milestone has changed since", "");
    let approved = ask_by_token(&world, &token, &approve, Value::Null).await.ok(200);
    assert_eq!((&approved["status"], &approved["data"]["status"]), (&json!("approved"), &json!("RELEASED")));
    assert_eq!(approved["data"]["approvedBy"], "payer");
    assert_eq!(balance(&world).await, ("300.00".to_owned(), "700.00".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_the_payer_is_refused_in_this_order() {
    let (world, wallet, stranger) = (World::new().await, Wallet::new(1), Wallet::new(2));
    let (intent, ids) = intent(&world, with_approval(), &["300", "700"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    complete(&world, &intent, &ids[0]).await;
    let approve = by_payer(&intent, &ids[0], "approve");
    let act = approval(&world, &intent).await;
    let good = wallet.signed(&act, json!({}));
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let before = world.everything().await;
    // First the object, then that there is any proof at all, in words that say how to give one.
    let nobodys = by_payer("intent_0000000000000000000000", &ids[0], "approve");
    ask_signed(&world, &nobodys, Value::Null).await.refused(404, "resource_missing", "No such payment intent", "");
    for body in [Value::Null, json!({"approvedBy": 7}), json!({"signature": null})] {
        for words in ["Only the payer may do this", "Payer-Token", "payerAddress"] {
            ask_signed(&world, &approve, body.clone()).await.refused(401, "authentication_required", words, "");
        }
    }
    let keyless = ask(&world, &approve, &[("X-API-Key", OTHER), ("Payer-Token", " ")], &json!({})).await;
    keyless.refused(401, "authentication_required", "Only the payer may do this", "");
    // Then the fields, those of the proof first.
    for (body, param, why) in [
        (json!({"payerAddress": wallet.address(), "approvedBy": 7}), "signature", "is required"),
        (json!({"signature": "0x00", "approvedBy": 7}), "payerAddress", "is required"),
        (with("signature", json!(7)), "signature", "must be a string"),
        (with("signature", json!("0".repeat(2049))), "signature", "at most 2048 bytes"),
        (with("payerAddress", json!("ana")), "payerAddress", "must be an address"),
        (with("approvedBy", json!(7)), "approvedBy", "must be a string"),
        (with("completionAttempt", json!("1")), "completionAttempt", "must be an integer from 1 to 4294967295"),
    ] {
        ask_signed(&world, &approve, body).await.refused(400, "invalid_request", why, param);
    }
    for unknown in ["milestone_0000000000000000000000", "nonsense"] {
        let reply = ask_signed(&world, &by_payer(&intent, unknown, "approve"), good.clone()).await;
        reply.refused(404, "resource_missing", "Milestone not found", "");
    }
    // Then whose the signature is, and whether it is the payer's.
    let other_milestone = by_payer(&intent, &ids[1], "approve");
    for (path, body, why) in [
        (&approve, with("signature", json!("0x00")), "130 hexadecimal digits"),
        (&approve, with("signature", json!(stranger.sign_act(&act))), "not the expected account's over the Approval"),
        (&approve, with("payerAddress", json!(stranger.address())), "not the expected account's over the Approval"),
        (&by_payer(&intent, &ids[0], "reject"), with("reason", json!("no")), "over the Rejection"),
        (&other_milestone, good.clone(), "not the expected account's over the Approval"),
    ] {
        let reply = ask_signed(&world, path, body).await;
        reply.refused(400, "signature_verification_failed", why, "signature");
    }
    let proven = ask_signed(&world, &approve, stranger.signed(&act, json!({}))).await;
    proven.refused(403, "forbidden", "Only whoever paid may ask for this", "");
    // A token counts more than a signature, even the payer's.
    let reply = ask(&world, &approve, &[("Payer-Token", "payer_nobody-has-this")], &good).await;
    reply.refused(403, "forbidden", "Only whoever paid may ask for this", "");
    assert_eq!(world.everything().await, before);
    ask_signed(&world, &approve, good).await.ok(200);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_again_although_what_was_signed_is_void_by_now() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, ids) = intent(&world, with_approval(), &["1000"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    complete(&world, &intent, &ids[0]).await;
    let reject = by_payer(&intent, &ids[0], "reject");
    let body = wallet.signed(&rejection(&world, &intent, 1, "no").await, json!({"reason": "no"}));
    let key = [("Idempotency-Key", "same")];
    let first = ask(&world, &reject, &key, &body).await;
    first.ok(200);
    complete(&world, &intent, &ids[0]).await;
    let before = world.everything().await;
    let again = ask(&world, &reject, &key, &body).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let mut other = body.clone();
    other["reason"] = json!("yes");
    ask(&world, &reject, &key, &other).await.refused(400, "idempotency_mismatch", "different request", "");
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_one_token_is_not_given_to_another() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, with_approval(), &["1000"]).await;
    let token = pay_by_card(&world, &intent).await;
    complete(&world, &intent, &ids[0]).await;
    let approve = by_payer(&intent, &ids[0], "approve");
    let headers = [("Idempotency-Key", "same"), ("Payer-Token", token.as_str())];
    let first = ask(&world, &approve, &headers, &json!({})).await;
    first.ok(200);
    let again = ask(&world, &approve, &headers, &json!({})).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (200, &first.body, "true"));
    let stranger = ask(&world, &approve, &[headers[0], ("Payer-Token", "payer_other")], &json!({})).await;
    stranger.refused(400, "idempotency_mismatch", "different request", "");
    assert!(!String::from_utf8_lossy(&first.body).contains(&token));
}

#[tokio::test(start_paused = true)]
async fn fields_and_why_they_are_refused() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, with_approval(), &["1000"]).await;
    complete(&world, &intent, &ids[0]).await;
    let before = world.everything().await;
    let attempt = "must be an integer from 1 to 4294967295";
    for (deed, body, param, why) in [
        ("approve", json!({"approvedBy": ""}), "approvedBy", "must not be empty"),
        ("approve", json!({"approvedBy": ["ana"]}), "approvedBy", "must be a string"),
        ("approve", json!({"approvedBy": "é".repeat(257)}), "approvedBy", "at most 256 characters"),
        ("approve", json!({"approvedBy": "a\u{0}"}), "approvedBy", "control characters"),
        ("approve", json!({"completionAttempt": 0}), "completionAttempt", attempt),
        ("approve", json!({"completionAttempt": 1.5}), "completionAttempt", attempt),
        ("approve", json!({"completionAttempt": 4_294_967_296_i64}), "completionAttempt", attempt),
        ("reject", json!({}), "reason", "is required"),
        ("reject", json!({"reason": null}), "reason", "is required"),
        ("reject", json!({"reason": ""}), "reason", "must not be empty"),
        ("reject", json!({"reason": " \n"}), "reason", "must not be empty"),
        ("reject", json!({"reason": 7}), "reason", "must be a string"),
        ("reject", json!({"reason": "x".repeat(2049)}), "reason", "at most 2048 bytes"),
        ("reject", json!({"reason": "a\u{1b}"}), "reason", "control characters"),
        ("reject", json!({"reason": "no", "completionAttempt": true}), "completionAttempt", attempt),
    ] {
        world.post(&by_key(&intent, &ids[0], deed), body).await.refused(400, "invalid_request", why, param);
    }
    let unknown = by_key(&intent, "nonsense", "reject");
    world.post(&unknown, json!({"reason": "no"})).await.refused(404, "resource_missing", "Milestone not found", "");
    let theirs = world.call_as(OTHER, "POST", &by_key(&intent, &ids[0], "reject"), json!({"reason": 7})).await;
    theirs.refused(403, "forbidden", "You do not have permission", "");
    assert_eq!(world.everything().await, before);
}

/// An order for a delivery proof, which nothing but a hand releases.
async fn proven_order(world: &World) -> String {
    intent(world, json!({"releaseType": "DELIVERY_PROOF"}), &[]).await.0
}

async fn prove(world: &World, intent: &str) -> Hash {
    let body = json!({"proofHash": format!("0x{}", "ab".repeat(32)), "submittedBy": "courier"});
    world.post(&format!("/payment-intents/{intent}/escrow/delivery-proof"), body).await.ok(200);
    Hash::from_bytes([0xab; 32])
}

#[tokio::test(start_paused = true)]
async fn a_wallet_releases_what_was_proven() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let intent = proven_order(&world).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    let release = format!("/payment-intents/public/{intent}/release");
    let state = stored(&world, &intent).await;
    let unproven = Act::Release { intent: state.id, held: state.funds.held, proof: Hash::ZERO };
    let early = ask_signed(&world, &release, wallet.signed(&unproven, json!({}))).await;
    early.refused(400, "invalid_status", "Cannot release order in status: PENDING", "");
    assert!(public_escrow(&world, &intent).await.get("release").is_none());

    let proof = prove(&world, &intent).await;
    let act = Act::Release { intent: state.id, held: state.funds.held, proof };
    assert_eq!(public_escrow(&world, &intent).await["release"], shown(&act));
    let void = ask_signed(&world, &release, wallet.signed(&unproven, json!({}))).await;
    void.refused(400, "signature_verification_failed", "over the Release as it would be now", "signature");
    let body = wallet.signed(&act, json!({}));
    let key = [("Idempotency-Key", "same")];
    let released = ask(&world, &release, &key, &body).await;
    let data = released.ok(200)["data"].clone();
    assert_eq!((&data["status"], &data["releasedAmount"]), (&json!("COMPLETED"), &json!("1000.00")));
    assert_eq!(data["settlements"][0]["settlementDestination"], "****_123");
    assert!(data.get("merchantId").is_none() && data.get("release").is_none());
    assert!(public_escrow(&world, &intent).await.get("release").is_none());
    assert_eq!(balance(&world).await, ("1000.00".to_owned(), "0.00".to_owned()));
    assert_eq!(ask(&world, &release, &key, &body).await.body, released.body);
    let late = ask_signed(&world, &release, body).await;
    late.refused(400, "signature_verification_failed", "over the Release", "signature");
}

#[tokio::test(start_paused = true)]
async fn a_card_payer_releases_what_was_proven() {
    let world = World::new().await;
    let order = proven_order(&world).await;
    let token = pay_by_card(&world, &order).await;
    prove(&world, &order).await;
    let release = format!("/payment-intents/public/{order}/release");
    ask_signed(&world, &release, Value::Null).await.refused(401, "authentication_required", "Payer-Token", "");
    let released = ask_by_token(&world, &token, &release, Value::Null).await.ok(200);
    assert_eq!(released["status"], "COMPLETED");
    let late = ask_by_token(&world, &token, &release, Value::Null).await;
    late.refused(400, "invalid_status", "Cannot release order in status: COMPLETED", "");

    let (by_milestones, _) = intent(&world, json!({}), &["1000"]).await;
    let token = pay_by_card(&world, &by_milestones).await;
    let reply =
        ask_by_token(&world, &token, &format!("/payment-intents/public/{by_milestones}/release"), Value::Null).await;
    reply.refused(400, "invalid_request", "Cannot release order with release type: MILESTONE_LOCKED", "");
}
