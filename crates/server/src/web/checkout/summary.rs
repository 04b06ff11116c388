//! What is paid, to whom and for what, and what will become of the money.

use escrow::ReleaseType;
use maud::{Markup, html};

use super::progress::is_zero;
use super::sight::{Sight, Stage};
use crate::web::parts::{Segment, at_seconds, bar, link, money, period};
use crate::web::read::{Order, Seconds};

/// The amount, whose it becomes, what it is for, and where it is now.
pub(super) fn draw(sight: &Sight) -> Markup {
    let intent = &sight.intent;
    let lead = match sight.stage() {
        Stage::Unpaid | Stage::Confirming => "Pay",
        Stage::Paid | Stage::Over => "Paid to",
        Stage::Canceled => "Canceled payment to",
    };
    html! {
        p.payee { (lead) " " strong { (sight.payee) } }
        h1 #amount { (money(&intent.amount, &intent.currency)) }
        @if let Some(description) = &intent.description { p.description { (description) } }
        @if let Some(order) = sight.order.as_ref().filter(|_| sight.stage() == Stage::Paid || sight.stage() == Stage::Over) {
            (where_it_is(order, &intent.currency))
        }
        @if let Some(card) = intent.card.as_ref().filter(|_| sight.stage() != Stage::Unpaid) {
            p.quiet { "Card: " span.card-brand { (card.brand) } " ending in " (card.last4) }
        }
    }
}

fn where_it_is(order: &Order, currency: &str) -> Markup {
    let segment = |name, class, amount: &str| Segment { name, class, amount: amount.to_owned() };
    let segments = [
        segment("Released", "released", &order.released_amount),
        segment("Held", "held", &order.held_amount),
        segment("Refunded", "refunded", &order.refunded_amount),
    ];
    bar(&segments, currency)
}

/// What happens when.
pub(super) fn terms(sight: &Sight) -> Markup {
    let (payee, stage) = (&sight.payee, sight.stage());
    if matches!(stage, Stage::Over | Stage::Canceled) {
        return Markup::default();
    }
    let Some(order) = &sight.order else {
        return html! { h2 { "What happens when" } p { "The money goes straight to " (payee) ". It is not held in escrow." } };
    };
    html! {
        h2 { "What happens when" }
        dl.terms {
            @if matches!(stage, Stage::Unpaid | Stage::Confirming) {
                div { dt { "When you pay" } dd { "The money is locked in escrow. " (payee) " does not have it yet." } }
            }
            div { dt { (release_when(order)) } dd { (release_what(order, payee)) } }
            @if let Some(shipped) = order.shipped_at { div { dt { "Shipped" } dd { (at_seconds(shipped.0)) (carrier(order)) } } }
            @for proof in &order.delivery_proofs {
                div {
                    dt { "Delivery proven" }
                    dd {
                        "by " (proof.submitted_by) ", " (at_seconds(proof.submitted_at.0))
                        @if let Some(uri) = &proof.proof_uri { br; (link(uri)) }
                        br; code.long { (proof.proof_hash) }
                    }
                }
            }
            div { dt { "If nothing comes" } dd { (if_nothing_comes(order)) } }
            div {
                dt { "If something is wrong" }
                dd { "Raise a dispute: what it is about stays where it is until somebody decides, at most " (period(order.dispute_window.0)) "." }
            }
        }
    }
}

fn carrier(order: &Order) -> Markup {
    html! {
        @if let Some(carrier) = &order.carrier { ", " (carrier) }
        @if let Some(number) = &order.tracking_number { " " code { (number) } }
    }
}

const fn release_when(order: &Order) -> &'static str {
    match order.release_type {
        ReleaseType::MilestoneLocked => "When a milestone is completed",
        ReleaseType::TimeLocked => "When the time comes",
        ReleaseType::DeliveryProof | ReleaseType::AutoRelease => "When the delivery is proven",
    }
}

fn release_what(order: &Order, payee: &str) -> Markup {
    let silence = period(order.approval_period.0);
    let share = match order.release_type {
        ReleaseType::MilestoneLocked => "Its share",
        ReleaseType::TimeLocked | ReleaseType::DeliveryProof | ReleaseType::AutoRelease => "The money",
    };
    html! {
        @if let Some(Seconds(until)) = order.time_lock_until.filter(|_| order.release_type == ReleaseType::TimeLocked) {
            "The money is released to " (payee) " on " (at_seconds(until))
            @if order.require_delivery { ", if it was shipped or proven to be delivered" }
            "."
        } @else if order.require_approval {
            (share) " is released to " (payee) " when you approve, or when you have said nothing for " (silence) "."
        } @else if order.auto_release_on_proof {
            (share) " is released to " (payee) " at once."
        } @else {
            (share) " is released to " (payee) " by hand, or when nobody has objected for " (silence) "."
        }
    }
}

fn if_nothing_comes(order: &Order) -> Markup {
    html! {
        @match (order.delivery_deadline, order.reclaimable_from) {
            (Some(deadline), Some(from)) if !is_zero(&order.held_amount) => {
                "Delivery is due by " (at_seconds(deadline.0)) ". What was not delivered you can take back from " (at_seconds(from.0)) "."
            }
            (_, _) => {
                "Delivery is due " (period(order.delivery_period)) " after you pay. What was not delivered you can take back "
                (period(order.dispute_window.0)) " later."
            }
        }
    }
}
