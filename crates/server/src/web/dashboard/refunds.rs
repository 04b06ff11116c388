//! `/dashboard/refunds`: what went back to payers, or is on its way.

use maud::{Markup, html};

use super::desk::Desk;
use super::listing::{asked, nothing, table, turning};
use super::read::{List, Refund};
use super::screen::{Screen, View};
use super::words::state;
use crate::web::api::Refusal;
use crate::web::parts::{at, money};

const PART: &str = "/dashboard/refunds";

/// The list.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let list: List<Refund> = desk.get(asked(&desk, "/refunds", &[])).await?;
    let content = html! {
        @if list.data.is_empty() { (nothing("Nothing went back to a payer yet.")) }
        @else { (rows(&list.data)) }
        (turning(&desk, &list, |refund| &refund.id, &[]))
    };
    Screen::new(PART, "Refunds", content).into()
}

fn rows(refunds: &[Refund]) -> Markup {
    let row = |refund: &Refund| {
        let to = format!("{}/{}", super::intents::PART, refund.payment_intent_id);
        vec![
            html! { a href=(to) { (money(&refund.amount, &refund.currency)) } },
            state(refund.status.name()),
            html! { @if let Some(reason) = &refund.reason { (reason) } },
            html! { @if let Some(reason) = &refund.failure_reason { (reason) } },
            at(&refund.created_at),
        ]
    };
    let rows: Vec<Vec<Markup>> = refunds.iter().map(row).collect();
    table("Refunds, newest first", &["Amount", "State", "Why", "Why not", "Created"], &rows)
}
