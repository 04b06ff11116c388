//! What payers do on the page after paying.

use serde_json::{Value, json};

use super::{Browser, card};
use crate::payers::{complete, escrow, intent, pay_by_wallet};
use crate::wallet::{Wallet, stored};
use crate::world::World;

/// Has an intent paid on its page, and gives the browser that did.
async fn paid(world: &World, intent: &str) -> Browser {
    let browser = Browser::of(world);
    browser
        .post(&format!("/pay/{intent}/card"), &card("4242424242424242"))
        .await
        .leads_to(&format!("/pay/{intent}?paying"));
    let is_paid = |intent: &Value| intent["status"] == "SUCCEEDED";
    world.advance_until(10, &format!("/payment-intents/{intent}"), is_paid).await;
    browser
}

#[tokio::test(start_paused = true)]
async fn the_browser_that_paid_by_card_approves_and_sends_back() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"requireApproval": true}), &["300", "700"]).await;
    let browser = paid(&world, &intent).await;
    let page = format!("/pay/{intent}");
    browser.get(&page).await.shows(200, &["Not completed yet"]).lacks(&["Approve"]);
    complete(&world, &intent, &ids[0]).await;
    let offer = browser.get(&page).await;
    offer.shows(200, &["Waits for you", "Approve and release 300.00", "Send back", "proof_hash_0", "Completed by"]);
    offer.lacks(&["data-typed", "name=\"signature\""]);

    let stranger = Browser::of(&world);
    stranger.get(&page).await.shows(200, &["Paid by card in another browser."]).lacks(&["<form"]);
    let approve = format!("{page}/milestones/{}/approve", ids[0]);
    stranger.post(&approve, &[]).await.shows(401, &["role=\"alert\""]);
    let reject = format!("{page}/milestones/{}/reject", ids[0]);

    browser.post(&reject, &[("completionAttempt", "1")]).await.shows(400, &["reason is required"]);
    browser.post(&reject, &[("completionAttempt", "1"), ("reason", "Page 2\r\nis missing")]).await.leads_to(&page);
    let milestone = &escrow(&world, &intent).await["milestones"][0];
    assert_eq!(
        (&milestone["status"], &milestone["rejectionReason"]),
        (&json!("PENDING"), &json!("Page 2\nis missing"))
    );
    browser.get(&page).await.shows(200, &["Sent back", "Page 2\nis missing"]);

    complete(&world, &intent, &ids[0]).await;
    browser.post(&approve, &[("completionAttempt", "1")]).await.shows(409, &["role=\"alert\""]);
    browser.post(&approve, &[("completionAttempt", "2")]).await.leads_to(&page);
    browser.get(&page).await.shows(200, &["Released", "<rect class=\"released\" x=\"0.00%\" width=\"30.00%\""]);
    assert_eq!(escrow(&world, &intent).await["milestones"][0]["status"], "RELEASED");
}

#[tokio::test(start_paused = true)]
async fn a_wallet_is_shown_what_it_signs_and_its_signature_is_passed_on() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"requireApproval": true}), &["300", "700"]).await;
    let (browser, wallet) = (Browser::of(&world), Wallet::new(7));
    pay_by_wallet(&world, &intent, &wallet).await;
    complete(&world, &intent, &ids[0]).await;
    let page = format!("/pay/{intent}");
    let signer = format!("data-signer=\"{}\"", wallet.address());
    let offer = browser.get(&page).await;
    offer.shows(
        200,
        &[&signer, "data-typed=\"{&quot;domain&quot;", "data-fills=\"reason milestoneId\"", "&quot;Approval&quot;"],
    );

    let escrow_now = stored(&world, &intent).await;
    let milestone = escrow_now.milestones()[0].id;
    let act = evm::Act::Rejection { intent: escrow_now.id, milestone, attempt: 1, reason: "Page 2\nis missing" };
    let (signature, address) = (wallet.sign_act(&act), wallet.address());
    let reject = format!("{page}/milestones/{milestone}/reject");
    let fields = |reason| [("reason", reason), ("signature", signature.as_str()), ("payerAddress", address.as_str())];
    browser.post(&reject, &fields("Another reason")).await.shows(400, &["role=\"alert\""]);
    browser.post(&reject, &fields("Page 2\r\nis missing")).await.leads_to(&page);
    assert_eq!(escrow(&world, &intent).await["milestones"][0]["status"], "PENDING");
}

#[tokio::test(start_paused = true)]
async fn a_dispute_is_raised_and_evidence_added() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"requireApproval": true}), &["300", "700"]).await;
    let browser = paid(&world, &intent).await;
    let page = format!("/pay/{intent}");
    let offer = browser.get(&page).await;
    offer.shows(200, &["Something is wrong", "The whole order", &format!("<option value=\"{}\">", ids[1])]);
    let fields = [("reason", "Not as agreed"), ("milestoneId", ids[1].as_str())];
    browser.post(&format!("{page}/dispute"), &fields).await.leads_to(&page);
    let shown = browser.get(&page).await;
    shown.shows(200, &["Not as agreed", "Open", "Disputed: waits for a decision", "Add evidence"]);
    shown.lacks(&["The whole order</option>", &format!("<option value=\"{}\">", ids[1])]);

    let evidence = format!("{page}/evidence");
    browser.post(&evidence, &[("milestoneId", &ids[1])]).await.shows(400, &["Nothing is submitted"]);
    let fields = [("text", "Two pages"), ("uri", "https://proofs.example/2"), ("milestoneId", ids[1].as_str())];
    browser.post(&evidence, &fields).await.leads_to(&page);
    let link = "<a href=\"https://proofs.example/2\" rel=\"noreferrer nofollow ugc\" target=\"_blank\">";
    browser.get(&page).await.shows(200, &["Two pages", link]);

    let resolution =
        json!({"resolution": "PARTIAL_REFUND", "refundAmount": "200", "resolvedBy": "judge", "note": "Half of it"});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute/resolve"), resolution).await.ok(200);
    browser
        .get(&page)
        .await
        .shows(200, &["Decided", "by judge", "Half of it", "200.00", "500.00"])
        .lacks(&["Add evidence"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_delivered_is_taken_back_once_it_is_due() {
    let world = World::new().await;
    let terms = json!({"deliveryPeriod": 60, "disputeWindow": 60});
    let (intent, _) = intent(&world, terms, &["1000"]).await;
    let browser = paid(&world, &intent).await;
    let page = format!("/pay/{intent}");
    browser.get(&page).await.shows(200, &["you can take back from"]).lacks(&["Take back the money"]);
    browser.post(&format!("{page}/reclaim"), &[]).await.shows(409, &["role=\"alert\""]);
    world.host.advance(::escrow::Span::from_seconds(200));
    browser.get(&page).await.shows(200, &["Take back the money"]);
    browser.post(&format!("{page}/reclaim"), &[]).await.leads_to(&page);
    browser.get(&page).await.lacks(&["Take back the money"]);
    assert_eq!(escrow(&world, &intent).await["heldAmount"], "0.00");
}

#[tokio::test(start_paused = true)]
async fn what_was_proven_is_released_by_hand() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({"releaseType": "DELIVERY_PROOF"}), &[]).await;
    let browser = paid(&world, &intent).await;
    let page = format!("/pay/{intent}");
    browser.get(&page).await.lacks(&["Release the money"]);
    let proof = json!({"proofHash": format!("0x{}", "ab".repeat(32)), "submittedBy": "courier", "proofURI": "https://c.example/7"});
    world.post(&format!("/payment-intents/{intent}/escrow/delivery-proof"), proof).await.ok(200);
    browser.get(&page).await.shows(200, &["Release the money", "Delivery proven", "by courier", "https://c.example/7"]);
    browser.post(&format!("{page}/release"), &[]).await.leads_to(&page);
    assert_eq!(escrow(&world, &intent).await["heldAmount"], "0.00");
}

#[tokio::test(start_paused = true)]
async fn whoever_did_not_pay_does_nothing_here() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"requireApproval": true}), &["300", "700"]).await;
    let (page, payer) = (format!("/pay/{intent}"), paid(&world, &intent).await);
    complete(&world, &intent, &ids[0]).await;
    let about = [("reason", "Not as agreed"), ("milestoneId", ids[1].as_str())];
    payer.post(&format!("{page}/dispute"), &about).await.leads_to(&page);
    let (other, _) = crate::payers::intent(&world, json!({}), &["1000"]).await;
    let elsewhere = paid(&world, &other).await;
    let stranger = Browser::of(&world);
    let before = format!("{:?}", world.everything().await);
    let milestone = format!("milestones/{}", ids[0]);
    for (deed, fields) in [
        (format!("{milestone}/approve"), vec![("completionAttempt", "1")]),
        (format!("{milestone}/reject"), vec![("completionAttempt", "1"), ("reason", "No")]),
        ("dispute".to_owned(), vec![("reason", "Mine"), ("milestoneId", ids[0].as_str())]),
        ("evidence".to_owned(), vec![("text", "Lies"), ("milestoneId", ids[1].as_str())]),
        ("release".to_owned(), vec![]),
        ("reclaim".to_owned(), vec![]),
    ] {
        let to = format!("{page}/{deed}");
        stranger.post(&to, &fields).await.shows(401, &["role=\"alert\""]);
        elsewhere.post(&to, &fields).await.shows(403, &["role=\"alert\""]);
    }
    assert_eq!(format!("{:?}", world.everything().await), before);
}
