//! Every route of the API. One endpoint is one file: what it reads, its handler, its tests.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowMethods, Any, CorsLayer};

use crate::gateway::Gateway;
use crate::wire::OrderName;

mod access;
mod account;
mod auth;
mod body;
mod constant;
mod error;
mod escrow;
mod fields;
mod form;
mod health;
mod idempotency;
mod list;
mod metadata;
mod metrics;
mod milestones;
mod path;
mod payment_intents;
mod request_id;
mod settlements;
mod test_helpers;

pub(crate) use auth::KnownKeys;

/// The versions of the base path; both serve the same.
const BASE_PATHS: [&str; 2] = ["/v1", "/api/v1"];

/// The API of a gateway.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let versions = BASE_PATHS.into_iter().fold(operator_routes(), |router, base| router.nest(base, api_routes()));
    complete(versions, gateway)
}

/// The handler that a benchmark compares the gateway with: `POST /v1/payment-intents` with the same authentication, parsing and
/// answer, but without domain, engine and store.
pub fn constant_router(gateway: Arc<Gateway>) -> Router {
    let answer = Arc::default();
    let create = move |gateway, caller, sent| constant::handle(gateway, caller, sent, answer);
    complete(Router::new().route("/v1/payment-intents", post(create)), gateway)
}

/// Routes with what surrounds every request.
fn complete(routes: Router<Arc<Gateway>>, gateway: Arc<Gateway>) -> Router {
    routes
        .fallback(error::unknown_url)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(cors())
        .layer(from_fn_with_state(gateway.clone(), request_id::envelope))
        .with_state(gateway)
}

/// The route table, below each base path.
fn api_routes() -> Router<Arc<Gateway>> {
    operator_routes()
        .route("/payment-intents", post(payment_intents::create::handle).get(payment_intents::list::handle))
        .route("/payment-intents/{intent}", get(payment_intents::get::handle))
        .route("/payment-intents/{intent}/cancel", post(payment_intents::cancel::handle))
        .merge(order_routes("escrow", OrderName::EscrowOrder))
        .merge(order_routes("conditional-payment", OrderName::ConditionalPayment))
        .route("/settlements", get(settlements::list::handle))
        .route("/settlements/{settlement}", get(settlements::get::handle))
        .route("/account/balance", get(account::balance::handle))
        .route("/payment-intents/account/balance", get(account::balance::handle))
        .route("/account/ledger-entries", get(account::ledger_entries::handle))
        .route("/payment-intents/account/ledger-entries", get(account::ledger_entries::handle))
        .route("/test-helpers/payment-intents/{intent}/fund", post(test_helpers::fund::handle))
}

/// The routes of an intent's order, under one of its names.
fn order_routes(segment: &str, name: OrderName) -> Router<Arc<Gateway>> {
    let order = format!("/payment-intents/{{intent}}/{segment}");
    let milestones = format!("{order}/milestones");
    let milestone = format!("{milestones}/{{milestone}}");
    let show = move |gateway, caller, path| escrow::get::handle(gateway, caller, path, name);
    Router::new()
        .route(&order, get(show))
        .route(&milestones, post(milestones::create::handle).get(milestones::list::handle))
        .route(
            &milestone,
            get(milestones::get::handle).patch(milestones::update::handle).delete(milestones::delete::handle),
        )
        .route(&format!("{milestone}/complete"), post(milestones::complete::handle))
        .route(&format!("{milestone}/release"), post(milestones::release::handle))
}

/// What whoever runs the gateway asks, without a key.
fn operator_routes() -> Router<Arc<Gateway>> {
    Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::handle))
}

/// Open to every origin: keys travel in headers that browsers never send by themselves. The headers of a request are mirrored,
/// because `*` would not cover `Authorization` (Fetch standard, "CORS non-wildcard request-header name").
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([request_id::HEADER, idempotency::REPLAYED, RETRY_AFTER])
}

/// The value of a header that must be text, without the blanks around it; an empty one counts as absent.
fn header_text<'h>(headers: &'h axum::http::HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    headers.get(name).map(|value| value.as_bytes().trim_ascii()).filter(|value| !value.is_empty())
}
