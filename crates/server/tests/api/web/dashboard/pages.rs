//! Every page: that it is there, for whom, and what holds for all of them.

use serde_json::json;
use server::{Limit, RateLimits};

use super::super::MARKUP;
use super::{ADMIN, Seat, TEST, everything, hidden, main_job};
use crate::world::{Fault, LIVE, NO_SCOPES, OTHER, READ_ONLY, World, settings};

/// Bytes of a page at most, before it is compressed: a tenth of that is left when it is.
const MAX_BYTES: usize = 200_000;

#[tokio::test(start_paused = true)]
async fn every_page_of_a_merchant() {
    let world = World::with_request_log().await;
    let pages = everything(&world).await;
    let seat = Seat::with(&world, TEST).await;
    for page in pages {
        let seen = seat.get(&page).await;
        seen.shows(200, &[" id=\"main\"", "Sign out", "</html>"]);
        seen.lacks(&[" style=", "<style", "javascript:", " onclick", "<script>"]);
        assert_eq!(seen.header("cache-control"), "no-store", "{page}");
        assert!(seen.header("content-security-policy").starts_with("default-src 'none'"), "{page}");
        assert!(seen.html.len() < MAX_BYTES, "{page} has {} bytes", seen.html.len());
        assert_eq!(seen.html.matches("<h1").count(), 1, "{page}");
    }
    for beginning in ["/", "/dashboard/", "/operator/"] {
        seat.get(beginning).await.leads_to("/dashboard");
    }
    seat.get("/operator").await.shows(403, &["Not allowed"]);
}

#[tokio::test(start_paused = true)]
async fn every_page_of_the_operator() {
    let world = World::with_request_log().await;
    let merchants = everything(&world).await;
    let seat = Seat::with(&world, ADMIN).await;
    for page in ["/operator", "/operator/disputes", "/operator/disputes?status=all", "/operator/settlements"] {
        seat.get(page).await.shows(200, &["Sign out", "Merchants"]);
    }
    for page in ["/operator/settlements?status=all", "/operator/merchants", "/operator/jobs"] {
        seat.get(page).await.shows(200, &["Sign out", "Merchants"]);
    }
    for page in ["/dashboard/keys", "/dashboard/requests"] {
        seat.get(page).await.shows(200, &["Sign out", "Merchants"]);
    }
    seat.get("/dashboard").await.leads_to("/operator");
    for page in merchants.iter().filter(|page| page.contains("/intents/intent_") || page.contains("/webhooks")) {
        seat.get(page).await.shows(403, &["An admin key acts for no merchant"]);
    }
    seat.get("/dashboard/intents/new").await.shows(403, &["An admin key belongs to no merchant", "Sign out"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_of_another_merchant_or_of_the_other_mode_is_shown() {
    let world = World::with_request_log().await;
    let pages = everything(&world).await;
    for (key, status) in [(OTHER, 403), (LIVE, 404)] {
        let seat = Seat::with(&world, key).await;
        let named = pages.iter().filter(|page| page.matches('/').count() > 2 && !page.ends_with("/new"));
        for page in named {
            let seen = seat.get(page).await;
            assert_eq!(seen.status, status, "{page}: {}", seen.html);
            seen.lacks(&["A website", "hooks.example"]);
        }
        seat.get("/dashboard/intents").await.shows(200, &["There are no payments yet"]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_key_may_not_do_is_said_with_the_scope_that_it_lacks() {
    let world = World::new().await;
    let (intent, _) = main_job(&world).await;
    let seat = Seat::with(&world, NO_SCOPES).await;
    seat.get("/dashboard/intents").await.shows(403, &["lacks the scope payment_intents:read", "Sign out"]);
    seat.get("/dashboard").await.shows(200, &["lacks the scope account:read", "lacks the scope payment_intents:read"]);
    let reader = Seat::with(&world, READ_ONLY).await;
    let page = format!("/dashboard/intents/{intent}");
    reader.get(&page).await.shows(200, &["A website"]);
    let refused = reader.fill(&page, &format!("{page}/cancel"), &[]).await;
    refused.shows(403, &["lacks the scope payment_intents:write", "A website"]);
    // What was asked is refused, and not the page around it, which the key may not see either.
    let sealed = seat.get("/dashboard").await;
    let token = hidden(&sealed.html, "/dashboard/sign-out");
    let token: Vec<(&str, &str)> = token.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (to, scope) in [
        ("/dashboard/webhooks", "webhooks:write"),
        ("/dashboard/keys", "api_keys:write"),
        ("/dashboard/intents/new", "payment_intents:write"),
        (&format!("{page}/cancel"), "payment_intents:write"),
        (&format!("{page}/dispute"), "disputes:write"),
    ] {
        seat.browser.post(to, &token).await.shows(403, &[&format!("lacks the scope {scope}"), "Sign out"]);
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_nothing_a_page_says_so() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    for page in [
        "/dashboard/intents/intent_00000000000000000000000000",
        "/dashboard/intents/nonsense",
        "/dashboard/intents/%3Cb%3E",
        "/dashboard/settlements/nonsense",
        "/dashboard/events/nonsense",
        "/dashboard/webhooks/nonsense",
        "/dashboard/deliveries/nonsense",
        "/dashboard/requests/nonsense",
        "/dashboard/nonsense",
        "/dashboard/intents/",
        "/dashboard/keys/nonsense/more/and/more",
        "/operator/nonsense",
    ] {
        seat.get(page).await.shows(404, &["Nothing here", "Sign out"]).lacks(&["<b>"]);
    }
    seat.get("/dashboard/intents?starting_after=nonsense").await.shows(400, &["names nothing in this list"]);
    seat.get("/dashboard/intents?status=NONSENSE").await.shows(400, &["status must be one of"]);
}

#[tokio::test(start_paused = true)]
async fn when_the_store_is_away_the_pages_say_so_and_keep_the_session() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    world.store.line().fail(Fault::Down);
    seat.get("/dashboard/intents").await.shows(503, &["Not available now"]);
    world.store.line().recover();
    seat.get("/dashboard/intents").await.shows(200, &["Payments"]);
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_so() {
    let limit = Limit { per_minute: std::num::NonZeroU32::new(3), per_hour: None };
    let limits = RateLimits { test: limit, ..RateLimits::OFF };
    let world = World::with(server::Settings { rate_limits: limits, ..settings() }).await;
    let seat = Seat::with(&world, TEST).await;
    seat.get("/dashboard/intents").await.shows(200, &["Payments"]);
    seat.get("/dashboard/intents").await.shows(200, &["Payments"]);
    seat.get("/dashboard/intents").await.shows(429, &["Too many requests"]);
}

#[tokio::test(start_paused = true)]
async fn whatever_somebody_wrote_is_text() {
    let world = World::new().await;
    let terms = json!({
        "description": MARKUP, "settlementDestination": MARKUP, "metadata": {"order": MARKUP, "<b>": 1}, "requireApproval": true,
        "releaseType": "MILESTONE_LOCKED",
    });
    let (intent, ids) = crate::payers::intent(&world, terms, &[]).await;
    assert!(ids.is_empty());
    let milestones = format!("/payment-intents/{intent}/escrow/milestones");
    let mut ids = Vec::new();
    for index in 0..2 {
        let body = json!({"milestoneIndex": index, "amount": "300", "description": MARKUP});
        ids.push(world.post(&milestones, body).await.ok(201)["id"].as_str().expect("an id").to_owned());
    }
    let done = json!({"completedBy": MARKUP, "completionProof": MARKUP, "completionProofURI": "javascript:alert(1)"});
    world.post(&format!("{milestones}/{}/complete", ids[0]), done).await.ok(200);
    world.post(&format!("{milestones}/{}/reject", ids[0]), json!({"reason": MARKUP})).await.ok(200);
    let dispute = json!({"reason": MARKUP, "raisedBy": MARKUP, "milestoneId": ids[1]});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute"), dispute).await.ok(200);
    let evidence = json!({"text": MARKUP, "uri": "javascript:alert(1)", "submittedBy": MARKUP, "milestoneId": ids[1]});
    world.post(&format!("/payment-intents/{intent}/escrow/dispute/evidence"), evidence).await.ok(200);
    let endpoint = json!({"url": "https://hooks.example/x", "description": MARKUP});
    let endpoint = world.post("/webhook-endpoints", endpoint).await.ok(201);
    world.post("/api-keys", json!({"name": "<script>alert(1)</script>"})).await.ok(201);
    let (seat, operator) = (Seat::with(&world, TEST).await, Seat::with(&world, ADMIN).await);
    let event = world.get("/events").await.ok(200)["data"][0]["id"].as_str().expect("an id").to_owned();
    let mut seen = Vec::new();
    for page in [
        "/dashboard".to_owned(),
        "/dashboard/intents".to_owned(),
        format!("/dashboard/intents/{intent}"),
        "/dashboard/webhooks".to_owned(),
        format!("/dashboard/webhooks/{}", endpoint["id"].as_str().expect("an id")),
        "/dashboard/keys".to_owned(),
        format!("/dashboard/events/{event}"),
        format!("/dashboard/intents?q={}", "%3Cscript%3Ealert(1)"),
    ] {
        seen.push(seat.get(&page).await);
    }
    seen.push(operator.get("/operator/disputes").await);
    for page in &seen {
        page.lacks(&["<img src=x", "<script>", "href=\"javascript", "<b>", "</textarea><script"]);
    }
    seen[2].shows(200, &["&lt;img src=x onerror=alert(1)&gt;&quot;"]);
    let resend = [("description", MARKUP), ("amount", MARKUP), ("metadata", MARKUP), ("amount-0", MARKUP)];
    let refused = seat.fill("/dashboard/intents/new", "/dashboard/intents/new", &resend).await;
    refused.shows(400, &["&lt;img src=x"]).lacks(&["<img src=x", "<script>", "</textarea><script"]);
}

#[tokio::test(start_paused = true)]
async fn below_a_path_of_the_public_address_every_link_and_form_is_below_it() {
    let public_url = "https://pay.example/gateway".to_owned();
    let world = World::with(server::Settings { public_url, ..settings() }).await;
    let pages = everything(&world).await;
    let browser = super::super::Browser::of(&world);
    browser.get("/dashboard/intents").await.leads_to("/gateway/dashboard/sign-in?next=%2Fdashboard%2Fintents");
    let signing_in = browser.post("/dashboard/sign-in", &[("key", TEST), ("next", "/dashboard/intents")]).await;
    signing_in.leads_to("/gateway/dashboard/intents");
    for page in pages.iter().map(String::as_str).chain(["/dashboard/sign-in"]) {
        let seen = browser.get(page).await;
        for attribute in ["href", "src", "action", "formaction", "data-live", "data-stream"] {
            for rest in seen.html.split(&format!(" {attribute}=\"")).skip(1) {
                let is_here = rest.starts_with("/gateway/") || rest.starts_with('#') || rest.starts_with("https://");
                assert!(is_here, "{page}: {attribute}={}", rest.split('"').next().unwrap_or_default());
            }
        }
    }
}
