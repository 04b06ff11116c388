//! The operator's view, with an admin key: every merchant's disputes and failed payouts, the merchants, and what is still to be done.

use axum::Router;
use maud::html;

use super::desk::{Desk, show, take};
use super::listing::{facts, nothing};
use super::read::{Job, List, Merchant, OpenDispute, Settlement};
use super::screen::{Screen, View};
use crate::web::Pages;
use crate::web::api::Refusal;

mod disputes;
mod jobs;
mod merchants;
mod settlements;
mod verify;

pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route("/operator", show(page))
        .route("/operator/disputes", show(disputes::page))
        .route("/operator/disputes/{intent}/resolve", take(disputes::resolve))
        .route("/operator/settlements", show(settlements::page))
        .route("/operator/merchants", show(merchants::page).merge(take(merchants::create)))
        .route("/operator/jobs", show(jobs::page))
        .route("/operator/verify", take(verify::run))
}

/// How many of each there are, at most this many counted.
const COUNTED: usize = 100;

/// What waits for the operator.
async fn page(desk: Desk) -> Result<View, Refusal> {
    let disputes: List<OpenDispute> = desk.get(format!("/admin/disputes?limit={COUNTED}")).await?;
    let settlements: List<Settlement> = desk.get(format!("/admin/settlements?limit={COUNTED}")).await?;
    let merchants: List<Merchant> = desk.get(format!("/admin/merchants?limit={COUNTED}")).await?;
    let jobs: List<Job> = desk.get(format!("/admin/jobs?limit={COUNTED}")).await?;
    let count = |count: usize, has_more: bool| if has_more { format!("more than {count}") } else { count.to_string() };
    let told = [
        ("Open disputes", html! { a href="/operator/disputes" { (count(disputes.data.len(), disputes.has_more)) } }),
        (
            "Failed settlements",
            html! { a href="/operator/settlements" { (count(settlements.data.len(), settlements.has_more)) } },
        ),
        ("Merchants", html! { a href="/operator/merchants" { (count(merchants.data.len(), merchants.has_more)) } }),
        ("Jobs", html! { a href="/operator/jobs" { (count(jobs.data.len(), jobs.has_more)) } }),
    ];
    let content = html! {
        (facts(&told))
        @if disputes.data.is_empty() && settlements.data.is_empty() { (nothing("Nothing waits for you.")) }
        h2 { "Check everything" }
        p { "Reads the whole store, and checks that every state, every balance and every event is what it must be. On a large store that takes a while." }
        form method="post" action="/operator/verify" { (desk.seal()) button.button.plain type="submit" { "Verify" } }
    };
    Screen::new("/operator", "Gateway", content).into()
}
