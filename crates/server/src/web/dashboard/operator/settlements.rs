//! `/operator/settlements`: what did not arrive, of every merchant.

use maud::{Markup, html};

use super::super::desk::Desk;
use super::super::listing::{Choice, asked, filters, nothing, table, turning};
use super::super::read::{List, Settlement};
use super::super::screen::{Screen, View};
use super::super::words::{state, words};
use crate::web::api::Refusal;
use crate::web::parts::{at, money};

const PART: &str = "/operator/settlements";

pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let chosen: Vec<(&str, &str)> = desk.query("status").map(|status| ("status", status)).into_iter().collect();
    let list: List<Settlement> = desk.get(asked(&desk, "/admin/settlements", &chosen)).await?;
    let row = |settlement: &Settlement| {
        vec![
            money(&settlement.amount, &settlement.currency),
            html! { (state(settlement.status.name())) " " @if settlement.livemode { "real money" } @else { "sandbox" } },
            html! { (words(&settlement.settlement_method)) ", to " (settlement.settlement_destination) },
            html! { @if let Some(reason) = &settlement.failure_reason { (reason) } },
            html! { @if let Some(merchant) = &settlement.merchant_id { code.long { (merchant) } } },
            at(&settlement.created_at),
        ]
    };
    let columns = ["Amount", "State", "To", "Why not", "Merchant", "Created"];
    let content = html! {
        (filters(&desk, &[Choice::waiting("Failed")], &Markup::default()))
        p.quiet { "A merchant pays out once more what did not arrive, with a key of its own." }
        @if list.data.is_empty() { (nothing("Everything arrived.")) }
        @else { (table("Settlements, newest first", &columns, &list.data.iter().map(row).collect::<Vec<_>>())) }
        (turning(&desk, &list, |settlement| &settlement.id, &["status"]))
    };
    Screen::new(PART, "Settlements", content).into()
}
