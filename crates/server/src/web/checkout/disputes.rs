//! Disputes: those there are, and raising one.

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::state::OrderStatus;
use escrow::{DisputeStatus, MilestoneStatus};
use evm::Act;
use maud::{Markup, html};

use super::Visit;
use super::act::{self, Action, Weight, perform, template};
use super::progress::is_zero;
use super::sight::{Sight, Stage};
use crate::web::Pages;
use crate::web::form::Form;
use crate::web::parts::{self, disputed, period};
use crate::web::read::{Dispute, Milestone, Order};
use crate::web::refusal::RefusalPage;

/// The disputes, and what can be done about them.
pub(super) fn draw(pages: &Pages, visit: &Visit, sight: &Sight) -> Markup {
    let Some(order) = &sight.order else { return Markup::default() };
    html! {
        @if !order.disputes.is_empty() { h2 { "Disputes" } }
        @for dispute in &order.disputes { (shown(pages, visit, sight, dispute)) }
        @if sight.can_act() && can_be_raised(sight, order) { div.actions { (raising(pages, visit, sight, order)) } }
    }
}

/// Whether there is something that a dispute could be about. What exactly is refused, the API says.
fn can_be_raised(sight: &Sight, order: &Order) -> bool {
    let is_open = match order.order_status {
        OrderStatus::Pending | OrderStatus::Shipped | OrderStatus::Delivered => true,
        OrderStatus::Disputed | OrderStatus::Completed | OrderStatus::Cancelled => false,
    };
    sight.stage() == Stage::Paid && is_open && !is_zero(&order.held_amount)
}

fn shown(pages: &Pages, visit: &Visit, sight: &Sight, dispute: &Dispute) -> Markup {
    let below = html! {
        @if sight.can_act() && dispute.status == DisputeStatus::Raised { div.actions { (submitting(pages, visit, sight, dispute)) } }
    };
    parts::dispute(dispute, &disputed(sight.order.as_ref(), dispute), &sight.intent.currency, &below)
}

fn raising(pages: &Pages, visit: &Visit, sight: &Sight, order: &Order) -> Markup {
    let count = u64::try_from(order.disputes.len()).unwrap_or(u64::MAX);
    let act = Act::Dispute { intent: visit.intent, milestone: None, reason: "", window: None, count };
    let is_any_open = order.disputes.iter().any(|dispute| dispute.status == DisputeStatus::Raised);
    let action = Action {
        id: "raise".to_owned(),
        name: "Something is wrong",
        explained: html! {
            "A dispute freezes the money it is about until somebody decides, for " (period(order.dispute_window.0)) " at most."
        },
        to: format!("{}/dispute", visit.path),
        fields: html! {
            @if !order.milestones.is_empty() {
                label for="milestoneId" { "What is it about?" }
                select #milestoneId name="milestoneId" {
                    @if !is_any_open { option value="" { "The whole order" } }
                    @for milestone in order.milestones.iter().filter(|milestone| is_disputable(milestone)) {
                        option value=(milestone.id) { (milestone.name()) }
                    }
                }
            }
            label for="reason" { "What is wrong?" }
            textarea #reason name="reason" required rows="3" maxlength=(MAX_TEXT_BYTES) {}
        },
        button: "Raise a dispute".to_owned(),
        weight: Weight::Grave,
        typed_data: template(pages, &act),
        fills: "reason milestoneId",
    };
    act::draw(sight, &action)
}

fn is_disputable(milestone: &Milestone) -> bool {
    let is_open = match milestone.status {
        MilestoneStatus::Pending | MilestoneStatus::Completed => true,
        MilestoneStatus::Released | MilestoneStatus::Cancelled => false,
    };
    is_open && !milestone.disputed
}

fn submitting(pages: &Pages, visit: &Visit, sight: &Sight, dispute: &Dispute) -> Markup {
    let act = Act::Evidence { intent: visit.intent, dispute: &dispute.id, text: None, uri: None, hash: None };
    let field = |name: &str| format!("{name}-{}", dispute.id);
    let action = Action {
        id: field("evidence"),
        name: "Add evidence",
        explained: html! { "Everybody who has this link can read it." },
        to: format!("{}/evidence", visit.path),
        fields: html! {
            @if let Some(milestone) = &dispute.milestone_id { input type="hidden" name="milestoneId" value=(milestone); }
            label for=(field("text")) { "What happened?" }
            textarea #(field("text")) name="text" required rows="3" maxlength=(MAX_TEXT_BYTES) {}
            label for=(field("uri")) { "Where is more? " span.quiet { "(optional)" } }
            input #(field("uri")) name="uri" type="url" placeholder="https://…" maxlength=(MAX_TEXT_BYTES);
        },
        button: "Add evidence".to_owned(),
        weight: Weight::Plain,
        typed_data: template(pages, &act),
        fills: "text uri",
    };
    act::draw(sight, &action)
}

/// The payer raises a dispute.
pub(super) async fn raise(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    perform(&pages, &visit, "/dispute", (&form, form.object(&["reason", "milestoneId"]))).await
}

/// The payer says something about a dispute.
pub(super) async fn submit_evidence(
    State(pages): State<Pages>,
    visit: Visit,
    form: Form,
) -> Result<Response, RefusalPage> {
    perform(&pages, &visit, "/dispute/evidence", (&form, form.object(&["text", "uri", "milestoneId"]))).await
}
