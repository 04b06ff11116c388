//! What people write appears as text on every page, whatever it spells.

use serde_json::json;

use super::{Browser, MARKUP, card};
use crate::payers::{ask_by_token, intent};
use crate::world::World;

/// Nothing of the markup is markup.
#[track_caller]
fn is_text(html: &str, times: usize) {
    for part in ["<img src=x", "</textarea><script", "<script>", "href=\"javascript", "onerror=alert(1)>\"'"] {
        assert!(!html.contains(part), "{part}: {html}");
    }
    let found = html.matches("&lt;img src=x onerror=alert(1)&gt;&quot;").count();
    assert!(found >= times, "{found} of {times}: {html}");
}

#[tokio::test(start_paused = true)]
async fn every_text_that_somebody_wrote() {
    let world = World::new().await;
    let terms = json!({
        "description": MARKUP, "requireApproval": true,
        "returnUrl": "https://shop.example/\"><script>alert(3)</script>", "cancelUrl": "https://shop.example/'><b>",
    });
    let (intent, _) = intent(&world, terms, &[]).await;
    let milestones = format!("/payment-intents/{intent}/escrow/milestones");
    let mut ids = Vec::new();
    for index in 0..3 {
        let body = json!({"milestoneIndex": index, "amount": "300", "description": MARKUP});
        ids.push(world.post(&milestones, body).await.ok(201)["id"].as_str().expect("an id").to_owned());
    }
    let browser = Browser::of(&world);
    let page = format!("/pay/{intent}");
    is_text(&browser.get(&page).await.html, 4);

    browser.post(&format!("{page}/card"), &card("4242424242424242")).await.leads_to(&format!("{page}?paying"));
    let is_paid = |intent: &serde_json::Value| intent["status"] == "SUCCEEDED";
    world.advance_until(10, &format!("/payment-intents/{intent}"), is_paid).await;
    world
        .post(&format!("/payment-intents/{intent}/escrow/ship"), json!({"carrier": "Post", "trackingNumber": "7"}))
        .await;
    let done = json!({"completedBy": MARKUP, "completionProof": MARKUP, "completionProofURI": "javascript:alert(1)"});
    world.post(&format!("{milestones}/{}/complete", ids[0]), done).await.ok(200);
    is_text(&browser.get(&page).await.html, 7);

    browser.post(&format!("{page}/milestones/{}/reject", ids[0]), &[("reason", MARKUP)]).await.leads_to(&page);
    let token = browser.cookies.lock().expect("not poisoned")[0].1.clone();
    let dispute = json!({"reason": MARKUP, "raisedBy": MARKUP, "milestoneId": ids[1]});
    ask_by_token(&world, &token, &format!("/payment-intents/public/{intent}/dispute"), dispute).await.ok(200);
    let evidence = json!({"text": MARKUP, "uri": "javascript:alert(1)", "submittedBy": MARKUP, "milestoneId": ids[1]});
    ask_by_token(&world, &token, &format!("/payment-intents/public/{intent}/dispute/evidence"), evidence).await.ok(200);
    is_text(&browser.get(&page).await.html, 9);

    let resolved = json!({"resolution": "BUYER_WON", "resolvedBy": MARKUP, "note": MARKUP, "milestoneId": ids[1]});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute/resolve"), resolved).await.ok(200);
    is_text(&browser.get(&page).await.html, 11);
    is_text(&browser.get(&format!("{page}/live")).await.html, 11);
}

#[tokio::test(start_paused = true)]
async fn what_a_visitor_sends_is_not_repeated_as_markup() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    for (below, name) in [
        ("card".to_owned(), "cardNumber"),
        ("confirm".to_owned(), "payerAddress"),
        ("dispute".to_owned(), "milestoneId"),
        (format!("milestones/{}/approve", ids[0]), "completionAttempt"),
    ] {
        let fields = [(name, MARKUP), ("signature", MARKUP), ("reason", MARKUP)];
        is_text(&browser.post(&format!("/pay/{intent}/{below}"), &fields).await.html, 0);
    }
}
