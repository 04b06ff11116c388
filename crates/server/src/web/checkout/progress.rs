//! How far the money is: in one sentence, and by phases.

use escrow::settlement::SettlementStatus;
use maud::{Markup, html};

use super::sight::{Sight, Stage};
use crate::web::parts::{Mark, Step, Tone, at_seconds, grouped, money, track};
use crate::web::read::{Order, Phase, PhaseName, PhaseStatus};

/// What is known now, as it is read out when it changes.
pub(super) fn status(sight: &Sight) -> Markup {
    let intent = &sight.intent;
    let (tone, told) = match sight.stage() {
        Stage::Unpaid => match &intent.failure_reason {
            Some(reason) => (
                Tone::Bad,
                html! { strong { "The payment failed: " (reason) "." } " No money was taken. You can pay again." },
            ),
            None => return Markup::default(),
        },
        Stage::Confirming => {
            (Tone::Busy, html! { strong { "Your payment is being confirmed." } " This page follows it by itself." })
        }
        Stage::Paid => (Tone::Good, paid(sight)),
        Stage::Over => (Tone::Good, html! { strong { "All done." } " Everything was paid out or has gone back." }),
        Stage::Canceled => (Tone::Plain, canceled(sight)),
    };
    html! { div.notice .(tone.class()) { (told) } }
}

fn paid(sight: &Sight) -> Markup {
    match &sight.order {
        Some(order) if !is_zero(&order.held_amount) => html! {
            strong { "Paid." } " " (money(&order.held_amount, &sight.intent.currency)) " is held in escrow."
        },
        Some(_) => html! { strong { "Paid." } " Nothing is held in escrow any more." },
        None => html! { strong { "Paid." } " The money is on its way to " (sight.payee) "." },
    }
}

fn canceled(sight: &Sight) -> Markup {
    let returned = sight.order.as_ref().map(|order| order.refunded_amount.as_str()).filter(|amount| !is_zero(amount));
    html! {
        strong { "This payment was canceled." }
        @match returned {
            Some(amount) => { " " (money(amount, &sight.intent.currency)) " goes back to the payer." }
            None => " Nothing can be paid here any more, and no money is held.",
        }
    }
}

/// Whether decimal text is nothing.
pub(super) fn is_zero(amount: &str) -> bool {
    !amount.bytes().any(|byte| matches!(byte, b'1'..=b'9'))
}

/// The stretches of the way, those ahead as well.
pub(super) fn phases(sight: &Sight) -> Markup {
    match sight.stage() {
        Stage::Unpaid | Stage::Canceled => return Markup::default(),
        Stage::Confirming | Stage::Paid | Stage::Over => {}
    }
    let steps: Vec<Step> = expected(sight).into_iter().map(|name| step(sight, name)).collect();
    html! { h2 { "Progress" } (track(&steps)) }
}

/// The stretches of this intent, in their order.
fn expected(sight: &Sight) -> Vec<PhaseName> {
    use PhaseName::{AwaitingDeliveryProof, BlockchainConfirmation, EscrowLocked, Settlement, SignatureVerification};
    let has_phase = |name| sight.intent.phases.iter().any(|phase| phase.phase == name);
    let mut names = Vec::new();
    if has_phase(SignatureVerification) {
        names.push(SignatureVerification);
    }
    names.push(BlockchainConfirmation);
    if sight.order.is_some() {
        names.extend([EscrowLocked, AwaitingDeliveryProof]);
    }
    names.push(Settlement);
    names
}

fn step(sight: &Sight, name: PhaseName) -> Step {
    let phase = sight.intent.phases.iter().find(|phase| phase.phase == name);
    let mark = match phase.map(|phase| phase.status) {
        None => Mark::Ahead,
        Some(PhaseStatus::InProgress) => Mark::Now,
        Some(PhaseStatus::Completed) => Mark::Done,
        Some(PhaseStatus::Failed) => Mark::Stopped,
    };
    Step {
        mark,
        title: title(name, sight.order.as_ref()).to_owned(),
        aside: Markup::default(),
        state: state(phase),
        more: if name == PhaseName::Settlement { payouts(sight) } else { Markup::default() },
    }
}

/// What was paid out so far, share by share.
fn payouts(sight: &Sight) -> Markup {
    let settlements = sight.order.iter().flat_map(|order| &order.settlements);
    html! {
        dl.told {
            @for settlement in settlements {
                div { dt { (payout(settlement.status)) } dd { (money(&settlement.amount, &sight.intent.currency)) } }
            }
        }
    }
}

const fn payout(status: SettlementStatus) -> &'static str {
    match status {
        SettlementStatus::Scheduled => "Scheduled",
        SettlementStatus::Executed => "On its way",
        SettlementStatus::Confirmed => "Arrived",
        SettlementStatus::Failed | SettlementStatus::Returned => "Did not arrive",
        SettlementStatus::Cancelled => "Canceled",
    }
}

const fn title(name: PhaseName, order: Option<&Order>) -> &'static str {
    match name {
        PhaseName::SignatureVerification => "Signature checked",
        PhaseName::BlockchainConfirmation => "Payment confirmed",
        PhaseName::EscrowLocked => "Money locked in escrow",
        PhaseName::AwaitingDeliveryProof => match order {
            Some(order) if !order.milestones.is_empty() => "Milestones completed",
            Some(_) | None => "Delivery",
        },
        PhaseName::Settlement => "Paid out to the payee",
    }
}

fn state(phase: Option<&Phase>) -> Markup {
    let Some(phase) = phase else { return html! { "Later" } };
    match phase.status {
        PhaseStatus::InProgress => html! { "Under way" },
        PhaseStatus::Completed => html! { (at_seconds(phase.timestamp)) },
        PhaseStatus::Failed => html! { "Failed, " (at_seconds(phase.timestamp)) },
    }
}

/// An amount in running text.
pub(super) fn amount(sight: &Sight, amount: &str) -> String {
    format!("{}\u{a0}{}", grouped(amount), sight.intent.currency)
}
