//! All that is held: its payer releases it after a delivery, or takes it back when nothing came.

use axum::extract::State;
use axum::response::Response;
use escrow::refund::RefundStatus;
use maud::{Markup, html};

use super::Visit;
use super::act::{self, Action, Weight, perform};
use super::progress::amount;
use super::sight::Sight;
use crate::web::Pages;
use crate::web::form::Form;
use crate::web::parts::{Tone, at, badge, money};
use crate::web::read::{Order, Refund, Signable};
use crate::web::refusal::RefusalPage;

/// What can be done with it now, and what goes back.
pub(super) fn draw(visit: &Visit, sight: &Sight) -> Markup {
    let Some(order) = &sight.order else { return Markup::default() };
    html! {
        @if sight.can_act() { (actions(visit, sight, order)) }
        @if !order.refunds.is_empty() {
            h2 { "Money back" }
            ul.refunds { @for refund in &order.refunds { li { (shown(sight, refund)) } } }
        }
    }
}

fn shown(sight: &Sight, refund: &Refund) -> Markup {
    let (tone, word) = match refund.status {
        RefundStatus::Pending => (Tone::Busy, "On its way"),
        RefundStatus::Succeeded => (Tone::Good, "Arrived"),
        RefundStatus::Failed => (Tone::Bad, "Refused"),
    };
    html! {
        div.step { (money(&refund.amount, &sight.intent.currency)) (badge(tone, word)) }
        div.quiet { (at(&refund.created_at)) @if let Some(reason) = &refund.reason { ": " (reason) } }
    }
}

fn actions(visit: &Visit, sight: &Sight, order: &Order) -> Markup {
    let held = amount(sight, &order.held_amount);
    let signed = |signable: &Signable| Some(signable.typed_data_v4.get().to_owned());
    html! {
        div.actions {
            @if let Some(release) = &order.release {
                (act::draw(sight, &Action {
                    id: "release".to_owned(),
                    name: "Release the money",
                    explained: html! { (held) " goes to " (sight.payee) ". This cannot be undone." },
                    to: format!("{}/release", visit.path),
                    fields: Markup::default(),
                    button: format!("Release {held}"),
                    weight: Weight::Main,
                    typed_data: signed(release),
                    fills: "",
                }))
            }
            @if let Some(reclaim) = &order.reclaim {
                (act::draw(sight, &Action {
                    id: "reclaim".to_owned(),
                    name: "Take back the money",
                    explained: html! {
                        "It was not delivered in time. What is held goes back to you, but for the shares of milestones that were completed, \
                         sent back or disputed."
                    },
                    to: format!("{}/reclaim", visit.path),
                    fields: Markup::default(),
                    button: "Take back what was not delivered".to_owned(),
                    weight: Weight::Grave,
                    typed_data: signed(reclaim),
                    fills: "",
                }))
            }
        }
    }
}

/// The payer releases what is held.
pub(super) async fn release(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    perform(&pages, &visit, "/release", (&form, form.object(&[]))).await
}

/// The payer takes back what was not delivered.
pub(super) async fn reclaim(State(pages): State<Pages>, visit: Visit, form: Form) -> Result<Response, RefusalPage> {
    perform(&pages, &visit, "/reclaim", (&form, form.object(&[]))).await
}
