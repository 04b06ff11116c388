//! `/dashboard/settlements`: what was paid out, and what did not arrive.

use escrow::settlement::SettlementStatus;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::act::{Action, actions};
use super::desk::{Desk, nothing_here};
use super::field::Attempt;
use super::listing::{asked, facts, nothing, table, turning};
use super::read::{List, Settlement};
use super::screen::{Screen, View};
use super::words::{state, words};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::{at, at_seconds, money};

const PART: &str = "/dashboard/settlements";

/// The list.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let list: List<Settlement> = desk.get(asked(&desk, "/settlements", &[])).await?;
    let content = html! {
        @if list.data.is_empty() { (nothing("Nothing was released yet. What is released is paid out from here.")) }
        @else { (rows(&list.data, Some(PART))) }
        (turning(&desk, &list, |settlement| &settlement.id, &[]))
    };
    Screen::new(PART, "Settlements", content).into()
}

/// Settlements as a table, each with a link to its own page below some address.
pub(super) fn rows(settlements: &[Settlement], below: Option<&str>) -> Markup {
    let row = |settlement: &Settlement| {
        let amount = money(&settlement.amount, &settlement.currency);
        vec![
            match below {
                Some(below) => html! { a href={ (below) "/" (settlement.id) } { (amount) } },
                None => amount,
            },
            state(settlement.status.name()),
            html! { (words(&settlement.settlement_method)) ", to " (settlement.settlement_destination) },
            html! { @if let Some(reason) = &settlement.failure_reason { (reason) } },
            at(&settlement.created_at),
        ]
    };
    let rows: Vec<Vec<Markup>> = settlements.iter().map(row).collect();
    table("Settlements, newest first", &["Amount", "State", "To", "Why not", "Created"], &rows)
}

/// One settlement.
pub(super) async fn one(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// What can be done about a settlement: to try it once more, and in the sandbox to have it fail.
pub(super) async fn perform(desk: Desk, form: Form) -> Result<View, Refusal> {
    let settlement = desk.param("settlement");
    let (at, body) = match desk.param("deed").as_str() {
        "retry" => (format!("/settlements/{settlement}/retry"), json!({})),
        "fail" => (format!("/test-helpers/settlements/{settlement}/fail"), Value::Object(form.object(&["reason"]))),
        _ => return Err(nothing_here()),
    };
    match desk.post::<Value>(&form, at, body).await {
        Ok(_) => Ok(View::Go(format!("{PART}/{settlement}"))),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let shown: Settlement = desk.one(format!("/settlements/{}", desk.param("settlement"))).await?;
    let to = |deed: &str| format!("{PART}/{}/{deed}", shown.id);
    let offered = match shown.status {
        SettlementStatus::Failed | SettlementStatus::Returned => vec![
            Action::new("retry", "Pay it out once more", to("retry"))
                .explained(html! { (money(&shown.amount, &shown.currency)) " is sent to " (shown.settlement_destination) " again." }),
        ],
        SettlementStatus::Scheduled | SettlementStatus::Executed if desk.is_sandbox() => vec![
            Action::new("fail", "Have it fail", to("fail"))
                .explained(html! { "In the sandbox only: the money does not arrive, and is yours again until it is paid out once more." })
                .fields([super::field::Field::line("reason", "Why")])
                .grave(),
        ],
        SettlementStatus::Scheduled
        | SettlementStatus::Executed
        | SettlementStatus::Confirmed
        | SettlementStatus::Cancelled => Vec::new(),
    };
    let told = [
        (
            "Payment",
            html! { a href={ "/dashboard/intents/" (shown.payment_intent_id) } { code.long { (shown.payment_intent_id) } } },
        ),
        ("Milestone", html! { @if let Some(milestone) = &shown.milestone_id { code.long { (milestone) } } }),
        ("To", html! { (words(&shown.settlement_method)) ", " (shown.settlement_destination) }),
        ("Reference", html! { @if let Some(reference) = &shown.settlement_tx_id { code.long { (reference) } } }),
        ("Due", html! { @if let Some(due) = shown.settlement_scheduled_at { (at_seconds(due.0)) } }),
        ("Arrived", html! { @if let Some(at) = shown.confirmed_at { (at_seconds(at.0)) } }),
        ("Failed", html! { @if let Some(at) = shown.failed_at { (at_seconds(at.0)) } }),
        ("Why not", html! { @if let Some(reason) = &shown.failure_reason { (reason) } }),
        ("Tried again", html! { @if shown.retries > 0 { (shown.retries) " times" } }),
        ("Id", html! { code.long { (shown.id) } }),
        ("Created", at(&shown.created_at)),
    ];
    let untold = attempt
        .as_ref()
        .filter(|attempt| !offered.iter().any(|action| Attempt::at(Some(attempt), &action.id).is_some()));
    let content = html! {
        @if let Some(refusal) = untold.and_then(|attempt| attempt.refusal.as_ref()) { (super::screen::notice(refusal)) }
        p.amount { (money(&shown.amount, &shown.currency)) }
        (facts(&told))
        (actions(desk, &offered, attempt.as_ref()))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "Settlement", content).aside(state(shown.status.name())).refusing(refusal).into()
}
