//! Disputes: what they freeze, what is said about them, how they end.

use ::escrow::{Mode, Span};
use evm::Act;
use serde_json::{Value, json};

use crate::access::Objects;
use crate::askers::ONE;
use crate::payers::{ask, ask_by_token, ask_signed, balance, complete, escrow, intent, pay_by_card, pay_by_wallet};
use crate::wallet::{Wallet, stored};
use crate::world::{ADMIN, LIVE, OTHER, START_MS, World};

fn at(intent: &str, rest: &str) -> String {
    format!("/payment-intents/{intent}/escrow/{rest}")
}

fn public(intent: &str, rest: &str) -> String {
    format!("/payment-intents/public/{intent}/{rest}")
}

fn raising() -> Value {
    json!({"reason": "nothing arrived", "raisedBy": "ana@example.com"})
}

fn about(milestone: &str) -> Value {
    json!({"reason": "broken", "raisedBy": "ana", "milestoneId": milestone})
}

fn resolving(resolution: &str, refund_amount: Option<&str>) -> Value {
    let mut body = json!({"resolution": resolution, "resolvedBy": "desk"});
    if let Some(amount) = refund_amount {
        body["refundAmount"] = json!(amount);
    }
    body
}

fn auto() -> Value {
    json!({"autoRelease": true})
}

/// The dispute that the payer would sign now.
async fn act<'a>(world: &World, intent: &str, reason: &'a str, count: u64) -> Act<'a> {
    let id = stored(world, intent).await.id;
    Act::Dispute { intent: id, milestone: None, reason, window: None, count }
}

#[tokio::test(start_paused = true)]
async fn the_whole_object() {
    let world = World::new().await;
    let (intent, _) = intent(&world, auto(), &["300"]).await;
    let raised = world.post(&at(&intent, "dispute"), raising()).await.ok(200);
    let (id, order) = (raised["id"].as_str().expect("an id"), &raised["data"]["escrowOrderId"]);
    assert!(id.starts_with("dispute_") && order.is_string(), "{raised}");
    let seconds = START_MS / 1000;
    let mut data = json!({
        "id": id, "object": "dispute", "escrowOrderId": order, "conditionalPaymentId": order,
        "paymentIntentId": intent, "milestoneId": null, "status": "raised", "reason": "nothing arrived",
        "raisedBy": "ana@example.com", "raisedByRole": "merchant", "disputeRaisedAt": seconds.to_string(),
        "resolvesAt": (seconds + 604_800).to_string(), "resolution": null, "disputeResolvedAt": null,
        "resolvedBy": null, "note": null, "frozenAmount": "1000.00", "refundedAmount": null, "releasedAmount": null,
        "currency": "USDC", "evidence": [],
        "createdAt": "2027-01-15T08:00:00.000Z", "updatedAt": "2027-01-15T08:00:00.000Z",
    });
    let envelope = |status: &str, data: &Value| json!({"id": id, "object": "dispute", "status": status, "data": data, "created": seconds, "updated": seconds});
    assert_eq!(raised, envelope("raised", &data));
    let hash = format!("0x{}", "aB".repeat(32));
    let body = json!({"submittedBy": "shop", "text": "it was sent", "uri": "ipfs://x", "hash": hash});
    let argued = world.post(&at(&intent, "dispute/evidence"), body).await.ok(200);
    data["evidence"] = json!([{
        "submittedBy": "shop", "submittedByRole": "merchant", "text": "it was sent", "uri": "ipfs://x",
        "hash": hash.to_lowercase(), "submittedAt": seconds.to_string(),
    }]);
    assert_eq!(argued, envelope("raised", &data));
    let mut body = resolving("PARTIAL_REFUND", Some("250.5"));
    body["note"] = json!("half each");
    let alias = at(&intent, "dispute/resolve").replace("/escrow/", "/conditional-payment/");
    let resolved = world.post(&alias, body).await.ok(200);
    for (name, value) in [
        ("status", json!("resolved")),
        ("resolvesAt", Value::Null),
        ("resolution", json!("PARTIAL_REFUND")),
        ("disputeResolvedAt", json!(seconds.to_string())),
        ("resolvedBy", json!("desk")),
        ("note", json!("half each")),
        ("frozenAmount", json!("0.00")),
        ("refundedAmount", json!("250.50")),
        ("releasedAmount", json!("749.50")),
    ] {
        data[name] = value;
    }
    assert_eq!(resolved, envelope("resolved", &data));
    assert_eq!(world.get(&at(&intent, "disputes")).await.ok(200)["data"], json!([data]));
}

#[tokio::test(start_paused = true)]
async fn a_dispute_over_the_order_freezes_all_of_it() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, auto(), &["300", "500"]).await;
    complete(&world, &intent, &ids[0]).await;
    world.post(&at(&intent, "dispute"), raising()).await.ok(200);
    let order = escrow(&world, &intent).await;
    assert_eq!((&order["status"], &order["disputeReason"]), (&json!("DISPUTED"), &json!("nothing arrived")));
    let before = world.everything().await;
    let done = json!({"completedBy": "me"});
    let frozen = world.post(&at(&intent, &format!("milestones/{}/complete", ids[1])), done).await;
    frozen.refused(400, "escrow_disputed", "The order is disputed", "");
    let reclaimed = world.post(&at(&intent, "reclaim"), Value::Null).await;
    reclaimed.refused(400, "escrow_disputed", "The order is disputed", "");
    for body in [raising(), about(&ids[1])] {
        let again = world.post(&at(&intent, "dispute"), body).await;
        again.refused(400, "invalid_request", "Dispute already raised for this order", "");
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn the_whole_order_is_resolved_to_the_last_cent() {
    for (resolution, refund, available, refunded, statuses) in [
        ("MERCHANT_WON", None, "1000.00", "0.00", ["RELEASED", "RELEASED", "RELEASED"]),
        ("BUYER_WON", None, "300.00", "700.00", ["RELEASED", "CANCELLED", "CANCELLED"]),
        ("PARTIAL_REFUND", Some("250.50"), "749.50", "250.50", ["RELEASED", "RELEASED", "CANCELLED"]),
        ("PARTIAL_REFUND", Some("699.999999"), "300.000001", "699.999999", ["RELEASED", "RELEASED", "CANCELLED"]),
        ("PARTIAL_REFUND", Some("0.000001"), "999.999999", "0.000001", ["RELEASED", "RELEASED", "RELEASED"]),
    ] {
        let world = World::new().await;
        let (intent, ids) = intent(&world, auto(), &["300", "449.50", "250.50"]).await;
        complete(&world, &intent, &ids[0]).await;
        world.post(&at(&intent, "dispute"), raising()).await.ok(200);
        assert_eq!(balance(&world).await, ("300.00".to_owned(), "700.00".to_owned()), "a dispute moves nothing");
        let resolved = world.post(&at(&intent, "dispute/resolve"), resolving(resolution, refund)).await.ok(200);
        assert_eq!(resolved["data"]["refundedAmount"], refunded);
        assert_eq!(balance(&world).await, (available.to_owned(), "0.00".to_owned()), "{resolution} {refund:?}");
        let order = escrow(&world, &intent).await;
        for (name, value) in [
            ("status", "COMPLETED"),
            ("disputeResolution", resolution),
            ("heldAmount", "0.00"),
            ("releasedAmount", available),
            ("refundedAmount", refunded),
        ] {
            assert_eq!(order[name], value, "{name} after {resolution} {refund:?}");
        }
        for (milestone, status) in order["milestones"].as_array().expect("a list").iter().zip(statuses) {
            assert_eq!(milestone["status"], status, "{resolution} {refund:?}: {milestone}");
        }
        let over = world.post(&at(&intent, "dispute"), raising()).await;
        over.refused(400, "invalid_status", "Cannot raise dispute: order is already completed", "");
        let decided = world.post(&at(&intent, "dispute/resolve"), resolving(resolution, refund)).await;
        decided.refused(404, "resource_missing", "No open dispute found", "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frozen_milestone_holds_back_itself_and_what_comes_after_it() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, auto(), &["300", "500", "200"]).await;
    let raised = world.post(&at(&intent, "dispute"), about(&ids[1])).await.ok(200);
    assert_eq!((&raised["data"]["milestoneId"], &raised["data"]["frozenAmount"]), (&json!(ids[1]), &json!("500.00")));
    assert_eq!(escrow(&world, &intent).await["status"], "PENDING");
    assert_eq!(complete(&world, &intent, &ids[0]).await["data"]["status"], "RELEASED");
    let done = json!({"completedBy": "me"});
    let frozen = world.post(&at(&intent, &format!("milestones/{}/complete", ids[1])), done.clone()).await;
    frozen.refused(400, "escrow_disputed", "The milestone is disputed", "");
    let behind = world.post(&at(&intent, &format!("milestones/{}/complete", ids[2])), done).await;
    behind.refused(400, "invalid_request", "Previous milestone (index 1) must be completed first", "");
    let again = world.post(&at(&intent, "dispute"), about(&ids[1])).await;
    again.refused(400, "invalid_request", "Dispute already raised for this milestone", "");
    let whole = world.post(&at(&intent, "dispute"), raising()).await;
    whole.refused(400, "invalid_request", "Dispute already raised for a milestone of this order", "milestoneId");
    let released = world.post(&at(&intent, "dispute"), about(&ids[0])).await;
    released.refused(400, "invalid_status", "Cannot dispute milestone in status: RELEASED", "");

    let resolved = world.post(&at(&intent, "dispute/resolve"), resolving("BUYER_WON", None)).await.ok(200);
    assert_eq!(resolved["data"]["refundedAmount"], "500.00");
    assert_eq!(complete(&world, &intent, &ids[2]).await["data"]["status"], "RELEASED");
    assert_eq!(balance(&world).await, ("500.00".to_owned(), "0.00".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_waited_behind_a_dispute_is_released_with_its_end() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"requireApproval": true}), &["300", "500", "200"]).await;
    for id in &ids {
        complete(&world, &intent, id).await;
    }
    let raise = async |id: &str| world.post(&at(&intent, "dispute"), about(id)).await.ok(200)["id"].clone();
    let (first, last) = (raise(&ids[0]).await, raise(&ids[2]).await);
    let approved = world.post(&at(&intent, &format!("milestones/{}/approve", ids[1])), Value::Null).await.ok(200);
    assert_eq!(approved["data"]["status"], "COMPLETED");
    let frozen = world.post(&at(&intent, &format!("milestones/{}/approve", ids[0])), Value::Null).await;
    frozen.refused(400, "escrow_disputed", "The milestone is disputed", "");

    // Two are open.
    let which = "Several disputes are open; say which one by milestoneId";
    let evidence = json!({"submittedBy": "me", "text": "look"});
    for (path, body) in [("dispute/evidence", evidence), ("dispute/resolve", resolving("MERCHANT_WON", None))] {
        world.post(&at(&intent, path), body).await.refused(400, "invalid_request", which, "milestoneId");
    }
    let body = json!({"submittedBy": "me", "text": "look", "milestoneId": ids[2]});
    let argued = world.post(&at(&intent, "dispute/evidence"), body).await.ok(200);
    assert_eq!(argued["id"], last);
    let mut body = resolving("MERCHANT_WON", None);
    body["milestoneId"] = json!(ids[0]);
    assert_eq!(world.post(&at(&intent, "dispute/resolve"), body.clone()).await.ok(200)["id"], first);
    assert_eq!(balance(&world).await, ("800.00".to_owned(), "200.00".to_owned()));
    let decided = world.post(&at(&intent, "dispute/resolve"), body).await;
    decided.refused(404, "resource_missing", "No open dispute found for this milestone", "");
    // The only one that is open needs no name.
    let resolved = world.post(&at(&intent, "dispute/resolve"), resolving("PARTIAL_REFUND", Some("50"))).await.ok(200);
    assert_eq!((&resolved["id"], &resolved["data"]["releasedAmount"]), (&last, &json!("150.00")));
    assert_eq!(balance(&world).await, ("950.00".to_owned(), "0.00".to_owned()));

    let list = async |query: &str| {
        let list = world.get(&at(&intent, &format!("disputes?{query}"))).await.ok(200);
        let ids = list["data"].as_array().expect("a list").iter().map(|dispute| dispute["id"].clone());
        (ids.collect::<Vec<_>>(), list["has_more"] == true)
    };
    assert_eq!(list("").await, (vec![last.clone(), first.clone()], false));
    assert_eq!(list("limit=1").await, (vec![last.clone()], true));
    assert_eq!(list(&format!("starting_after={}", last.as_str().expect("an id"))).await, (vec![first], false));
}

#[tokio::test(start_paused = true)]
async fn the_operator_decides_where_there_is_real_money() {
    let world = World::new().await;
    let objects = Objects::new(&world, world.owner(ONE, Mode::Live).await).await;
    let intent = &objects.params["intent"];
    let path = at(intent, "dispute/resolve");
    let before = world.everything().await;
    let own = world.call_as(LIVE, "POST", &path, resolving("MERCHANT_WON", None)).await;
    own.refused(403, "forbidden", "it takes an admin key", "");
    let other = world.call_as(OTHER, "POST", &path, resolving("MERCHANT_WON", None)).await;
    other.refused(403, "forbidden", "You do not have permission", "");
    let nothing = world.call_as(ADMIN, "POST", &path, json!({})).await;
    nothing.refused(400, "invalid_request", "resolution is required", "resolution");
    let too_much = world.call_as(ADMIN, "POST", &path, resolving("PARTIAL_REFUND", Some("200"))).await;
    let message = "refundAmount must be greater than zero and less than what is disputed, 200.00";
    too_much.refused(400, "invalid_request", message, "refundAmount");
    assert_eq!(world.everything().await, before);
    let resolved = world.call_as(ADMIN, "POST", &path, resolving("PARTIAL_REFUND", Some("80"))).await.ok(200);
    assert_eq!((&resolved["object"], &resolved["status"]), (&json!("dispute"), &json!("resolved")));
    assert_eq!(resolved["data"]["releasedAmount"], "120.00");
    let order = world.call_as(LIVE, "GET", &format!("/payment-intents/{intent}/escrow"), Value::Null).await.ok(200);
    // A hundred had been refunded before.
    assert_eq!((&order["data"]["refundedAmount"], &order["data"]["heldAmount"]), (&json!("180.00"), &json!("400.00")));
}

#[tokio::test(start_paused = true)]
async fn a_wallet_signs_a_dispute_and_what_it_says_about_it() {
    let (world, wallet, stranger) = (World::new().await, Wallet::new(1), Wallet::new(2));
    let (intent, ids) = intent(&world, auto(), &["300", "700"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    let (dispute, evidence) = (public(&intent, "dispute"), public(&intent, "dispute/evidence"));
    let milestone = ids[1].parse().expect("an id");
    let window = Some(Span::from_seconds(30 * 24 * 3600));
    let id = stored(&world, &intent).await.id;
    let first = Act::Dispute { intent: id, milestone: Some(milestone), reason: "broken", window, count: 0 };
    let body = json!({"reason": "broken", "milestoneId": ids[1], "disputeWindow": "30d"});
    let signed = wallet.signed(&first, body.clone());
    let by_stranger = ask_signed(&world, &dispute, stranger.signed(&first, body)).await;
    by_stranger.refused(403, "forbidden", "Only whoever paid may ask for this", "");
    let mut shorter = signed.clone();
    shorter["disputeWindow"] = json!("29d");
    let other = ask_signed(&world, &dispute, shorter).await;
    other.refused(400, "signature_verification_failed", "over the Dispute as it would be now", "signature");

    let key = [("Idempotency-Key", "same")];
    let raised = ask(&world, &dispute, &key, &signed).await;
    let shown = raised.ok(200);
    assert_eq!((&shown["object"], &shown["status"]), (&json!("dispute"), &json!("raised")));
    assert_eq!(
        (&shown["data"]["raisedBy"], &shown["data"]["raisedByRole"]),
        (&json!(wallet.address()), &json!("payer"))
    );
    assert_eq!(escrow(&world, &intent).await["disputeWindow"], "2592000");

    let dispute_id = shown["id"].as_str().expect("an id");
    let said = Act::Evidence { intent: id, dispute: dispute_id, text: Some("it was empty"), uri: None, hash: None };
    let saying = wallet.signed(&said, json!({"text": "it was empty"}));
    let zeros = format!("0x{}", "00".repeat(32));
    let argued =
        ask(&world, &evidence, &key, &wallet.signed(&said, json!({"text": "it was empty", "hash": zeros}))).await;
    argued.refused(400, "idempotency_mismatch", "different request", "");
    let key = [("Idempotency-Key", "another")];
    let argued = ask(&world, &evidence, &key, &saying).await;
    assert_eq!(argued.ok(200)["data"]["evidence"][0]["submittedBy"], json!(wallet.address()));
    // What was signed once is said once, whoever sends it and under whatever name.
    let before = world.everything().await;
    for body in [saying.clone(), wallet.signed(&said, json!({"text": "it was empty", "submittedBy": "Ana"}))] {
        let again = ask_signed(&world, &evidence, body).await.ok(200);
        assert_eq!(again["data"]["evidence"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(world.everything().await, before);
    // The same words of the other party are its own.
    let body = json!({"submittedBy": "shop", "text": "it was empty"});
    let argued_too = world.post(&at(&intent, "dispute/evidence"), body).await.ok(200);
    assert_eq!(argued_too["data"]["evidence"].as_array().map(Vec::len), Some(2));

    world.post(&at(&intent, "dispute/resolve"), resolving("MERCHANT_WON", None)).await.ok(200);
    // The count has moved on, and the dispute is decided.
    let void = ask_signed(&world, &dispute, signed.clone()).await;
    void.refused(400, "signature_verification_failed", "the order has changed since", "signature");
    ask_signed(&world, &evidence, saying.clone()).await.refused(404, "resource_missing", "No open dispute found", "");
    for (path, key, body, first) in [(&dispute, "same", &signed, &raised), (&evidence, "another", &saying, &argued)] {
        let again = ask(&world, path, &[("Idempotency-Key", key)], body).await;
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        assert_eq!(again.header("idempotent-replayed"), "true");
    }
    // Evidence about the decided dispute says nothing about the next one.
    world.post(&at(&intent, "dispute"), about(&ids[0])).await.ok(200);
    let other = ask_signed(&world, &evidence, saying).await;
    other.refused(400, "signature_verification_failed", "over the Evidence", "signature");
}

#[tokio::test(start_paused = true)]
async fn a_card_payer_disputes_by_token() {
    let world = World::new().await;
    let (intent, _) = intent(&world, auto(), &["1000"]).await;
    let token = pay_by_card(&world, &intent).await;
    let (dispute, evidence) = (public(&intent, "dispute"), public(&intent, "dispute/evidence"));
    for path in [&dispute, &evidence] {
        ask_signed(&world, path, json!({"reason": 7})).await.refused(401, "authentication_required", "Payer-Token", "");
        let stranger = ask_by_token(&world, "payer_other", path, json!({"reason": "no", "text": "no"})).await;
        stranger.refused(403, "forbidden", "Only whoever paid may ask for this", "");
    }
    let none = ask_by_token(&world, &token, &evidence, json!({"text": "look"})).await;
    none.refused(404, "resource_missing", "No open dispute found", "");
    let raised = ask_by_token(&world, &token, &dispute, json!({"reason": "nothing arrived"})).await.ok(200);
    assert_eq!((&raised["data"]["raisedBy"], &raised["data"]["raisedByRole"]), (&json!("payer"), &json!("payer")));
    let argued =
        ask_by_token(&world, &token, &evidence, json!({"uri": "ipfs://x", "submittedBy": "Ana"})).await.ok(200);
    assert_eq!(argued["data"]["evidence"][0]["submittedBy"], "Ana");
    world.post(&at(&intent, "dispute/resolve"), resolving("BUYER_WON", None)).await.ok(200);
    assert_eq!(escrow(&world, &intent).await["refundedAmount"], "1000.00");
}

#[tokio::test(start_paused = true)]
async fn one_party_says_so_much_and_no_more() {
    let world = World::new().await;
    let (intent, _) = intent(&world, auto(), &["1000"]).await;
    let token = pay_by_card(&world, &intent).await;
    world.post(&at(&intent, "dispute"), raising()).await.ok(200);
    let say = async |number: i32| {
        let body = json!({"submittedBy": "shop", "text": format!("number {number}")});
        world.post(&at(&intent, "dispute/evidence"), body).await
    };
    for number in 0..20 {
        say(number).await.ok(200);
    }
    say(20).await.refused(400, "invalid_request", "At most 20 pieces of evidence", "");
    say(19).await.ok(200);
    let theirs = ask_by_token(&world, &token, &public(&intent, "dispute/evidence"), json!({"text": "mine"})).await;
    assert_eq!(theirs.ok(200)["data"]["evidence"].as_array().map(Vec::len), Some(21));
}

#[tokio::test(start_paused = true)]
async fn a_payers_evidence_about_one_of_several() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, ids) = intent(&world, auto(), &["300", "700"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    for id in &ids {
        world.post(&at(&intent, "dispute"), about(id)).await.ok(200);
    }
    let state = stored(&world, &intent).await;
    let dispute = state.disputes()[1].id.to_string();
    let said = Act::Evidence { intent: state.id, dispute: &dispute, text: Some("look"), uri: None, hash: None };
    let path = public(&intent, "dispute/evidence");
    let which = ask_signed(&world, &path, wallet.signed(&said, json!({"text": "look"}))).await;
    which.refused(400, "invalid_request", "Several disputes are open", "milestoneId");
    let body = wallet.signed(&said, json!({"text": "look", "milestoneId": ids[1]}));
    assert_eq!(ask_signed(&world, &path, body).await.ok(200)["id"], json!(dispute));
}

#[tokio::test(start_paused = true)]
async fn the_window_is_lengthened_and_never_shortened() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, auto(), &["300", "700"]).await;
    let raise = async |window: Value| {
        let mut body = about(&ids[0]);
        body["disputeWindow"] = window;
        world.post(&at(&intent, "dispute"), body).await
    };
    let before = world.everything().await;
    for window in [json!(604_799), json!("604799"), json!("6d"), json!(0)] {
        let message = "disputeWindow may lengthen the dispute window of the order, which is 604800 seconds";
        raise(window).await.refused(400, "invalid_request", message, "disputeWindow");
    }
    for window in [json!(7_776_001), json!("91d"), json!(-1), json!("1w"), json!(true), json!(1.5), json!({})] {
        raise(window).await.refused(400, "invalid_request", "must be seconds from 0 to 7776000", "disputeWindow");
    }
    assert_eq!(world.everything().await, before);
    let raised = raise(json!("7776000")).await.ok(200);
    let seconds = START_MS / 1000;
    assert_eq!(raised["data"]["resolvesAt"], (seconds + 7_776_000).to_string());
    assert_eq!(escrow(&world, &intent).await["disputeWindow"], "7776000");
}

#[tokio::test(start_paused = true)]
async fn a_payers_dispute_is_raised_once() {
    let (world, wallet) = (World::new().await, Wallet::new(1));
    let (intent, _) = intent(&world, auto(), &["1000"]).await;
    pay_by_wallet(&world, &intent, &wallet).await;
    let body = wallet.signed(&act(&world, &intent, "late", 0).await, json!({"reason": "late"}));
    let path = public(&intent, "dispute");
    let (one, other) = tokio::join!(ask_signed(&world, &path, body.clone()), ask_signed(&world, &path, body));
    let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
    won.ok(200);
    // It was held against the order as it was before, or as it is after.
    assert!(lost.status == 400, "{lost:?}");
    assert_eq!(escrow(&world, &intent).await["disputes"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn the_operators_idempotency_keys_are_its_own() {
    let world = World::new().await;
    let (one, _) = intent(&world, auto(), &["1000"]).await;
    let (other, _) = intent(&world, auto(), &["1000"]).await;
    for intent in [&one, &other] {
        world.post(&at(intent, "dispute"), raising()).await.ok(200);
    }
    let (path, body) = (at(&one, "dispute/resolve"), resolving("PARTIAL_REFUND", Some("400")));
    let headers = [("X-API-Key", ADMIN), ("Idempotency-Key", "same")];
    let first = ask(&world, &path, &headers, &body).await;
    first.ok(200);
    let again = ask(&world, &path, &headers, &body).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (200, &first.body, "true"));
    let reused = ask(&world, &at(&other, "dispute/resolve"), &headers, &body).await;
    reused.refused(400, "idempotency_mismatch", "different request", "");
    let headers = [("X-API-Key", crate::world::TEST), ("Idempotency-Key", "same")];
    let merchants = ask(&world, &at(&other, "dispute/resolve"), &headers, &body).await;
    assert_eq!((merchants.status, merchants.header("idempotent-replayed")), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_ask_yet_or_has_proven_nothing_spoils_no_key() {
    let (world, wallet, stranger) = (World::new().await, Wallet::new(1), Wallet::new(2));
    let (intent, ids) = intent(&world, auto(), &["300", "700"]).await;
    let path = format!("/payment-intents/public/{intent}/dispute");
    let signing = async |wallet: &Wallet| {
        let id = stored(&world, &intent).await.id;
        wallet.signed(
            &Act::Dispute { intent: id, milestone: None, reason: "late", window: None, count: 0 },
            json!({"reason": "late"}),
        )
    };
    let key = [("Idempotency-Key", "obvious")];
    pay_by_wallet(&world, &intent, &wallet).await;
    let mine = signing(&wallet).await;
    for body in
        [json!({"reason": "late", "signature": "0x12", "payerAddress": wallet.address()}), signing(&stranger).await]
    {
        let refused = ask(&world, &path, &key, &body).await;
        assert!([400, 403].contains(&refused.status), "{refused:?}");
    }
    assert_eq!(ask(&world, &path, &key, &mine).await.ok(200)["status"], "raised");
    assert_eq!(ids.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_merchants_resolution_is_sent_again_without_harm() {
    let world = World::new().await;
    let (intent, _) = intent(&world, auto(), &["1000"]).await;
    world.post(&at(&intent, "dispute"), raising()).await.ok(200);
    let body = resolving("PARTIAL_REFUND", Some("400"));
    let headers = [("X-API-Key", crate::world::TEST), ("Idempotency-Key", "same")];
    let first = ask(&world, &at(&intent, "dispute/resolve"), &headers, &body).await;
    first.ok(200);
    let before = world.everything().await;
    let again = ask(&world, &at(&intent, "dispute/resolve"), &headers, &body).await;
    assert_eq!((again.status, &again.body, again.header("idempotent-replayed")), (200, &first.body, "true"));
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn fields_and_why_they_are_refused() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, auto(), &["300", "700"]).await;
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let evidence = || json!({"submittedBy": "me", "text": "look"});
    let resolution = "must be one of MERCHANT_WON, BUYER_WON, PARTIAL_REFUND";
    world.post(&at(&intent, "dispute"), about(&ids[0])).await.ok(200);
    let before = world.everything().await;
    for (path, body, param, why) in [
        ("dispute", json!({}), "reason", "is required"),
        ("dispute", with(raising(), "reason", json!("")), "reason", "must not be empty"),
        ("dispute", with(raising(), "reason", json!(" \t\n")), "reason", "must not be empty"),
        ("dispute", with(raising(), "reason", json!(["late"])), "reason", "must be a string"),
        ("dispute", with(raising(), "reason", json!("é".repeat(1025))), "reason", "at most 2048 bytes"),
        ("dispute", with(raising(), "reason", json!("a\u{0}")), "reason", "control characters"),
        ("dispute", with(raising(), "raisedBy", Value::Null), "raisedBy", "is required"),
        ("dispute", with(raising(), "raisedBy", json!("")), "raisedBy", "must not be empty"),
        ("dispute", with(raising(), "raisedBy", json!("x".repeat(257))), "raisedBy", "at most 256 characters"),
        ("dispute", with(raising(), "milestoneId", json!(0)), "milestoneId", "must be a string"),
        ("dispute", with(raising(), "milestoneId", json!("")), "milestoneId", "must not be empty"),
        ("dispute/evidence", json!({}), "submittedBy", "is required"),
        ("dispute/evidence", with(evidence(), "submittedBy", json!("\u{7f}")), "submittedBy", "control characters"),
        ("dispute/evidence", with(evidence(), "text", json!("")), "text", "must not be empty"),
        ("dispute/evidence", with(evidence(), "text", json!(7)), "text", "must be a string"),
        ("dispute/evidence", with(evidence(), "text", json!("x".repeat(2049))), "text", "at most 2048 bytes"),
        ("dispute/evidence", with(evidence(), "uri", json!({})), "uri", "must be a string"),
        ("dispute/evidence", with(evidence(), "uri", json!("x".repeat(2049))), "uri", "at most 2048 bytes"),
        ("dispute/evidence", with(evidence(), "hash", json!("0xab")), "hash", "must be a valid bytes32 hex string"),
        ("dispute/evidence", json!({"submittedBy": "me"}), "", "Nothing is submitted: send text, uri or hash"),
        (
            "dispute/evidence",
            json!({"submittedBy": "me", "hash": format!("0x{}", "00".repeat(32))}),
            "",
            "Nothing is submitted: send text, uri or hash",
        ),
        ("dispute/resolve", json!({}), "resolution", "is required"),
        ("dispute/resolve", resolving("merchant_won", None), "resolution", resolution),
        ("dispute/resolve", with(resolving("", None), "resolution", json!(1)), "resolution", "must be a string"),
        (
            "dispute/resolve",
            resolving("MERCHANT_WON", Some("1")),
            "refundAmount",
            "goes with resolution PARTIAL_REFUND only",
        ),
        ("dispute/resolve", resolving("BUYER_WON", Some("1")), "refundAmount", "goes with resolution PARTIAL_REFUND"),
        (
            "dispute/resolve",
            resolving("PARTIAL_REFUND", None),
            "refundAmount",
            "is required with resolution PARTIAL_REFUND",
        ),
        (
            "dispute/resolve",
            with(resolving("PARTIAL_REFUND", None), "refundAmount", json!(1)),
            "refundAmount",
            "must be a decimal string, not a number",
        ),
        ("dispute/resolve", resolving("PARTIAL_REFUND", Some("0")), "refundAmount", "greater than zero"),
        ("dispute/resolve", resolving("PARTIAL_REFUND", Some("-1")), "refundAmount", "sign"),
        ("dispute/resolve", resolving("PARTIAL_REFUND", Some("300")), "refundAmount", "less than what is disputed"),
        ("dispute/resolve", json!({"resolution": "BUYER_WON"}), "resolvedBy", "is required"),
        (
            "dispute/resolve",
            with(resolving("BUYER_WON", None), "resolvedBy", json!(" ")),
            "resolvedBy",
            "must not be empty",
        ),
        ("dispute/resolve", with(resolving("BUYER_WON", None), "note", json!(7)), "note", "must be a string"),
        (
            "dispute/resolve",
            with(resolving("BUYER_WON", None), "note", json!("x".repeat(2049))),
            "note",
            "at most 2048 bytes",
        ),
    ] {
        world.post(&at(&intent, path), body).await.refused(400, "invalid_request", why, param);
    }
    for unknown in ["milestone_0000000000000000000000", "nonsense"] {
        let body = with(raising(), "milestoneId", json!(unknown));
        let reply = world.post(&at(&intent, "dispute"), body).await;
        reply.refused(404, "resource_missing", "Milestone not found", "");
    }
    let theirs = world.call_as(OTHER, "POST", &at(&intent, "dispute"), json!({})).await;
    theirs.refused(403, "forbidden", "You do not have permission", "");
    assert_eq!(world.everything().await, before);
}

#[tokio::test(start_paused = true)]
async fn without_an_order_there_is_nothing_to_dispute() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({"type": "CONSENTED_PULL", "releaseType": null}), &[]).await;
    let words = "Payment intent is not of type DELIVERY_VS_PAYMENT";
    let evidence = json!({"submittedBy": "me", "text": "look"});
    for (path, body) in [
        ("dispute", raising()),
        ("dispute/evidence", evidence),
        ("dispute/resolve", resolving("BUYER_WON", None)),
        ("reclaim", Value::Null),
    ] {
        world.post(&at(&intent, path), body).await.refused(400, "invalid_request", words, "");
    }
    world.get(&at(&intent, "disputes")).await.refused(400, "invalid_request", words, "");
}
