//! The milestones as the steps that the money goes through, and what their payer does with one that was completed.

use axum::extract::State;
use axum::response::Response;
use escrow::MilestoneStatus;
use escrow::limits::MAX_TEXT_BYTES;
use evm::Act;
use maud::{Markup, html};
use serde_json::Value;

use super::act::{self, Action, Weight, perform, template};
use super::progress::amount;
use super::sight::{Sight, Stage};
use super::{Visit, nothing_here};
use crate::web::Pages;
use crate::web::form::Form;
use crate::web::parts::{Mark, Step, at_seconds, link, money, track};
use crate::web::read::{Milestone, Order};
use crate::web::refusal::RefusalPage;

/// The field that says which completion of a milestone is meant.
const ATTEMPT: &str = "completionAttempt";

/// The milestones, where the order has any.
pub(super) fn draw(pages: &Pages, visit: &Visit, sight: &Sight) -> Markup {
    let Some(order) = sight.order.as_ref().filter(|order| !order.milestones.is_empty()) else {
        return Markup::default();
    };
    let steps: Vec<Step> =
        order.milestones.iter().map(|milestone| step(pages, visit, sight, (order, milestone))).collect();
    html! { h2 { "Milestones" } (track(&steps)) }
}

fn step(pages: &Pages, visit: &Visit, sight: &Sight, (order, milestone): (&Order, &Milestone)) -> Step {
    let is_paid = sight.stage() == Stage::Paid;
    let (mark, state) = match milestone.status {
        _ if milestone.disputed => (Mark::Stopped, html! { "Disputed: waits for a decision" }),
        MilestoneStatus::Pending => match (milestone.rejected_at, is_paid) {
            (Some(rejected), _) => (Mark::Waiting, html! { "Sent back, " (at_seconds(rejected.0)) }),
            (None, true) => (Mark::Now, html! { "Not completed yet" }),
            (None, false) => (Mark::Ahead, html! { "After the payment" }),
        },
        MilestoneStatus::Completed => (Mark::Waiting, completed(order, milestone)),
        MilestoneStatus::Released => {
            (Mark::Done, html! { "Released" @if let Some(at) = milestone.released_at { ", " (at_seconds(at.0)) } })
        }
        MilestoneStatus::Cancelled => (Mark::Gone, html! { "Canceled" }),
    };
    Step {
        mark,
        title: milestone.name(),
        aside: money(&milestone.amount, &sight.intent.currency),
        state,
        more: html! {
            (told(sight, milestone))
            @if sight.can_act() && milestone.approval.is_some() {
                div.actions { (approval(visit, sight, milestone)) (rejection(pages, visit, sight, milestone)) }
            }
        },
    }
}

fn completed(order: &Order, milestone: &Milestone) -> Markup {
    match (milestone.approved_at, milestone.completed_at) {
        (Some(at), _) => html! { "Approved, " (at_seconds(at.0)) },
        (None, Some(at)) if milestone.approval.is_some() => html! {
            @if milestone.requires_approval { "Waits for you" } @else { "Completed" }
            ": released by itself " (at_seconds(at.0.saturating_add(order.approval_period.0)))
        },
        (None, Some(at)) => html! { "Completed, " (at_seconds(at.0)) },
        (None, None) => html! { "Completed" },
    }
}

/// What was said about it.
fn told(sight: &Sight, milestone: &Milestone) -> Markup {
    html! {
        dl.told {
            @if let Some(by) = &milestone.completed_by {
                div { dt { "Completed by" } dd { (by) @if let Some(at) = milestone.completed_at { ", " (at_seconds(at.0)) } } }
            }
            @if let Some(proof) = &milestone.completion_proof { div { dt { "Proof" } dd { (link(proof)) } } }
            @if let Some(uri) = &milestone.completion_proof_uri { div { dt { "Proof at" } dd { (link(uri)) } } }
            @if let Some(by) = &milestone.approved_by { div { dt { "Approved by" } dd { (by) } } }
            @if let Some(reason) = &milestone.rejection_reason { div { dt { "Sent back because" } dd { (reason) } } }
            @if let Some(refunded) = &milestone.refunded_amount {
                div { dt { "Given back" } dd { (money(refunded, &sight.intent.currency)) } }
            }
        }
    }
}

fn approval(visit: &Visit, sight: &Sight, milestone: &Milestone) -> Markup {
    let action = Action {
        id: format!("approve-{}", milestone.id),
        name: "Approve",
        explained: html! {
            (amount(sight, &milestone.amount)) " goes to " (sight.payee) " as soon as the milestones before it have ended. This cannot be undone."
        },
        to: format!("{}/milestones/{}/approve", visit.path, milestone.id),
        fields: attempt(milestone),
        button: format!("Approve and release {}", amount(sight, &milestone.amount)),
        weight: Weight::Main,
        typed_data: milestone.approval.as_ref().map(|approval| approval.typed_data_v4.get().to_owned()),
        fills: "",
    };
    act::draw(sight, &action)
}

fn rejection(pages: &Pages, visit: &Visit, sight: &Sight, milestone: &Milestone) -> Markup {
    let act = milestone.id.parse().ok().map(|id| Act::Rejection {
        intent: visit.intent,
        milestone: id,
        attempt: u64::from(milestone.completion_attempt),
        reason: "",
    });
    let id = format!("reason-{}", milestone.id);
    let action = Action {
        id: format!("reject-{}", milestone.id),
        name: "Send back",
        explained: html! { "It has to be completed again. The money stays in escrow. " (sight.payee) " reads why." },
        to: format!("{}/milestones/{}/reject", visit.path, milestone.id),
        fields: html! {
            (attempt(milestone))
            label for=(id) { "What is missing?" }
            textarea #(id) name="reason" required rows="3" maxlength=(MAX_TEXT_BYTES) {}
        },
        button: "Send back".to_owned(),
        weight: Weight::Grave,
        typed_data: act.and_then(|act| template(pages, &act)),
        fills: "reason",
    };
    act::draw(sight, &action)
}

/// Which completion is meant: nothing is done about another one that came meanwhile.
fn attempt(milestone: &Milestone) -> Markup {
    html! { input type="hidden" name=(ATTEMPT) value=(milestone.completion_attempt); }
}

/// The payer accepts a completed milestone.
pub(super) async fn approve(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    decide(&pages, &visit, &form, ("approve", &[])).await
}

/// The payer sends a completed milestone back.
pub(super) async fn reject(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    decide(&pages, &visit, &form, ("reject", &["reason"])).await
}

async fn decide(
    pages: &Pages,
    visit: &Visit,
    form: &Form,
    (deed, names): (&str, &[&str]),
) -> Result<Response, RefusalPage> {
    let milestone = visit.milestone.ok_or_else(nothing_here)?;
    let mut body = form.object(names);
    // A form has texts alone. What is no number is handed on as it is, for the API to say so.
    if let Some(text) = form.text(ATTEMPT) {
        body.insert(ATTEMPT.to_owned(), text.parse::<u32>().map_or_else(|_| text.into(), Value::from));
    }
    perform(pages, visit, &format!("/milestones/{milestone}/{deed}"), (form, body)).await
}
