//! What holds for every page: what it tells the browser, what it refuses, and that the API is what it was without pages.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;

use super::{Browser, Seen, card};
use crate::payers::intent;
use crate::world::{TEST, World};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[track_caller]
fn is_guarded(seen: &Seen) {
    assert_eq!(seen.header("content-security-policy"), POLICY, "{seen:?}");
    assert_eq!(seen.header("x-content-type-options"), "nosniff");
    assert_eq!(seen.header("referrer-policy"), "same-origin");
    for inline in [" style=", "<style", "javascript:", " onclick", " onload", "<script>"] {
        assert!(!seen.html.contains(inline), "{inline}: {}", seen.html);
    }
}

/// The addresses in these attributes of a page.
fn addresses(html: &str) -> Vec<String> {
    let attributes = [" src=\"", "<link rel=\"icon\" href=\"", "<link rel=\"stylesheet\" href=\"", " action=\""];
    let after = attributes.iter().flat_map(|attribute| html.split(attribute).skip(1));
    after.map(|rest| rest.split('"').next().expect("an address").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_answer_tells_browsers_what_it_may_do() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    let page = format!("/pay/{intent}");
    for seen in [
        browser.get(&page).await,
        browser.get(&format!("{page}/live")).await,
        browser.get("/pay/nothing").await,
        browser.post(&page, &[]).await,
        browser.post(&format!("{page}/card"), &card("4000000000009995")).await,
        browser.post(&format!("{page}/simulated"), &[]).await,
    ] {
        is_guarded(&seen);
        assert_eq!(seen.header("cache-control"), "no-store");
        assert!(addresses(&seen.html).iter().all(|to| to.starts_with('/') && !to.starts_with("//")), "{}", seen.html);
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_kept_for_ever_under_the_hash_of_what_is_in_them() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    let page = browser.get(&format!("/pay/{intent}")).await;
    let files: Vec<String> = addresses(&page.html).into_iter().filter(|to| to.starts_with("/assets/")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let seen = browser.get(&file).await;
        assert_eq!((seen.status, seen.header("cache-control")), (200, "public, max-age=31536000, immutable"), "{file}");
        is_guarded(&seen);
        let (_, name) = file.rsplit_once('/').expect("a name");
        let other = browser.get(&format!("/assets/0123456789abcdef/{name}")).await;
        assert_eq!((other.status, other.header("cache-control")), (404, "no-store"));
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_payment_a_page_says_so() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    let unknown = "intent_00000000000000000000000000";
    for path in [
        "/pay/nothing".to_owned(),
        format!("/pay/{unknown}"),
        format!("/pay/{unknown}/live"),
        format!("/pay/{intent}x"),
        "/pay/%3Cb%3E".to_owned(),
        "/pay/%FF".to_owned(),
        "/pay".to_owned(),
        "/pay/".to_owned(),
        "/pay/nothing/".to_owned(),
        format!("/pay/{intent}/nothing"),
        format!("/pay/{intent}/nothing/here"),
        format!("/pay/{intent}/milestones/nothing"),
    ] {
        let seen = browser.get(&path).await;
        seen.shows(404, &["Nothing here", "There is no payment at this address."]);
        assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
    }
    browser.get(&format!("/pay/{intent}/")).await.leads_to(&format!("/pay/{intent}"));
    browser.post(&format!("/pay/{unknown}/card"), &card("4242424242424242")).await.shows(404, &["Nothing here"]);
    let milestone = format!("/pay/{intent}/milestones/nothing/approve");
    browser.post(&milestone, &[]).await.shows(404, &["Nothing here"]);
}

#[tokio::test(start_paused = true)]
async fn pages_are_asked_in_their_own_way_alone() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    for (method, path) in
        [("POST", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/card"), ("GET", "/dispute"), ("POST", "/live")]
    {
        let request = Request::builder().method(method).uri(format!("/pay/{intent}{path}"));
        let seen = browser.send(request, String::new()).await;
        assert_eq!(seen.status, 405, "{method} {path}");
        assert_eq!(seen.header("content-type"), "text/html; charset=utf-8");
    }
    let head = browser.send(Request::builder().method("HEAD").uri(format!("/pay/{intent}")), String::new()).await;
    assert_eq!((head.status, head.html.as_str()), (200, ""));
}

#[tokio::test(start_paused = true)]
async fn forms_of_other_sites_do_nothing() {
    let world = World::new().await;
    let (intent, ids) = intent(&world, json!({"requireApproval": true}), &["1000"]).await;
    let browser = Browser::of(&world);
    let before = format!("{:?}", world.everything().await);
    let milestone = format!("milestones/{}", ids[0]);
    for below in [
        "card",
        "simulated",
        "confirm",
        "dispute",
        "evidence",
        "release",
        "reclaim",
        &format!("{milestone}/approve"),
        &format!("{milestone}/reject"),
    ] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let request = Request::builder()
                .method("POST")
                .uri(format!("/pay/{intent}/{below}"))
                .header("host", "pay.example")
                .header(name, value)
                .header("content-type", "application/x-www-form-urlencoded");
            let seen = browser.send(request, String::new()).await;
            seen.shows(403, &["This was sent by a page of another site. Nothing was done."]);
        }
    }
    assert_eq!(format!("{:?}", world.everything().await), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_form_or_too_large_is_refused() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    let browser = Browser::of(&world);
    let to = format!("/pay/{intent}/card");
    let request = |media_type| Request::builder().method("POST").uri(&to).header("content-type", media_type);
    let json = browser.send(request("application/json"), "{}".to_owned()).await;
    json.shows(415, &["This takes what a form on its page sends."]);
    let large = browser.send(request("application/x-www-form-urlencoded"), "a".repeat(64 * 1024 + 1)).await;
    large.shows(413, &["That was too much."]);
}

/// The status, the headers but for what differs every time, and the body of an answer.
async fn answer(router: axum::Router, method: &str, path: &str) -> (u16, Vec<(String, String)>, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("x-api-key", TEST);
    let response = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let id = parts.headers.get("request-id").map_or("", |id| id.to_str().expect("text")).to_owned();
    let text = String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec()).expect("text");
    let headers = parts.headers.iter().filter(|(name, _)| *name != "request-id");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned())).collect();
    (parts.status.as_u16(), headers, if id.is_empty() { text } else { text.replace(&id, "req") })
}

#[tokio::test(start_paused = true)]
async fn the_api_answers_as_it_does_without_pages() {
    let world = World::new().await;
    let (intent, _) = intent(&world, json!({}), &["1000"]).await;
    for (method, path) in [
        ("GET", format!("/v1/payment-intents/{intent}")),
        ("GET", format!("/api/v1/payment-intents/public/{intent}")),
        ("OPTIONS", format!("/v1/payment-intents/{intent}")),
        ("DELETE", format!("/v1/payment-intents/{intent}")),
        ("HEAD", "/v1/account/balance".to_owned()),
        ("GET", "/v1/nothing".to_owned()),
        ("GET", "/nothing".to_owned()),
        ("GET", "/payments".to_owned()),
        ("GET", "/health/live".to_owned()),
        ("GET", "/docs".to_owned()),
        ("GET", "/openapi.json".to_owned()),
    ] {
        let (with, without) =
            (answer(world.pages(), method, &path).await, answer(world.router.clone(), method, &path).await);
        assert_eq!(with, without, "{method} {path}");
    }
    assert!(!answer(world.pages(), "GET", "/openapi.json").await.2.contains("/pay/{"));
}
