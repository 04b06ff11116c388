//! Disputes: what was said, and what is decided.

use escrow::{DisputeStatus, Resolution};
use maud::{Markup, html};

use super::super::act::{Action, actions};
use super::super::desk::Desk;
use super::super::field::{Attempt, Field};
use super::deeds::to;
use super::sight::Sight;
use crate::web::parts::{self, disputed};
use crate::web::read::Dispute;

/// What deciding takes of a form.
pub(in crate::web::dashboard) const RESOLVING: [&str; 5] =
    ["resolution", "refundAmount", "resolvedBy", "note", "milestoneId"];

pub(super) fn draw(desk: &Desk, sight: &Sight, attempt: Option<&Attempt>) -> Markup {
    let Ok((order, _)) = &sight.order else { return Markup::default() };
    html! {
        @if !order.disputes.is_empty() { h2 { "Disputes" } }
        @for dispute in &order.disputes {
            @let below = actions(desk, &offered(desk, sight, dispute), attempt);
            (parts::dispute(dispute, &disputed(Some(order), dispute), &sight.intent.currency, &below))
        }
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
