//! An intent is paid on its page.

use serde_json::json;

use super::{Browser, card};
use crate::payers::{intent, pay_by_wallet};
use crate::wallet::Wallet;
use crate::world::World;

const GOOD: &str = "4242 4242 4242 4242";
const DECLINED: &str = "4000000000000002";

#[tokio::test(start_paused = true)]
async fn the_page_says_what_is_paid_to_whom_and_what_becomes_of_it() {
    let world = World::new().await;
    let terms = json!({"description": "A logo", "requireApproval": true, "cancelUrl": "https://shop.example/cart"});
    let (intent, _) = intent(&world, terms, &["300", "700"]).await;
    let page = Browser::of(&world).get(&format!("/pay/{intent}")).await;
    let texts = [
        "<title>Pay one · Milepost</title>",
        "Pay <strong>one</strong>",
        "1,000.00\u{a0}<span class=\"currency\">USDC</span>",
        "A logo",
        "Milestone 1",
        "300.00",
        "when you approve, or when you have said nothing for 7 days",
        "Delivery is due 30 days after you pay",
        "Pay 1,000.00\u{a0}USDC",
        "Pay with a wallet",
        "Pay as the simulated payer",
        "4000 0000 0000 0002",
        "Sandbox: no real money",
        "← Back to shop.example",
        "data-every=\"4000\"",
    ];
    page.shows(200, &texts);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test(start_paused = true)]
async fn a_card_is_declined_and_another_one_pays() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({"returnUrl": "https://shop.example/thanks?order=7"}), &["1000"]).await;
    let (browser, page) = (Browser::of(&world), format!("/pay/{intent}"));
    let declined = browser.post(&format!("{page}/card"), &card(DECLINED)).await;
    declined.shows(402, &["The payment failed: The card was declined.", "No money was taken.", "Pay by card"]);
    declined.lacks(&[DECLINED, "737", "12/30"]);
    assert_eq!(declined.header("set-cookie"), "");

    let paid = browser.post(&format!("{page}/card"), &card(GOOD)).await;
    paid.leads_to(&format!("{page}?paying"));
    let cookie = paid.header("set-cookie");
    assert!(cookie.starts_with("milepost_payer="), "{cookie}");
    assert!(cookie.ends_with(&format!("; Path={page}; Max-Age=34560000; HttpOnly; SameSite=Lax; Secure")), "{cookie}");

    let confirming = browser.get(&format!("{page}?paying")).await;
    confirming
        .shows(200, &["Your payment is being confirmed.", "data-paying", "data-every=\"1000\"", "ending in 4242"]);
    confirming.lacks(&["Pay by card", "shop.example"]);

    let is_paid = |intent: &serde_json::Value| intent["status"] == "SUCCEEDED";
    world.advance_until(10, &format!("/payment-intents/{intent}"), is_paid).await;
    let live = browser.get(&format!("{page}/live")).await;
    let back = format!(
        "https://shop.example/thanks?order=7&amp;intent={intent}&amp;payment_intent={intent}&amp;status=SUCCEEDED"
    );
    live.shows(200, &["is held in escrow.", &back, "data-stage=\"paid\"", "Something is wrong"]);
    live.lacks(&["<html", "data-paying"]);

    let again = browser.post(&format!("{page}/card"), &card(GOOD)).await;
    again.shows(409, &["role=\"alert\"", "SUCCEEDED", "is held in escrow."]);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_a_card_is_said_at_its_field() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &[]).await;
    let browser = Browser::of(&world);
    for (name, value, said) in [
        ("cardNumber", "4242424242424241", "Card number must be the number of a card: its check digit is wrong"),
        ("cardNumber", "", "Card number is required"),
        ("cardNumber", "378282246310005", "Only the test cards pay in the sandbox"),
        ("expiry", "13/30", "Expires must be a month and a year"),
        ("expiry", "12/20", "Expires must not be in the past: the card has expired"),
        ("cvv", "12", "Security code must be a string of 3 to 4 digits"),
        ("name", "a\u{7}b", "Name on the card must be a string of at most 256 characters"),
    ] {
        let mut fields = card(GOOD);
        for field in &mut fields {
            if field.0 == name {
                field.1 = value;
            }
        }
        let page = browser.post(&format!("/pay/{intent}/card"), &fields).await;
        let described = format!("aria-invalid=\"true\" aria-describedby=\"{name}-said\"");
        page.shows(400, &[said, &described]);
        page.lacks(&["id=\"refused\"", "737", "4242424242424241"]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_simulated_payer_pays_at_a_press() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    let paid = browser.post(&format!("/pay/{intent}/simulated"), &[]).await;
    paid.leads_to(&format!("/pay/{intent}?paying"));
    browser.get(&format!("/pay/{intent}")).await.shows(200, &["Your payment is being confirmed."]);
}

#[tokio::test(start_paused = true)]
async fn a_wallet_s_signature_pays() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let (browser, wallet) = (Browser::of(&world), Wallet::new(7));
    let (signature, address) = (wallet.sign(&world, &intent).await, wallet.address());
    let confirm = format!("/pay/{intent}/confirm");
    let other = Wallet::new(8).address();
    let refused = browser.post(&confirm, &[("signature", &signature), ("payerAddress", &other)]).await;
    refused.shows(400, &["role=\"alert\"", "Pay with a wallet"]);
    browser.post(&confirm, &[]).await.shows(400, &["signature is required"]);
    let confirmed = browser.post(&confirm, &[("signature", &signature), ("payerAddress", &address)]).await;
    confirmed.leads_to(&format!("/pay/{intent}?paying"));
    browser.get(&format!("/pay/{intent}")).await.shows(200, &["Signature checked"]);
}

#[tokio::test(start_paused = true)]
async fn a_canceled_intent_says_so_and_takes_no_payment() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({"cancelUrl": "http://127.0.0.1:4000/cart"}), &["1000"]).await;
    world.post(&format!("/payment-intents/{intent}/cancel"), json!({})).await.ok(200);
    let browser = Browser::of(&world);
    let page = browser.get(&format!("/pay/{intent}")).await;
    page.shows(200, &["This payment was canceled.", "no money is held", "http://127.0.0.1:4000/cart?intent="]);
    page.lacks(&["Pay by card", "data-every"]);
    let refused = browser.post(&format!("/pay/{intent}/card"), &card(GOOD)).await;
    refused.shows(409, &["CANCELED", "This payment was canceled."]);
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_intent_has_ended_is_not_looked_at_again() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"autoRelease": true}), &["1000"]).await;
    pay_by_wallet(&world, &intent, &Wallet::new(7)).await;
    let browser = Browser::of(&world);
    let page = browser.get(&format!("/pay/{intent}")).await;
    page.shows(200, &["data-every=\"4000\"", "Paid by wallet", &Wallet::new(7).address()]);
    crate::payers::complete(&world, &intent, &ids[0]).await;
    let is_settled = |intent: &serde_json::Value| intent["status"] == "SETTLED";
    world.advance_until(20, &format!("/payment-intents/{intent}"), is_settled).await;
    let page = browser.get(&format!("/pay/{intent}")).await;
    page.shows(200, &["All done.", "Released", "data-stage=\"over\""]).lacks(&["data-every"]);
}

#[tokio::test(start_paused = true)]
async fn money_that_goes_straight_through_has_no_escrow_to_tell_of() {
    let world = World::new().await;
    let intent = world.intent_with(json!({"type": "CONSENTED_PULL", "releaseType": "DELIVERY_PROOF"})).await;
    let browser = Browser::of(&world);
    let page = browser.get(&format!("/pay/{intent}")).await;
    page.shows(200, &["The money goes straight to one."]).lacks(&["Milestones", "If nothing comes"]);
    browser.post(&format!("/pay/{intent}/simulated"), &[]).await.leads_to(&format!("/pay/{intent}?paying"));
    browser.get(&format!("/pay/{intent}")).await.shows(200, &["Payment confirmed"]).lacks(&["Money locked in escrow"]);
}
