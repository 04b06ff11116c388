//! `/dashboard/requests`: what was asked of the API, and what it answered.

use maud::{Markup, html};

use super::desk::Desk;
use super::event::pretty;
use super::listing::{asked, facts, nothing, table, turning};
use super::read::{List, Request};
use super::screen::{Screen, View};
use super::words::state;
use crate::web::api::Refusal;
use crate::web::parts::at;

const PART: &str = "/dashboard/requests";

/// The list. It does not follow events: each look at it is a request as well.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let list: List<Request> = desk.get(asked(&desk, "/requests", &[])).await?;
    let row = |request: &Request| {
        vec![
            html! { a href={ (PART) "/" (request.id) } { code { (request.method) " " (request.path) } } },
            html! { code { (request.response_status) } " " (state(&request.status)) },
            html! { (request.latency_ms) " ms" },
            at(&request.created_at),
        ]
    };
    let content = html! {
        p.quiet { "Of the last seven days, what this dashboard asked as well. Secrets, cards and tokens are masked." }
        @if list.data.is_empty() { (nothing("Nothing was asked yet.")) }
        @else { (table("Requests, newest first", &["Request", "Answer", "Took", "When"], &list.data.iter().map(row).collect::<Vec<_>>())) }
        (turning(&desk, &list, |request| &request.id, &[]))
    };
    Screen::new(PART, "Requests", content).once().into()
}

/// One request.
pub(super) async fn one(desk: Desk) -> Result<View, Refusal> {
    let request: Request = desk.one(format!("/requests/{}", desk.param("request"))).await?;
    let told = [
        ("Query", html! { @if let Some(query) = &request.query { code { (query) } } }),
        ("Answered with", html! { code { (request.response_status) } " in " (request.latency_ms) " ms" }),
        ("When", at(&request.created_at)),
        ("API key", html! { code.long { (request.api_key_id) } }),
        ("Merchant", html! { @if let Some(merchant) = &request.merchant_id { code.long { (merchant) } } }),
        ("Idempotency key", html! { @if let Some(key) = &request.idempotency_key { code.long { (key) } } }),
        ("Id", html! { code.long { (request.id) } }),
    ];
    let body = |name: &str, body: &Option<serde_json::Value>| -> Markup {
        html! { @if let Some(body) = body { h2 { (name) } pre tabindex="0" { (pretty(body)) } } }
    };
    let content = html! {
        (facts(&told))
        (body("What was sent", &request.request_body))
        (body("What was answered", &request.response_body))
    };
    let title = format!("{} {}", request.method, request.path);
    Screen::new(PART, title, content).aside(state(&request.status)).once().into()
}
