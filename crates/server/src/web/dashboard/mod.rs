//! The dashboard: what a merchant sees and does with an API key, and the operator's view with an admin key.
//!
//! Whoever signs in gives an API key, which is sealed into a cookie (`session`). Every page asks the API in this process with that key, so that
//! a page shows and does what the key may, and a key that is revoked ends the session. Nothing here reads the store.
//!
//! A handler gets a [`desk::Desk`], from which it asks the API, and gives a [`View`]: a page, or where to go after something was done. What the
//! API refuses is shown by the form that asked, with all that was typed, and else as a page of its own. Forms carry a token of the session,
//! and a key by which the API does what they ask once, however often they are sent.

use axum::Router;
use axum::extract::State;
use axum::response::Redirect;
use axum::routing::get;

use self::desk::{Desk, show, take};
use self::screen::View;
use super::Pages;
use super::api::Refusal;

mod act;
mod balances;
mod chart;
mod clock;
mod create;
mod deliveries;
mod desk;
mod event;
mod field;
mod home;
mod intent;
mod intents;
mod keys;
mod listing;
mod operator;
mod read;
mod refunds;
mod requests;
mod screen;
mod session;
mod settlements;
mod signing;
mod stream;
mod sum;
mod webhooks;
mod words;

/// The pages of the dashboard.
pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route("/dashboard/sign-in", signing::routes())
        .route("/dashboard/sign-out", take(signing::out))
        .route("/dashboard/stream", get(stream::proxy))
        .route("/dashboard", show(home::page))
        .route("/dashboard/intents", show(intents::page))
        .route("/dashboard/intents/new", show(create::page).merge(take(create::create)))
        .route("/dashboard/intents/new/more", take(create::more))
        .route("/dashboard/intents/{intent}", show(intent::page))
        .route("/dashboard/intents/{intent}/deliveries", show(deliveries::of_intent))
        .route("/dashboard/intents/{intent}/{deed}", take(intent::perform))
        .route("/dashboard/intents/{intent}/milestones/{milestone}/{deed}", take(intent::perform))
        .route("/dashboard/events/{event}", show(event::page))
        .route("/dashboard/events/{event}/resend", take(event::resend))
        .route("/dashboard/balances", show(balances::page))
        .route("/dashboard/refunds", show(refunds::page))
        .route("/dashboard/settlements", show(settlements::page))
        .route("/dashboard/settlements/{settlement}", show(settlements::one))
        .route("/dashboard/settlements/{settlement}/{deed}", take(settlements::perform))
        .route("/dashboard/webhooks", show(webhooks::page).merge(take(webhooks::create)))
        .route("/dashboard/webhooks/{endpoint}", show(webhooks::one))
        .route("/dashboard/webhooks/{endpoint}/{deed}", take(webhooks::perform))
        .route("/dashboard/deliveries/{delivery}", show(deliveries::one))
        .route("/dashboard/deliveries/{delivery}/redeliver", take(deliveries::redeliver))
        .route("/dashboard/keys", show(keys::page).merge(take(keys::create)))
        .route("/dashboard/keys/{key}/{deed}", take(keys::perform))
        .route("/dashboard/clock", show(clock::page).merge(take(clock::advance)))
        .route("/dashboard/requests", show(requests::page))
        .route("/dashboard/requests/{request}", show(requests::one))
        .merge(operator::routes())
        .route("/dashboard/{*nothing}", show(nothing))
        .route("/operator/{*nothing}", show(nothing))
        .route("/", get(home))
        .route("/dashboard/", get(home))
        .route("/operator/", get(home))
}

/// Where everything begins: whoever is the operator is led on from there.
async fn home(State(pages): State<Pages>) -> Redirect {
    Redirect::to(&format!("{}/dashboard", pages.base))
}

/// An address that there is no page at.
async fn nothing(_: Desk) -> Result<View, Refusal> {
    Err(desk::nothing_here())
}
