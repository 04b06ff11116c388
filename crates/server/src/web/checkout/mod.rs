//! Where payers pay, and where they see and do what comes afterwards: one address, `/pay/{intent}`, for the whole life of an intent.
//!
//! Whoever knows the address sees the page. Whoever paid by card here has the payer's token in a cookie, by which the page acts for them;
//! whoever paid by wallet signs each act, and a form carries the signature. Both go through the API's public routes.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, routing};
use escrow::{IntentId, MilestoneId};

use super::Pages;
use super::api::{Ask, Client, Refusal};
use super::cookie::{self, Cookie, SameSite};
use super::refusal::RefusalPage;

mod act;
mod disputes;
mod held;
mod milestones;
mod page;
mod pay;
mod progress;
mod returning;
mod sight;
mod summary;

/// The cookie that holds the token of whoever paid an intent by card in this browser.
const PAYER: &str = "milepost_payer";

/// By which the API knows the payer.
const PAYER_TOKEN: HeaderName = HeaderName::from_static("payer-token");

/// The pages of the checkout.
pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route("/pay/{intent}", routing::get(page::show))
        .route("/pay/{intent}/live", routing::get(page::live))
        .route("/pay/{intent}/card", routing::post(pay::by_card))
        .route("/pay/{intent}/simulated", routing::post(pay::simulated))
        .route("/pay/{intent}/confirm", routing::post(pay::by_wallet))
        .route("/pay/{intent}/milestones/{milestone}/approve", routing::post(milestones::approve))
        .route("/pay/{intent}/milestones/{milestone}/reject", routing::post(milestones::reject))
        .route("/pay/{intent}/dispute", routing::post(disputes::raise))
        .route("/pay/{intent}/evidence", routing::post(disputes::submit_evidence))
        .route("/pay/{intent}/release", routing::post(held::release))
        .route("/pay/{intent}/reclaim", routing::post(held::reclaim))
        .route("/pay/{intent}/", routing::get(|visit: Visit| async move { visit.done() }))
        .route("/pay/{intent}/{*nothing}", routing::get(nowhere))
        .route("/pay", routing::get(nowhere))
        .route("/pay/", routing::get(nowhere))
}

/// Somebody at a page of an intent.
struct Visit {
    client: Client,
    intent: IntentId,
    /// Where its page is.
    path: String,
    milestone: Option<MilestoneId>,
    /// What the browser has of whoever paid.
    token: Option<String>,
}

impl FromRequestParts<Pages> for Visit {
    type Rejection = RefusalPage;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Visit, RefusalPage> {
        let named = RawPathParams::from_request_parts(parts, pages).await.map_err(|_| nothing_here())?;
        let (mut intent, mut milestone) = (None, None);
        for (name, value) in &named {
            match name {
                "intent" => intent = Some(value.parse().map_err(|_| nothing_here())?),
                "milestone" => milestone = Some(value.parse().map_err(|_| nothing_here())?),
                _ => {}
            }
        }
        let client = match Client::from_request_parts(parts, pages).await {
            Ok(client) => client,
            Err(never) => match never {},
        };
        let token = cookie::sent(parts, PAYER).next().map(str::to_owned);
        let intent: IntentId = intent.ok_or_else(nothing_here)?;
        Ok(Visit { client, intent, path: format!("{}/pay/{intent}", pages.base), milestone, token })
    }
}

/// An address that there is no page at.
async fn nowhere() -> RefusalPage {
    nothing_here().into()
}

fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "resource_missing", "There is no payment at this address. Check the link.")
}

impl Visit {
    /// Where the API has what is the payer's.
    fn public(&self, below: &str) -> String {
        format!("/payment-intents/public/{}{below}", self.intent)
    }

    /// The same request as whoever paid by card, where the browser knows the token.
    fn as_payer(&self, ask: Ask) -> Ask {
        match self.token.as_deref().and_then(|token| token.parse().ok()) {
            Some(token) => ask.by(PAYER_TOKEN, token),
            None => ask,
        }
    }

    /// What keeps a payer's token, below this page alone. It is sent when somebody follows a link here from the shop or a mail, so
    /// that they are known on arrival, and never with a form of another site.
    fn cookie(&self, pages: &Pages) -> Cookie<'_> {
        let is_secure = pages.gateway.settings.public_url.starts_with("https:");
        Cookie { name: PAYER, path: &self.path, is_secure, same_site: SameSite::Lax }
    }

    /// Shows the page again, with what was done on it.
    fn done(&self) -> Response {
        Redirect::to(&self.path).into_response()
    }
}
