//! Who is signed in, and whose forms are taken.

use axum::http::Request;
use serde_json::json;

use super::super::Browser;
use super::{Seat, hidden, main_job};
use crate::world::{ADMIN, EXPIRED, LIVE, NO_SCOPES, REVOKED, TEST, World, settings};

const SIGN_IN: &str = "/dashboard/sign-in";

#[tokio::test(start_paused = true)]
async fn a_key_signs_in_and_is_nowhere_to_be_read() {
    let world = World::new().await;
    for (key, home) in [(TEST, "/dashboard"), (LIVE, "/dashboard"), (NO_SCOPES, "/dashboard"), (ADMIN, "/operator")] {
        let browser = Browser::of(&world);
        let seen = browser.post(SIGN_IN, &[("key", key)]).await;
        seen.leads_to(home);
        let cookie = seen.header("set-cookie");
        assert!(cookie.starts_with("__Host-milepost_session="), "{cookie}");
        assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        assert!(!cookie.contains(&key[key.len() - 8..]), "{cookie}");
        let home = browser.get(home).await;
        home.shows(200, &["Sign out", &key[key.len() - 4..]]).lacks(&[key]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_tls_the_cookie_is_sent_all_the_same() {
    let world = World::with(server::Settings { public_url: "http://127.0.0.1:3000".to_owned(), ..settings() }).await;
    let browser = Browser::of(&world);
    let seen = browser.post(SIGN_IN, &[("key", TEST)]).await;
    let cookie = seen.header("set-cookie");
    assert!(cookie.starts_with("milepost_session=") && !cookie.contains("Secure"), "{cookie}");
    browser.get("/dashboard").await.shows(200, &["Home"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_or_works_no_longer_signs_nobody_in() {
    let world = World::new().await;
    for (key, status, told) in [
        ("", 400, "This is no API key"),
        ("nonsense", 400, "This is no API key"),
        ("sk_test_<b>bold</b>", 400, "This is no API key"),
        ("sk_test_unknown-here", 403, "This key is unknown here"),
        ("sk_admin_unknown-here", 403, "This key is unknown here"),
        (REVOKED, 403, "This key is unknown here"),
        (EXPIRED, 403, "This key is unknown here"),
    ] {
        let seen = Browser::of(&world).post(SIGN_IN, &[("key", key)]).await;
        seen.shows(status, &[told, "Sign in"]).lacks(&["<b>bold"]);
        assert_eq!(seen.header("set-cookie"), "", "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn strangers_sign_in_first_and_come_to_the_page_that_they_asked_for() {
    let world = World::new().await;
    let browser = Browser::of(&world);
    browser.get("/dashboard").await.leads_to(SIGN_IN);
    let asked = "/dashboard/intents?status=SETTLED";
    let seen = browser.get(asked).await;
    seen.leads_to("/dashboard/sign-in?next=%2Fdashboard%2Fintents%3Fstatus%3DSETTLED");
    let form = browser.get(seen.header("location")).await;
    form.shows(200, &["value=\"/dashboard/intents?status=SETTLED\""]);
    browser.post(SIGN_IN, &[("key", TEST), ("next", asked)]).await.leads_to(asked);
    for elsewhere in ["https://evil.example/", "//evil.example/dashboard", "/\\evil.example", "/pay/x"] {
        browser.post(SIGN_IN, &[("key", TEST), ("next", elsewhere)]).await.leads_to("/dashboard");
    }
    let stranger = Browser::of(&world);
    stranger.post("/dashboard/intents/new", &[("amount", "1")]).await.shows(401, &["Nothing was done", "Sign in"]);
    assert_eq!(stranger.get("/dashboard/stream").await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn signing_out_ends_the_session() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    seat.fill("/dashboard", "/dashboard/sign-out", &[]).await.leads_to(SIGN_IN);
    seat.get("/dashboard").await.leads_to(SIGN_IN);
}

#[tokio::test(start_paused = true)]
async fn a_session_lasts_for_twelve_hours_and_no_longer() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    world.host.advance(escrow::Span::from_seconds(12 * 3600 - 1));
    seat.get("/dashboard").await.shows(200, &["Home"]);
    world.host.advance(escrow::Span::from_seconds(1));
    seat.get("/dashboard").await.leads_to(SIGN_IN);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_ends_its_session() {
    let world = World::new().await;
    let made = world.post("/api-keys", json!({"name": "mine"})).await.ok(201);
    let (id, secret) = (made["id"].as_str().expect("an id"), made["data"]["secret"].as_str().expect("a secret"));
    let (seat, at_home) = (Seat::with(&world, secret).await, Seat::with(&world, secret).await);
    seat.get("/dashboard/intents").await.shows(200, &["Payments"]);
    let form = seat.get("/dashboard/intents/new").await;
    world.post(&format!("/api-keys/{id}/revoke"), json!({})).await.ok(200);
    let mine: Vec<(String, String)> = hidden(&form.html, "/dashboard/intents/new");
    let mine: Vec<(&str, &str)> = mine.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    seat.browser.post("/dashboard/intents/new", &mine).await.shows(401, &["works no longer", "Sign in"]);
    // However often it is asked, by a script that follows events too, the reason is told until somebody signs in.
    for _ in 0..2 {
        let seen = seat.get("/dashboard/intents").await;
        seen.shows(401, &["works no longer", "Sign in", "value=\"/dashboard/intents\""]);
    }
    seat.browser.post(SIGN_IN, &[("key", TEST)]).await.leads_to("/dashboard");
    seat.get("/dashboard/intents").await.shows(200, &["Payments"]);
    at_home.get("/dashboard").await.shows(401, &["works no longer", "Sign in"]);
}

#[tokio::test(start_paused = true)]
async fn a_cookie_that_was_tampered_with_signs_nobody_in() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let (name, value) = seat.browser.cookies.lock().expect("not poisoned")[0].clone();
    let mut other = value.clone().into_bytes();
    other[20] = if other[20] == b'A' { b'B' } else { b'A' };
    for value in [String::from_utf8(other).expect("text"), "nonsense".to_owned(), String::new()] {
        *seat.browser.cookies.lock().expect("not poisoned") = vec![(name.clone(), value)];
        seat.get("/dashboard").await.leads_to(SIGN_IN);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cookie_that_somebody_else_has_set_locks_nobody_out() {
    let world = World::new().await;
    let seat = Seat::with(&world, TEST).await;
    let own = seat.browser.cookies.lock().expect("not poisoned")[0].clone();
    let foreign = (own.0.clone(), "nonsense".to_owned());
    for cookies in [vec![foreign.clone(), own.clone()], vec![own, foreign]] {
        *seat.browser.cookies.lock().expect("not poisoned") = cookies;
        seat.get("/dashboard").await.shows(200, &["Home"]);
    }
}

#[tokio::test(start_paused = true)]
async fn forms_of_others_are_refused_and_nothing_is_done() {
    let world = World::new().await;
    let (intent, milestones) = main_job(&world).await;
    let seat = Seat::with(&world, TEST).await;
    let page = seat.get(&format!("/dashboard/intents/{intent}")).await;
    let cancel = format!("/dashboard/intents/{intent}/cancel");
    let own = hidden(&page.html, &cancel);
    let token = own.iter().find(|(name, _)| name == "token").expect("a token").1.clone();
    let other = Seat::with(&world, TEST).await;
    let others = hidden(&other.get(&format!("/dashboard/intents/{intent}")).await.html, &cancel);
    let others = others.iter().find(|(name, _)| name == "token").expect("a token").1.clone();
    assert_ne!(token, others, "each session has its own");
    let before = format!("{:?}", world.everything().await);
    for to in [
        cancel.clone(),
        format!("/dashboard/intents/{intent}/refund"),
        format!("/dashboard/intents/{intent}/milestones/{}/complete", milestones[0]),
        "/dashboard/intents/new".to_owned(),
        "/dashboard/keys".to_owned(),
        "/dashboard/webhooks".to_owned(),
        "/dashboard/clock".to_owned(),
        "/dashboard/sign-out".to_owned(),
    ] {
        for fields in [vec![], vec![("token", "")], vec![("token", others.as_str())], vec![("token", &token[1..])]] {
            seat.browser.post(&to, &fields).await.shows(403, &["Nothing was done"]);
        }
        let request = Request::builder()
            .method("POST")
            .uri(&to)
            .header("sec-fetch-site", "cross-site")
            .header("content-type", "application/x-www-form-urlencoded");
        let seen = seat.browser.send(request, format!("token={token}&name=x&advance=60")).await;
        seen.shows(403, &["This was sent by a page of another site. Nothing was done."]);
    }
    assert_eq!(format!("{:?}", world.everything().await), before);
    seat.get("/dashboard").await.shows(200, &["Home"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_signed_in_by_another_sites_form() {
    let world = World::new().await;
    let request = Request::builder()
        .method("POST")
        .uri(SIGN_IN)
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded");
    let seen = Browser::of(&world).send(request, format!("key={TEST}")).await;
    seen.shows(403, &["another site"]);
    assert_eq!(seen.header("set-cookie"), "");
}

#[tokio::test(start_paused = true)]
async fn the_log_of_requests_shows_no_key_of_a_session() {
    let world = World::with_request_log().await;
    let seat = Seat::with(&world, TEST).await;
    let (intent, _) = main_job(&world).await;
    seat.get(&format!("/dashboard/intents/{intent}")).await.shows(200, &["A website"]);
    let log = world.get("/requests?limit=100").await.ok(200);
    assert!(!log.to_string().contains(TEST), "{log}");
    let first = log["data"][0]["id"].as_str().expect("an id");
    seat.get("/dashboard/requests").await.shows(200, &["/v1/payment-intents"]).lacks(&[TEST]);
    seat.get(&format!("/dashboard/requests/{first}")).await.shows(200, &["Answered with"]).lacks(&[TEST]);
}
