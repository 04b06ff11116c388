//! `/dashboard/intents/{intent}`: one payment as a picture of its money, and what can be done about it.

use maud::{Markup, html};

use super::desk::Desk;
use super::field::Attempt;
use super::intents::PART;
use super::listing::facts;
use super::screen::{Screen, View};
use super::words::{state, words};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::{at_seconds, link, money};

mod bar;
mod deeds;
mod disputes;
mod history;
mod milestones;
mod sight;

use self::sight::Sight;

pub(super) use self::disputes::{RESOLVING, resolving};
pub(super) use self::history::ledger;

/// The page.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    let sight = Sight::look(&desk).await?;
    draw(&desk, &sight, None).into()
}

/// Does one of the deeds, and shows the page with it; or with what was refused, and all that was typed.
pub(super) async fn perform(desk: Desk, form: Form) -> Result<View, Refusal> {
    let intent = desk.param("intent");
    match deeds::ask(&desk, &form).await {
        Ok(()) => Ok(View::Go(format!("{PART}/{intent}"))),
        Err(refusal) => {
            let Ok(sight) = Sight::look(&desk).await else { return Err(refusal) };
            let attempt = Attempt::new(form, refusal);
            draw(&desk, &sight, Some(&attempt)).into()
        }
    }
}

fn draw(desk: &Desk, sight: &Sight, attempt: Option<&Attempt>) -> Screen {
    let intent = &sight.intent;
    let content = html! {
        @if let Some(refusal) = attempt.and_then(|attempt| attempt.refusal.as_ref()) {
            @if !deeds::is_shown(desk, sight, attempt) { (super::screen::notice(refusal)) }
        }
        @if let Some(reason) = &intent.failure_reason { div.notice.warn { (reason) } }
        section aria-label="Money" data-part="money" {
            p.amount { (money(&intent.amount, &intent.currency)) }
            @if let Some(description) = &intent.description { p.description { (description) } }
            (bar::draw(sight))
        }
        @if let Err(refusal) = &sight.order {
            @if sight.has_escrow() { p.quiet { (refusal.message) } }
        }
        div.columns {
            div {
                div data-part="milestones" { (milestones::draw(desk, sight, attempt)) }
                div data-part="disputes" { (disputes::draw(desk, sight, attempt)) }
                div data-part="deeds" { (deeds::draw(desk, sight, attempt)) }
            }
            div data-part="about" {
                h2 { "About it" }
                (about(sight))
                (history::refunds(sight))
            }
        }
        div data-part="timeline" { (history::timeline(sight)) }
        div data-part="ledger" { (history::entries(sight)) }
    };
    let aside = html! { (state(intent.status.name())) " " @if sight.is_disputed() { (state("DISPUTED")) } };
    let refusal = attempt.and_then(|attempt| attempt.refusal.as_ref());
    let title = format!("Payment {}", short(&intent.id));
    Screen::new(PART, title, content).aside(aside).in_parts().refusing(refusal)
}

/// As much of an id as tells it from its neighbours: ids begin with the time.
fn short(id: &str) -> String {
    let kept = id.char_indices().rev().nth(7).map_or(0, |(place, _)| place);
    format!("…{}", id.get(kept..).unwrap_or_default())
}

fn about(sight: &Sight) -> Markup {
    let intent = &sight.intent;
    let mut told: Vec<(&str, Markup)> = vec![
        ("Payment link", html! { a href=(intent.payment_url) target="_blank" { (intent.payment_url) } }),
        ("Id", html! { code.long { (intent.id) } }),
        ("Created", at_seconds(intent.created)),
        ("Kind", html! { (words(intent.payment_type.name())) }),
        ("Paid out", html! { (words(&intent.settlement_method)) ", to " (intent.settlement_destination) }),
        ("Fee", money(&intent.estimated_fee, &intent.currency)),
    ];
    if let Ok((order, _)) = &sight.order {
        told.push(("Released by", html! { (words(order.release_type.name())) }));
        told.extend(order.delivery_deadline.map(|at| ("Delivery due", at_seconds(at.0))));
        told.extend(order.shipped_at.map(|at| ("Shipped", at_seconds(at.0))));
        for proof in &order.delivery_proofs {
            let told_of_it = html! {
                "by " (proof.submitted_by) ", " (at_seconds(proof.submitted_at.0))
                @if let Some(uri) = &proof.proof_uri { br; (link(uri)) }
                br; code.long { (proof.proof_hash) }
            };
            told.push(("Delivery proven", told_of_it));
        }
    }
    if let Some(card) = &intent.card {
        told.push(("Paid by", html! { (card.brand) " card ending in " (card.last4) }));
    } else if let Some(signer) = &intent.signer_address {
        told.push(("Paid by wallet", html! { code.long { (signer) } }));
    }
    told.extend(intent.transaction_hash.as_ref().map(|hash| ("Transaction", html! { code.long { (hash) } })));
    for (name, value) in intent.metadata.iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        told.push(("Metadata", html! { code { (name) } ": " (text) }));
    }
    facts(&told)
}
