//! `/operator/disputes`: what waits for a decision, with all that was said.

use maud::{Markup, html};
use serde_json::Value;

use super::super::act::actions;
use super::super::desk::Desk;
use super::super::field::Attempt;
use super::super::intent::{RESOLVING, resolving};
use super::super::listing::{Choice, asked, filters, nothing, turning};
use super::super::read::{List, OpenDispute};
use super::super::screen::{Screen, View};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::dispute;

const PART: &str = "/operator/disputes";

pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// Decides.
pub(super) async fn resolve(desk: Desk, form: Form) -> Result<View, Refusal> {
    let at = format!("/payment-intents/{}/escrow/dispute/resolve", desk.param("intent"));
    match desk.post::<Value>(&form, at, Value::Object(form.object(&RESOLVING))).await {
        Ok(_) => Ok(View::Go(PART.to_owned())),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let chosen: Vec<(&str, &str)> = desk.query("status").map(|status| ("status", status)).into_iter().collect();
    let list: List<OpenDispute> = desk.get(asked(desk, "/admin/disputes", &chosen)).await?;
    let content = html! {
        (filters(desk, &[Choice::waiting("Undecided")], &Markup::default()))
        @if list.data.is_empty() { (nothing("No dispute waits for a decision.")) }
        @if !list.data.is_empty() { h2 { "What was said" } }
        @for open in &list.data { (one(desk, open, attempt.as_ref())) }
        (turning(desk, &list, |open| &open.dispute.id, &["status"]))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "Disputes", content).refusing(refusal).into()
}

fn one(desk: &Desk, open: &OpenDispute, attempt: Option<&Attempt>) -> Markup {
    let about = match &open.dispute.milestone_id {
        Some(_) => "One milestone",
        None => "The whole order",
    };
    let action = open
        .is_open()
        .then(|| resolving(&open.dispute, format!("{PART}/{}/resolve", open.payment_intent_id), "operator"));
    let below = html! {
        p.quiet {
            @if open.livemode { "Real money" } @else { "Sandbox" } " · payment " code.long { (open.payment_intent_id) } " · merchant " code.long { (open.merchant_id) }
            @if let Some(milestone) = &open.dispute.milestone_id { " · " code.long { (milestone) } }
            " · " a href={ "/pay/" (open.payment_intent_id) } { "What the payer sees" }
        }
        (actions(desk, action.as_slice(), attempt))
    };
    dispute(&open.dispute, about, &open.currency, &below)
}
