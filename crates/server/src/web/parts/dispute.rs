//! A dispute, as everybody sees it who may see the payment.

use escrow::DisputeStatus;
use maud::{Markup, html};

use super::{Tone, at_seconds, badge, link, money};
use crate::web::read::{Dispute, Evidence, Order};

/// What a dispute of an order is about.
pub(in crate::web) fn disputed(order: Option<&Order>, dispute: &Dispute) -> String {
    let Some(id) = &dispute.milestone_id else { return "The whole order".to_owned() };
    let mut milestones = order.into_iter().flat_map(|order| &order.milestones);
    milestones.find(|milestone| milestone.id == *id).map_or_else(|| id.clone(), |milestone| milestone.name())
}

/// A dispute with all that was said, and below it what can be done about it.
pub(in crate::web) fn dispute(dispute: &Dispute, about: &str, currency: &str, below: &Markup) -> Markup {
    let (tone, word) = match dispute.status {
        DisputeStatus::Raised => (Tone::Warn, "Open"),
        DisputeStatus::Resolved => (Tone::Plain, "Decided"),
    };
    html! {
        article.dispute {
            h3 { (about) " " (badge(tone, word)) }
            p { (dispute.reason) }
            p.quiet { "Raised by " (dispute.raised_by) ", " (at_seconds(dispute.dispute_raised_at.0)) }
            @if let Some(due) = dispute.resolves_at {
                p { (money(&dispute.frozen_amount, currency)) " waits for the decision, which comes by itself " (at_seconds(due.0)) " at the latest." }
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
            (below)
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
