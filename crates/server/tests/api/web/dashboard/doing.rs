//! What a merchant does on the pages.

use serde_json::json;

use super::{Seat, hidden, main_job};
use crate::world::{TEST, World};

/// The fields of a new payment, with three milestones.
const PAYMENT: [(&str, &str); 14] = [
    ("amount", "1000"),
    ("currency", "USDC"),
    ("description", "A website for a bakery"),
    ("type", "DELIVERY_VS_PAYMENT"),
    ("releaseType", "MILESTONE_LOCKED"),
    ("autoRelease", "true"),
    ("settlementMethod", "OFF_RAMP_MOCK"),
    ("settlementDestination", "bank_account_123"),
    ("amount-0", "300"),
    ("description-0", "Sketches"),
    ("amount-1", "500"),
    ("description-1", "The site"),
    ("amount-2", "200"),
    ("description-2", "Care"),
];

const NEW: &str = "/dashboard/intents/new";

#[tokio::test(start_paused = true)]
async fn the_main_job() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let created = seat.fill(NEW, NEW, &PAYMENT).await;
    let page = created.header("location").to_owned();
    assert!(page.starts_with("/dashboard/intents/intent_"), "{}", created.html);
    let seen = seat.get(&page).await;
    seen.shows(
        200,
        &["1,000.00", "A website for a bakery", "Sketches", "Not paid yet", "simulated payer does that first"],
    );
    seat.send(&seen, &format!("{page}/fund"), &[]).await.leads_to(&page);
    let intent = page.rsplit('/').next().expect("an id").to_owned();
    let escrow = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!(escrow["data"]["heldAmount"], "1000.00");
    let mut released = Vec::new();
    for milestone in escrow["data"]["milestones"].as_array().expect("a list") {
        let id = milestone["id"].as_str().expect("an id");
        let seen = seat.get(&page).await;
        assert_eq!(seen.html.matches("/complete\"").count(), 1, "one can be completed at a time");
        let to = format!("{page}/milestones/{id}/complete");
        seat.send(&seen, &to, &[("completedBy", "studio"), ("completionProof", "sha256:1")]).await.leads_to(&page);
        released.push(world.balance().await[0].clone());
    }
    assert_eq!(released, ["300.00", "800.00", "1000.00"]);
    seat.get(&page).await.shows(200, &["Settling", "milestone.released", "Releas", "escrow_order.funded", "0x"]);
    world.advance_until(10, &format!("/payment-intents/{intent}"), |intent| intent["status"] == "SETTLED").await;
    seat.get(&page).await.shows(200, &["Settled", "payment_intent.settled"]).lacks(&["Raise a dispute", "/cancel\""]);
    seat.get("/dashboard").await.shows(200, &["1,000.00", "Volume", "class=\"held\"", "class=\"released\""]);
    seat.get("/dashboard/settlements").await.shows(200, &["Confirmed", "bank_account_123"]);
    seat.get("/dashboard/balances").await.shows(200, &["Settlement", "paid out"]);
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_sent_twice_is_done_once() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let form = seat.get(NEW).await;
    let first = seat.send(&form, NEW, &PAYMENT).await;
    let second = seat.send(&form, NEW, &PAYMENT).await;
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(world.get("/payment-intents").await.ok(200)["data"].as_array().expect("a list").len(), 1);
    let again = seat.get(NEW).await;
    assert_ne!(hidden(&form.html, NEW), hidden(&again.html, NEW), "another form is another deed");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_said_by_its_field_and_nothing_is_lost() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    for (name, value, said, told) in [
        ("amount", "ten", "new-amount-said", "amount"),
        ("amount", "", "new-amount-said", "amount is required"),
        ("amount-1", "0.0000001", "new-amount-1-said", "decimals"),
        ("returnUrl", "javascript:alert(1)", "new-returnUrl-said", "returnUrl"),
        ("metadata", "orderId=7\r\nnonsense", "new-metadata-said", "must look like orderId=7"),
        ("metadata", "=7", "new-metadata-said", "must look like orderId=7"),
        ("metadata", "orderId=7\norderId=8", "new-metadata-said", "orderId is there twice"),
    ] {
        let mut fields = PAYMENT.to_vec();
        fields.retain(|(known, _)| *known != name);
        fields.push((name, value));
        let seen = seat.fill(NEW, NEW, &fields).await;
        seen.shows(400, &[&format!("id=\"{said}\""), told, "A website for a bakery", "value=\"bank_account_123\""]);
        seen.shows(400, &["value=\"Sketches\"", "aria-invalid=\"true\""]);
        seen.lacks(&["id=\"refused\"", "data-live"]);
    }
    let fields = [PAYMENT.as_slice(), &[("rows", "3")]].concat();
    // The button is another one of the same form.
    let own = hidden(&seat.get(NEW).await.html, NEW);
    let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    all.extend_from_slice(&fields);
    let more = seat.browser.post("/dashboard/intents/new/more", &all).await;
    more.shows(200, &["Milestone 4", "value=\"Sketches\"", "A website for a bakery"]).lacks(&["aria-invalid"]);
}

#[tokio::test(start_paused = true)]
async fn metadata_is_a_line_for_each_name() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let typed = [("metadata", "orderId=7\r\n\r\n note = a=b, c \r\nempty=")];
    let page = seat.fill(NEW, NEW, &[&PAYMENT[..], &typed].concat()).await.header("location").to_owned();
    let intent = page.rsplit('/').next().expect("an id");
    let kept = &world.get(&format!("/payment-intents/{intent}")).await.ok(200)["data"]["metadata"];
    assert_eq!(kept, &json!({ "orderId": "7", "note": "a=b, c", "empty": "" }));
}

#[tokio::test(start_paused = true)]
async fn milestones_that_were_left_empty_are_none_and_refusals_find_their_row() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let mut fields = PAYMENT.to_vec();
    fields.retain(|(name, _)| !name.ends_with("-0") && *name != "amount-2");
    fields.push(("amount-2", "nothing"));
    seat.fill(NEW, NEW, &fields).await.shows(400, &["id=\"new-amount-2-said\""]);
    fields.pop();
    fields.push(("amount-2", "500"));
    let page = seat.fill(NEW, NEW, &fields).await.header("location").to_owned();
    let intent = page.rsplit('/').next().expect("an id");
    let milestones = &world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200)["data"]["milestones"];
    assert_eq!((&milestones[0]["milestoneIndex"], &milestones[1]["milestoneIndex"]), (&json!(0), &json!(1)));
    assert_eq!(milestones[1]["amount"], "500.00");
}

#[tokio::test(start_paused = true)]
async fn a_form_has_as_many_milestones_as_a_payment_and_none_is_left_out() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let named: Vec<String> = (0..101).map(|row| format!("amount-{row}")).collect();
    let mut fields: Vec<(&str, &str)> = PAYMENT[..8].to_vec();
    fields.extend(named.iter().map(|name| (name.as_str(), "9.90")));
    let form = seat.get(NEW).await;
    for rows in ["101", "18446744073709551616", "-1", "x"] {
        let refused = seat.send(&form, NEW, &[&fields[..], &[("rows", rows)]].concat()).await;
        refused.shows(400, &["milestones must be at most 100", "id=\"new-amount-99\""]);
        refused.lacks(&["id=\"new-amount-100\"", "Add a milestone"]);
        let more = hidden(&refused.html, NEW).into_iter().filter(|(name, _)| name == "token");
        let more: Vec<(String, String)> = more.chain([("rows".to_owned(), rows.to_owned())]).collect();
        let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let more = seat.browser.post(&format!("{NEW}/more"), &more).await;
        more.shows(400, &["milestones must be at most 100"]);
    }
    assert_eq!(world.get("/payment-intents").await.ok(200)["data"], json!([]));
    fields.pop();
    fields.push(("rows", "100"));
    let page = seat.send(&form, NEW, &fields).await.header("location").to_owned();
    let intent = page.rsplit('/').next().expect("an id");
    let escrow = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!(escrow["data"]["milestones"].as_array().expect("a list").len(), 100);
    seat.get(&page).await.shows(200, &["1,000.00", "/cancel\""]).lacks(&["/split\""]);
}

#[tokio::test(start_paused = true)]
async fn refunds_disputes_and_cancellations() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let (intent, milestones) = main_job(&world).await;
    let page = format!("/dashboard/intents/{intent}");
    seat.fill(&page, &format!("{page}/fund"), &[]).await.leads_to(&page);
    let refused = seat.fill(&page, &format!("{page}/refund"), &[("amount", "2000"), ("reason", "All of it")]).await;
    refused.shows(400, &["value=\"2000\"", "value=\"All of it\"", "<details class=\"action\" open"]);
    let about = [("reason", "Not as agreed"), ("raisedBy", "me"), ("milestoneId", milestones[1].as_str())];
    seat.fill(&page, &format!("{page}/dispute"), &about).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Not as agreed", "Disputed: waits for a decision", "500.00"]);
    let said = [("text", "See the letter"), ("submittedBy", "me")];
    seat.fill(&page, &format!("{page}/evidence"), &said).await.leads_to(&page);
    let in_between = [("resolution", "PARTIAL_REFUND"), ("refundAmount", ""), ("resolvedBy", "me")];
    let refused = seat.fill(&page, &format!("{page}/resolve"), &in_between).await;
    refused.shows(400, &["refundAmount is required", "-refundAmount-said"]);
    let ruled =
        [("resolution", "PARTIAL_REFUND"), ("refundAmount", "200"), ("resolvedBy", "me"), ("note", "Half done")];
    seat.fill(&page, &format!("{page}/resolve"), &ruled).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["See the letter", "Half done", "200.00", "<h2>Refunds</h2>"]);
    seat.get("/dashboard/refunds").await.shows(200, &["200.00", &intent]);

    let (intent, _) = main_job(&world).await;
    let page = format!("/dashboard/intents/{intent}");
    seat.fill(&page, &format!("{page}/cancel"), &[]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Canceled"]).lacks(&["/cancel\"", "/fund\"", "/refund\""]);
}

#[tokio::test(start_paused = true)]
async fn what_was_paid_without_escrow_is_given_back() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let terms = json!({"type": "CONSENTED_PULL", "releaseType": null});
    let (intent, _) = crate::payers::intent(&world, terms, &[]).await;
    let page = format!("/dashboard/intents/{intent}");
    seat.get(&page).await.lacks(&["/refund\""]);
    seat.fill(&page, &format!("{page}/fund"), &[]).await.leads_to(&page);
    let given = [("amount", "400"), ("reason", "Too much")];
    seat.fill(&page, &format!("{page}/refund"), &given).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["<h2>Refunds</h2>", "400.00", "Too much"]);
    seat.get("/dashboard/refunds").await.shows(200, &["400.00", "Too much"]);
}

#[tokio::test(start_paused = true)]
async fn a_milestone_is_approved_rejected_and_released_by_hand() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let terms = json!({"releaseType": "MILESTONE_LOCKED", "requireApproval": true});
    let (intent, milestones) = crate::payers::intent(&world, terms, &["300", "500"]).await;
    let page = format!("/dashboard/intents/{intent}");
    let at = |deed: &str| format!("{page}/milestones/{}/{deed}", milestones[0]);
    seat.fill(&page, &at("complete"), &[("completedBy", "me")]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Waits for the payer"]);
    seat.fill(&page, &at("reject"), &[("reason", "The footer")]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Sent back", "The footer"]);
    seat.fill(&page, &at("complete"), &[("completedBy", "me")]).await.leads_to(&page);
    seat.fill(&page, &at("approve"), &[]).await.leads_to(&page);
    assert_eq!(world.balance().await[0], "300.00");
    let away = format!("{page}/milestones/{}/remove", milestones[1]);
    seat.fill(&page, &away, &[]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Add a milestone"]).lacks(&["/remove\""]);
    seat.fill(&page, &format!("{page}/split"), &[("amount", "500")]).await.leads_to(&page);
    seat.fill(&page, &format!("{page}/split"), &[("amount", "200"), ("description", "Care")]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Care"]).lacks(&["Add a milestone"]);

    let (intent, milestones) = crate::payers::intent(&world, json!({"autoRelease": false}), &["1000"]).await;
    let page = format!("/dashboard/intents/{intent}");
    let at = |deed: &str| format!("{page}/milestones/{}/{deed}", milestones[0]);
    seat.fill(&page, &at("complete"), &[("completedBy", "me")]).await.leads_to(&page);
    seat.fill(&page, &at("pay-out"), &[]).await.leads_to(&page);
    assert_eq!(world.balance().await[0], "1300.00");
}

#[tokio::test(start_paused = true)]
async fn payments_are_found_and_their_pages_are_turned() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let mut ids = Vec::new();
    for number in 0..25 {
        ids.push(world.intent_with(json!({"metadata": {"orderId": format!("{number}")}})).await);
    }
    seat.get(&format!("/dashboard/intents?q={}", ids[3])).await.leads_to(&format!("/dashboard/intents/{}", ids[3]));
    let row = |number: usize| format!("<a href=\"/dashboard/intents/{}\">", ids[number]);
    let found = seat.get("/dashboard/intents?q=orderId%3D7").await;
    found.shows(200, &[&row(7)]).lacks(&[&row(6), &row(8)]);
    seat.get("/dashboard/intents?q=orderId%3Dnone").await.shows(200, &["No payment is like that"]);
    let first = seat.get("/dashboard/intents?currency=USDC").await;
    first.shows(200, &[&row(24), &row(5), "Older"]).lacks(&[&row(4), "Newer"]);
    let link = |seen: &super::Seen, rel: &str| {
        let before = seen.html.split(&format!("\" rel=\"{rel}\"")).next().expect("a link").to_owned();
        before.rsplit("href=\"").next().expect("an address").replace("&amp;", "&")
    };
    let second = seat.get(&link(&first, "next")).await;
    second.shows(200, &[&row(4), &row(0), "Newer", "currency=USDC"]).lacks(&[&row(5), "Older"]);
    let back = seat.get(&link(&second, "prev")).await;
    back.shows(200, &[&row(24), &row(5), "Older"]).lacks(&[&row(4)]);
}

#[tokio::test(start_paused = true)]
async fn keys_are_made_rolled_and_revoked_and_shown_once() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let keys = "/dashboard/keys";
    let form = seat.get(keys).await;
    let wanted = [("name", "Nightly"), ("scopes", "escrow:read, refunds:read"), ("expiresIn", "90d")];
    let made = seat.send(&form, keys, &wanted).await;
    made.shows(200, &["shown this once", "sk_test_"]);
    let again = seat.send(&form, keys, &wanted).await;
    again.shows(200, &["was shown already"]).lacks(&["class=\"secret\""]);
    seat.get(keys).await.shows(200, &["Nightly", "escrow:read, refunds:read"]);
    let refused = seat.fill(keys, keys, &[("name", "Other"), ("scopes", "nonsense")]).await;
    refused.shows(400, &["create-scopes-said", "value=\"Other\""]);
    let list = world.get("/api-keys").await.ok(200);
    let id = list["data"][0]["id"].as_str().expect("an id");
    let rolled = seat.fill(keys, &format!("{keys}/{id}/roll"), &[("gracePeriod", "1h")]).await;
    rolled.shows(200, &["There is a new key in its place", "sk_test_"]);
    let id = world.get("/api-keys").await.ok(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    seat.fill(keys, &format!("{keys}/{id}/revoke"), &[]).await.leads_to(keys);
    seat.get(keys).await.shows(200, &["Revoked"]);
}

#[tokio::test(start_paused = true)]
async fn webhook_endpoints_and_their_deliveries() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let hooks = "/dashboard/webhooks";
    let wanted = [("url", "https://hooks.example/x"), ("enabledEvents", "milestone.*, payment_intent.settled")];
    seat.fill(hooks, hooks, &wanted).await.shows(200, &["whsec_", "shown this once"]);
    let refused = seat.fill(hooks, hooks, &[("url", "nonsense"), ("enabledEvents", "*")]).await;
    refused.shows(400, &["create-url-said", "value=\"nonsense\""]);
    let id = world.get("/webhook-endpoints").await.ok(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    let page = format!("{hooks}/{id}");
    seat.get(&page).await.shows(200, &["https://hooks.example/x", "milestone.*, payment_intent.settled"]);
    seat.fill(&page, &format!("{page}/rotate"), &[("gracePeriod", "1h")]).await.shows(200, &["whsec_"]);
    seat.fill(&page, &format!("{page}/test"), &[]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["webhook_endpoint.test"]);
    let log = world.get(&format!("/webhook-endpoints/{id}/deliveries")).await.ok(200);
    let delivery = format!("/dashboard/deliveries/{}", log["data"][0]["id"].as_str().expect("an id"));
    seat.get(&delivery).await.shows(200, &["webhook_endpoint.test", "What was sent"]);
    seat.fill(&delivery, &format!("{delivery}/redeliver"), &[]).await.leads_to(&delivery);
    seat.fill(&page, &format!("{page}/disable"), &[]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Disabled", "Send again"]);
    seat.fill(&page, &format!("{page}/enable"), &[]).await.leads_to(&page);
    seat.fill(&page, &format!("{page}/delete"), &[]).await.leads_to(hooks);
    seat.get(hooks).await.shows(200, &["Events are sent nowhere yet"]);
}

#[tokio::test(start_paused = true)]
async fn the_clock_moves_and_a_failed_settlement_is_paid_out_once_more() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let clock = "/dashboard/clock";
    seat.get(clock).await.shows(200, &["shows the real time"]);
    seat.fill(clock, clock, &[("advance", "3600")]).await.leads_to(clock);
    seat.get(clock).await.shows(200, &["1 hour ahead"]);
    seat.fill(clock, clock, &[("advance", "soon")]).await.shows(400, &["advance must be an integer", "-advance-said"]);
    let (intent, milestones) = main_job(&world).await;
    crate::payers::complete(&world, &intent, &milestones[0]).await;
    let id = world.get("/settlements").await.ok(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    let page = format!("/dashboard/settlements/{id}");
    seat.fill(&page, &format!("{page}/fail"), &[("reason", "Account closed")]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Failed", "Account closed", "Pay it out once more"]);
    seat.fill(&page, &format!("{page}/retry"), &[]).await.leads_to(&page);
    seat.get(&page).await.shows(200, &["Tried again"]).lacks(&["Pay it out once more"]);
}
