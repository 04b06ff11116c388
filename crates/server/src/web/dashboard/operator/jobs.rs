//! `/operator/jobs`: what is still to be done, in the order in which it can be.

use maud::{Markup, html};

use super::super::desk::Desk;
use super::super::listing::{asked, nothing, table};
use super::super::read::{Job, List};
use super::super::screen::{Screen, View};
use super::super::words::state;
use crate::web::api::Refusal;
use crate::web::parts::at;

const PART: &str = "/operator/jobs";

pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let list: List<Job> = desk.get(asked(&desk, "/admin/jobs", &[])).await?;
    let row = |job: &Job| -> Vec<Markup> {
        vec![
            html! { (job.duty) },
            state(&job.status),
            at(&job.due_at),
            html! { (job.attempts) },
            html! { code.long { (job.payment_intent_id) } },
            html! { code.long { (job.merchant_id) } },
        ]
    };
    let columns = ["What", "State", "Due", "Tried", "Payment", "Merchant"];
    let offset: usize = desk.query("offset").and_then(|text| text.parse().ok()).unwrap_or(0);
    let content = html! {
        @if list.data.is_empty() { (nothing("Nothing is left to be done.")) }
        @else { (table("Jobs, the next first", &columns, &list.data.iter().map(row).collect::<Vec<_>>())) }
        // Jobs have no ids: their pages are counted.
        @if list.has_more || offset > 0 {
            nav.turning aria-label="Pages of the list" {
                @if offset > 0 { a href=(PART) rel="prev" { "← To the next" } }
                @if list.has_more { a href={ (PART) "?offset=" (offset.saturating_add(list.data.len())) } rel="next" { "Later →" } }
            }
        }
    };
    Screen::new(PART, "Jobs", content).into()
}
