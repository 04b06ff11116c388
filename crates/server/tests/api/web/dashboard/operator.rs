//! What the operator does on the pages.

use serde_json::json;

use super::{ADMIN, Seat, main_job};
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn a_dispute_is_decided_with_all_that_was_said_in_view() {
    let world = World::new().await;
    let (intent, milestones) = main_job(&world).await;
    world.post(&format!("/test-helpers/payment-intents/{intent}/fund"), json!({})).await.ok(200);
    let dispute = json!({"reason": "Not as agreed", "raisedBy": "buyer", "milestoneId": milestones[0]});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute"), dispute).await.ok(200);
    let evidence = json!({"text": "See the letter", "submittedBy": "studio", "milestoneId": milestones[0]});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute/evidence"), evidence).await.ok(200);
    let seat = Seat::with(&world, ADMIN).await;
    let page = "/operator/disputes";
    seat.get(page).await.shows(200, &["Not as agreed", "See the letter", "300.00", &intent]);
    let to = format!("{page}/{intent}/resolve");
    let refused = seat.fill(page, &to, &[("resolution", "PARTIAL_REFUND"), ("resolvedBy", "me"), ("note", "Hm")]).await;
    refused.shows(400, &["refundAmount is required", ">\nHm</textarea>"]);
    seat.fill(page, &to, &[("resolution", "BUYER_WON"), ("resolvedBy", "operator")]).await.leads_to(page);
    seat.get(page).await.shows(200, &["No dispute waits"]);
    seat.get(&format!("{page}?status=all")).await.shows(200, &["Decided by operator", "Not as agreed"]);
    let escrow = world.get(&format!("/payment-intents/{intent}/escrow")).await.ok(200);
    assert_eq!(escrow["data"]["refundedAmount"], "300.00");
}

#[tokio::test(start_paused = true)]
async fn a_merchant_is_added_and_its_key_is_shown_once() {
    let world = World::new().await;
    let seat = Seat::with(&world, ADMIN).await;
    let page = "/operator/merchants";
    let form = seat.get(page).await;
    seat.send(&form, page, &[("name", "Studio")]).await.shows(200, &["Studio", "sk_test_", "shown this once"]);
    seat.send(&form, page, &[("name", "Studio")]).await.shows(200, &["was shown already"]).lacks(&["sk_test_"]);
    seat.get(page).await.shows(200, &["Studio", "merchant_"]);
    seat.fill(page, page, &[("name", " x ")]).await.shows(400, &["create-name-said", "value=\" x \""]);
}

#[tokio::test(start_paused = true)]
async fn everything_is_checked_and_what_waits_is_shown() {
    let world = World::new().await;
    let (intent, milestones) = main_job(&world).await;
    crate::payers::complete(&world, &intent, &milestones[0]).await;
    let seat = Seat::with(&world, ADMIN).await;
    seat.get("/operator").await.shows(200, &["Nothing waits for you", "Verify"]);
    seat.fill("/operator", "/operator/verify", &[]).await.shows(200, &["Everything is as it must be", "What was read"]);
    seat.get("/operator/jobs").await.shows(200, &[&intent]);
    let id = world.get("/settlements").await.ok(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    world.post(&format!("/test-helpers/settlements/{id}/fail"), json!({"reason": "Closed"})).await.ok(200);
    seat.get("/operator/settlements").await.shows(200, &["Closed", "Failed"]);
}

#[tokio::test(start_paused = true)]
async fn keys_are_made_for_merchants() {
    let world = World::new().await;
    let seat = Seat::with(&world, ADMIN).await;
    let keys = "/dashboard/keys";
    let merchants = world.call_as(ADMIN, "GET", "/admin/merchants", json!(null)).await.ok(200);
    let merchant = merchants["data"][0]["id"].as_str().expect("an id");
    let wanted = [("name", "For them"), ("kind", "live"), ("merchantId", merchant)];
    seat.fill(keys, keys, &wanted).await.shows(200, &["sk_live_"]);
    seat.get(keys).await.shows(200, &["For them", merchant]);
}
