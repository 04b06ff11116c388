//! The page of an intent, whole and as what changes of it.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use super::sight::{Payer, Sight, Stage};
use super::{Visit, disputes, held, milestones, pay, progress, returning, summary};
use crate::web::Pages;
use crate::web::api::Refusal;
use crate::web::assets::Asset;
use crate::web::layout::{Page, fragment};
use crate::web::refusal::RefusalPage;

/// What the address ends with right after somebody has paid.
pub(super) const PAYING: &str = "paying";

/// Where a visitor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// From paying here: once the payment is final, they go back to where they were sent from.
    Paying,
    /// From anywhere.
    Other,
}

/// The page.
pub(super) async fn show(
    State(pages): State<Pages>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Result<Page, RefusalPage> {
    let arrival = if query.as_deref() == Some(PAYING) { Arrival::Paying } else { Arrival::Other };
    let sight = visit.look(&pages).await?;
    Ok(page(&pages, &visit, &sight, arrival, None))
}

/// What may have changed on the page.
pub(super) async fn live(State(pages): State<Pages>, visit: Visit) -> Result<Response, RefusalPage> {
    let sight = visit.look(&pages).await?;
    Ok(fragment(main(&pages, &visit, &sight, Arrival::Other, None)))
}

/// The page again, with why what was asked there was not done.
pub(super) async fn refused(pages: &Pages, visit: &Visit, refusal: Refusal) -> Result<Page, RefusalPage> {
    if refusal.status.is_server_error() || refusal.status == StatusCode::TOO_MANY_REQUESTS {
        return Err(refusal.into());
    }
    let sight = visit.look(pages).await?;
    let status = refusal.page_status();
    Ok(Page { status, ..page(pages, visit, &sight, Arrival::Other, Some(&refusal)) })
}

fn page(pages: &Pages, visit: &Visit, sight: &Sight, arrival: Arrival, refusal: Option<&Refusal>) -> Page {
    let title = match sight.stage() {
        Stage::Unpaid => format!("Pay {}", sight.payee),
        Stage::Confirming => format!("Paying {}", sight.payee),
        Stage::Paid | Stage::Over => format!("Paid to {}", sight.payee),
        Stage::Canceled => format!("Canceled: {}", sight.payee),
    };
    Page {
        is_sandbox: !sight.intent.livemode,
        scripts: &[Asset::Checkout],
        ..Page::new(title, main(pages, visit, sight, arrival, refusal))
    }
}

/// All that is on the page. Its parts are replaced one by one as they change; their names stay the same at every stage.
fn main(pages: &Pages, visit: &Visit, sight: &Sight, arrival: Arrival, refusal: Option<&Refusal>) -> Markup {
    let stage = sight.stage();
    html! {
        main #main .checkout .(stage.name()) data-live={ (visit.path) "/live" } data-every=[sight.look_again_ms()]
            data-stage=(stage.name()) data-paying[arrival == Arrival::Paying] {
            div.news {
                @if let Some(refusal) = refusal.filter(|refusal| !is_shown_elsewhere(refusal)) {
                    div.notice.bad #refused role="alert" tabindex="-1" { (refusal.message) }
                }
                div data-part="status" role="status" { (progress::status(sight)) }
                div data-part="back" { (returning::draw(sight)) }
            }
            section.what aria-labelledby="amount" {
                div data-part="summary" { (summary::draw(sight)) }
                div data-part="milestones" { (milestones::draw(pages, visit, sight)) }
            }
            section.how aria-label="Payment" {
                div data-part="phases" { (progress::phases(sight)) }
                div data-part="pay" { (pay::draw(visit, sight, refusal)) }
                div data-part="held" { (held::draw(visit, sight)) }
                div data-part="disputes" { (disputes::draw(pages, visit, sight)) }
                div data-part="payer" { (who(sight)) }
            }
            section.terms-of-payment aria-label="Terms" data-part="terms" { (summary::terms(sight)) }
        }
    }
}

/// Whether a refusal is told by the field that it is about, or by what the intent says of its last payment.
fn is_shown_elsewhere(refusal: &Refusal) -> bool {
    pay::field_of(refusal).is_some() || refusal.code == "payment_failed"
}

/// Who can act here, where it is not plain.
fn who(sight: &Sight) -> Markup {
    let is_paid = sight.stage() == Stage::Paid && sight.order.is_some();
    html! {
        @if is_paid {
            @match sight.payer() {
                Payer::Token => p.quiet { "This browser is known as the payer's. Approving, rejecting and disputing work here alone." },
                Payer::Wallet(address) => p.quiet { "Paid by wallet " code.long { (address) } ", which signs what is done here." },
                Payer::Elsewhere => p.quiet { "Paid by card in another browser. Approving, rejecting and disputing work there." },
                Payer::Simulated => p.quiet { "Paid by the sandbox's simulated payer, for whom the merchant's key acts." },
            }
        }
    }
}
