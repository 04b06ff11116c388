//! Disputes: what was said, and what is decided.

use escrow::{DisputeStatus, Resolution};
use maud::{Markup, html};

use super::super::act::{Action, actions};
use super::super::desk::Desk;
use super::super::field::{Attempt, Field};
use super::super::words::state;
use super::deeds::to;
use super::milestones::name;
use super::sight::Sight;
use crate::web::parts::{at_seconds, link, money};
use crate::web::read::{Dispute, Evidence};

/// What deciding takes of a form.
pub(in crate::web::dashboard) const RESOLVING: [&str; 5] =
    ["resolution", "refundAmount", "resolvedBy", "note", "milestoneId"];

pub(super) fn draw(desk: &Desk, sight: &Sight, attempt: Option<&Attempt>) -> Markup {
    let disputes = sight.order.iter().flat_map(|(order, _)| &order.disputes);
    html! {
        @for (place, dispute) in disputes.enumerate() {
            @if place == 0 { h2 { "Disputes" } }
            (shown(dispute, &about(sight, dispute), &sight.intent.currency, &actions(desk, &offered(desk, sight, dispute), attempt)))
        }
    }
}

fn about(sight: &Sight, dispute: &Dispute) -> String {
    let Some(id) = &dispute.milestone_id else { return "The whole payment".to_owned() };
    let milestones = sight.order.iter().flat_map(|(order, _)| &order.milestones);
    milestones.into_iter().find(|milestone| milestone.id == *id).map_or_else(|| id.clone(), name)
}

/// A dispute with all that was said, and what can be done about it.
pub(in crate::web::dashboard) fn shown(dispute: &Dispute, about: &str, currency: &str, actions: &Markup) -> Markup {
    html! {
        article.dispute {
            h3 { (about) " " (state(match dispute.status { DisputeStatus::Raised => "RAISED", DisputeStatus::Resolved => "RESOLVED" })) }
            p { (dispute.reason) }
            p.quiet { "Raised by " (dispute.raised_by) ", " (at_seconds(dispute.dispute_raised_at.0)) }
            @if let Some(due) = dispute.resolves_at {
                p { (money(&dispute.frozen_amount, currency)) " is frozen. Without a decision it ends by itself, " (at_seconds(due.0)) "." }
            }
            @if let Some(at) = dispute.dispute_resolved_at {
                p {
                    "Decided" @if let Some(by) = &dispute.resolved_by { " by " (by) } ", " (at_seconds(at.0)) ": "
                    (money(dispute.refunded_amount.as_deref().unwrap_or("0.00"), currency)) " goes back, "
                    (money(dispute.released_amount.as_deref().unwrap_or("0.00"), currency)) " is released."
                }
                @if let Some(note) = &dispute.note { p { (note) } }
            }
            @if !dispute.evidence.is_empty() {
                ul.evidence { @for evidence in &dispute.evidence { li { (submitted(evidence)) } } }
            }
            (actions)
        }
    }
}

fn submitted(evidence: &Evidence) -> Markup {
    html! {
        @if let Some(text) = &evidence.text { p { (text) } }
        @if let Some(uri) = &evidence.uri { p { (link(uri)) } }
        @if let Some(hash) = &evidence.hash { p { code.long { (hash) } } }
        p.quiet { (evidence.submitted_by) ", " (at_seconds(evidence.submitted_at.0)) }
    }
}

/// What can be done about all of them.
pub(super) fn available(desk: &Desk, sight: &Sight) -> Vec<Action> {
    let disputes = sight.order.iter().flat_map(|(order, _)| &order.disputes);
    disputes.flat_map(|dispute| offered(desk, sight, dispute)).collect()
}

fn offered(desk: &Desk, sight: &Sight, dispute: &Dispute) -> Vec<Action> {
    if dispute.status != DisputeStatus::Raised {
        return Vec::new();
    }
    let evidence = Action::new(format!("evidence-{}", dispute.id), "Add evidence", to(sight, "evidence"))
        .explained(html! { "The payer and whoever decides read it." })
        .fields([
            Field::text("text", "What happened?").required(),
            Field::line("uri", "Where is more?").placeholder("https://…"),
            Field::line("submittedBy", "Submitted by").value("merchant").required(),
        ]);
    let evidence = of_milestone(evidence, dispute);
    // With real money it is the operator who decides.
    let deciding = desk.is_sandbox().then(|| resolving(dispute, to(sight, "resolve"), "merchant"));
    [Some(evidence), deciding].into_iter().flatten().collect()
}

fn of_milestone(action: Action, dispute: &Dispute) -> Action {
    match &dispute.milestone_id {
        Some(milestone) => action.hidden("milestoneId", milestone),
        None => action,
    }
}

/// Deciding a dispute.
pub(in crate::web::dashboard) fn resolving(dispute: &Dispute, to: String, by: &str) -> Action {
    let rulings = [
        (Resolution::MerchantWon.name(), "The merchant is right: all of it is released"),
        (Resolution::BuyerWon.name(), "The payer is right: all of it goes back"),
        (Resolution::PartialRefund.name(), "In between: a part goes back, the rest is released"),
    ];
    let action = Action::new(format!("resolve-{}", dispute.id), "Decide", to)
        .explained(html! { "What is decided is done at once, and can not be taken back." })
        .button("Decide the dispute")
        .fields([
            Field::choice("resolution", "Who is right?", rulings).required(),
            Field::amount("refundAmount", "What goes back").hint("For what is in between, and only there."),
            Field::text("note", "What there is to say about it"),
            Field::line("resolvedBy", "Decided by").value(by).required(),
        ])
        .grave();
    of_milestone(action, dispute)
}
