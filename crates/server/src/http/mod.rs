//! Every route of the API. One endpoint is one file: what it reads, its handler, its tests.

use std::future::Future;
use std::sync::Arc;

use ::escrow::Span;
use axum::Router;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::middleware::from_fn_with_state;
use engine::Host;
use store::Area;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use self::routes::Access::{Anyone, Merchant, MerchantOrOperator, Operator, OperatorOrSandbox, Payer, Sandbox};
use self::routes::Table;
use crate::gateway::{Gateway, Origins};
use crate::wire::OrderName;

mod access;
mod account;
mod acts;
mod admin;
mod api_keys;
mod auth;
mod body;
mod card;
mod constant;
mod disputes;
mod error;
mod escrow;
mod events;
mod fields;
mod form;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod health;
mod idempotency;
mod list;
pub(crate) mod mask;
mod metadata;
mod metrics;
mod milestones;
mod notes;
mod openapi;
mod path;
mod payer;
mod payment_intents;
mod peer;
mod public;
mod rate_limit;
mod refunds;
mod request_id;
mod requests;
mod routes;
mod settlements;
mod test_helpers;
mod webhook_deliveries;
mod webhook_endpoints;

pub(crate) use auth::KnownKeys;
pub(crate) use error::{INVALID_KEY, beginning, in_words};
pub use openapi::{ExampleRequest, description_value as description, example_requests};
pub use peer::Peer;
pub use routes::{Access, Route};

/// The versions of the base path; both serve the same.
pub const BASE_PATHS: [&str; 2] = ["/v1", "/api/v1"];

/// The API of a gateway.
pub fn router(gateway: Arc<Gateway>) -> Router {
    let versions = BASE_PATHS
        .into_iter()
        .fold(probes().router(&gateway), |router, base| router.nest(base, api().router(&gateway)));
    complete(versions, gateway)
}

/// The measures alone, for a port of their own.
pub fn metrics_router(gateway: Arc<Gateway>) -> Router {
    Router::new().route("/metrics", axum::routing::get(metrics::show)).with_state(gateway)
}

/// Every route below the base paths, in the order of the table. The probes among them answer without a base path as well.
#[must_use]
pub fn routes() -> Vec<Route> {
    api().routes()
}

/// The handler that a benchmark compares the gateway with: `POST /v1/payment-intents` with the same authentication, parsing and
/// answer, but without domain, engine and store.
pub fn constant_router(gateway: Arc<Gateway>) -> Router {
    let answer = Arc::default();
    let create = move |gateway, caller, sent| constant::handle(gateway, caller, sent, answer);
    complete(
        Table::default().post("/v1/payment-intents", Merchant, create, payment_intents::create::doc).router(&gateway),
        gateway,
    )
}

/// Routes with what surrounds every request.
fn complete(routes: Router<Arc<Gateway>>, gateway: Arc<Gateway>) -> Router {
    let routes = routes
        .fallback(error::unknown_url)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(CatchPanicLayer::custom(error::panicked));
    let routes = match cors(&gateway.settings.origins) {
        Some(cors) => routes.layer(cors),
        None => routes,
    };
    routes.layer(from_fn_with_state(gateway.clone(), request_id::envelope)).with_state(gateway)
}

/// The route table, below each base path: where, who may call it, and what answers. Routes stand under the part of the API that a
/// key can be limited to.
fn api() -> Table {
    probes()
        .merge(payment_intents())
        .merge(public())
        .merge(order("/payment-intents/{intent}/escrow", OrderName::EscrowOrder))
        .merge(order("/payment-intents/{intent}/conditional-payment", OrderName::ConditionalPayment))
        .merge(settlements())
        .merge(refunds())
        .merge(account())
        .merge(api_keys())
        .merge(events())
        .merge(webhooks())
        .merge(requests())
        .merge(admin())
        .merge(test_helpers())
}

fn payment_intents() -> Table {
    Table::of(Area::PaymentIntents)
        .post("/payment-intents", Merchant, payment_intents::create::handle, payment_intents::create::doc)
        .get("/payment-intents", Merchant, payment_intents::list::handle, payment_intents::list::doc)
        .get("/payment-intents/{intent}", Merchant, payment_intents::get::handle, payment_intents::get::doc)
        .post(
            "/payment-intents/{intent}/confirm",
            Merchant,
            payment_intents::confirm::handle,
            payment_intents::confirm::doc,
        )
        .post(
            "/payment-intents/{intent}/cancel",
            Merchant,
            payment_intents::cancel::handle,
            payment_intents::cancel::doc,
        )
}

/// What payers call, who have no key.
fn public() -> Table {
    Table::default()
        .get("/payment-intents/public/{intent}", Anyone, public::get::handle, public::get::doc)
        .get("/payment-intents/public/{intent}/escrow", Anyone, public::escrow::handle, public::escrow::doc)
        .post(
            "/payment-intents/public/{intent}/transaction-hash",
            Anyone,
            public::transaction_hash::handle,
            public::transaction_hash::doc,
        )
        .post("/payment-intents/public/{intent}/confirm", Payer, public::confirm::handle, public::confirm::doc)
        .post("/payment-intents/public/{intent}/payment", Payer, public::payment::handle, public::payment::doc)
        .post("/payment-intents/public/{intent}/dispute", Payer, public::dispute::handle, public::dispute::doc)
        .post(
            "/payment-intents/public/{intent}/dispute/evidence",
            Payer,
            public::evidence::handle,
            public::evidence::doc,
        )
        .post("/payment-intents/public/{intent}/reclaim", Payer, public::reclaim::handle, public::reclaim::doc)
        .post("/payment-intents/public/{intent}/release", Payer, public::release::handle, public::release::doc)
        .post(
            "/payment-intents/public/{intent}/milestones/{milestone}/approve",
            Payer,
            public::approve::handle,
            public::approve::doc,
        )
        .post(
            "/payment-intents/public/{intent}/milestones/{milestone}/reject",
            Payer,
            public::reject::handle,
            public::reject::doc,
        )
}

/// The routes of an intent's order, under one of its names.
fn order(at: &str, name: OrderName) -> Table {
    let show = move |gateway, caller, path| escrow::get::handle(gateway, caller, path, name);
    let ship = move |gateway, caller, path, sent| escrow::ship::handle(gateway, caller, path, sent, name);
    let release = move |gateway, caller, path, sent| escrow::release::handle(gateway, caller, path, sent, name);
    Table::of(Area::Escrow)
        .get(at, Merchant, show, escrow::get::doc)
        .post(format!("{at}/delivery-proof"), Merchant, escrow::delivery_proof::handle, escrow::delivery_proof::doc)
        .post(format!("{at}/ship"), Merchant, ship, escrow::ship::doc)
        .post(format!("{at}/release"), Merchant, release, escrow::release::doc)
        .post(format!("{at}/reclaim"), Merchant, escrow::reclaim::handle, escrow::reclaim::doc)
        .merge(disputes(at))
        .post(format!("{at}/milestones"), Merchant, milestones::create::handle, milestones::create::doc)
        .get(format!("{at}/milestones"), Merchant, milestones::list::handle, milestones::list::doc)
        .get(format!("{at}/milestones/{{milestone}}"), Merchant, milestones::get::handle, milestones::get::doc)
        .patch(format!("{at}/milestones/{{milestone}}"), Merchant, milestones::update::handle, milestones::update::doc)
        .delete(format!("{at}/milestones/{{milestone}}"), Merchant, milestones::delete::handle, milestones::delete::doc)
        .post(
            format!("{at}/milestones/{{milestone}}/complete"),
            Merchant,
            milestones::complete::handle,
            milestones::complete::doc,
        )
        .post(
            format!("{at}/milestones/{{milestone}}/approve"),
            Merchant,
            milestones::approve::handle,
            milestones::approve::doc,
        )
        .post(
            format!("{at}/milestones/{{milestone}}/reject"),
            Merchant,
            milestones::reject::handle,
            milestones::reject::doc,
        )
        .post(
            format!("{at}/milestones/{{milestone}}/release"),
            Merchant,
            milestones::release::handle,
            milestones::release::doc,
        )
}

fn disputes(at: &str) -> Table {
    Table::of(Area::Disputes)
        .post(format!("{at}/dispute"), Merchant, disputes::raise::handle, disputes::raise::doc)
        .post(format!("{at}/dispute/evidence"), Merchant, disputes::evidence::handle, disputes::evidence::doc)
        .post(format!("{at}/dispute/resolve"), OperatorOrSandbox, disputes::resolve::handle, disputes::resolve::doc)
        .get(format!("{at}/disputes"), Merchant, disputes::list::handle, disputes::list::doc)
}

fn settlements() -> Table {
    Table::of(Area::Settlements)
        .get("/settlements", Merchant, settlements::list::handle, settlements::list::doc)
        .get("/settlements/{settlement}", Merchant, settlements::get::handle, settlements::get::doc)
        .post("/settlements/{settlement}/retry", Merchant, settlements::retry::handle, settlements::retry::doc)
}

fn refunds() -> Table {
    Table::of(Area::Refunds)
        .post("/payment-intents/{intent}/refund", Merchant, refunds::of_intent::handle, refunds::of_intent::doc)
        .post("/refunds", Merchant, refunds::create::handle, refunds::create::doc)
        .get("/refunds", Merchant, refunds::list::handle, refunds::list::doc)
        .get("/refunds/{refund}", Merchant, refunds::get::handle, refunds::get::doc)
}

fn account() -> Table {
    Table::of(Area::Account)
        .get("/account/balance", Merchant, account::balance::handle, account::balance::doc)
        .get("/payment-intents/account/balance", Merchant, account::balance::handle, account::balance::doc)
        .get("/account/ledger-entries", Merchant, account::ledger_entries::handle, account::ledger_entries::doc)
        .get(
            "/payment-intents/account/ledger-entries",
            Merchant,
            account::ledger_entries::handle,
            account::ledger_entries::doc,
        )
}

fn api_keys() -> Table {
    Table::of(Area::ApiKeys)
        .post("/api-keys", MerchantOrOperator, api_keys::create::handle, api_keys::create::doc)
        .get("/api-keys", MerchantOrOperator, api_keys::list::handle, api_keys::list::doc)
        .get("/api-keys/{api_key}", MerchantOrOperator, api_keys::get::handle, api_keys::get::doc)
        .post("/api-keys/{api_key}/roll", MerchantOrOperator, api_keys::roll::handle, api_keys::roll::doc)
        .post("/api-keys/{api_key}/revoke", MerchantOrOperator, api_keys::revoke::handle, api_keys::revoke::doc)
}

fn requests() -> Table {
    Table::of(Area::Requests).get("/requests", MerchantOrOperator, requests::list::handle, requests::list::doc).get(
        "/requests/{request}",
        MerchantOrOperator,
        requests::get::handle,
        requests::get::doc,
    )
}

/// What is the operator's alone, whose keys are not limited to parts.
fn admin() -> Table {
    Table::default()
        .get("/admin/merchants", Operator, admin::merchants::list, admin::merchants::list_doc)
        .post("/admin/merchants", Operator, admin::merchants::create, admin::merchants::create_doc)
        .get("/admin/disputes", Operator, admin::disputes::handle, admin::disputes::doc)
        .get("/admin/settlements", Operator, admin::settlements::handle, admin::settlements::doc)
        .get("/admin/jobs", Operator, admin::jobs::handle, admin::jobs::doc)
        .post("/admin/verify", Operator, admin::verify::handle, admin::verify::doc)
}

fn test_helpers() -> Table {
    Table::of(Area::TestHelpers)
        .post(
            "/test-helpers/payment-intents/{intent}/fund",
            Sandbox,
            test_helpers::fund::handle,
            test_helpers::fund::doc,
        )
        .post(
            "/test-helpers/payment-intents/{intent}/fail",
            Sandbox,
            test_helpers::fail::handle,
            test_helpers::fail::doc,
        )
        .get("/test-helpers/clock", Sandbox, test_helpers::clock::show, test_helpers::clock::show_doc)
        .post("/test-helpers/clock", Sandbox, test_helpers::clock::advance, test_helpers::clock::advance_doc)
        .post(
            "/test-helpers/settlements/{settlement}/fail",
            Sandbox,
            test_helpers::fail_settlement::handle,
            test_helpers::fail_settlement::doc,
        )
}

fn events() -> Table {
    Table::of(Area::Events)
        .get("/events", MerchantOrOperator, events::list::handle, events::list::doc)
        .get("/events/stream", MerchantOrOperator, events::stream::handle, events::stream::doc)
        .get("/events/{event}", MerchantOrOperator, events::get::handle, events::get::doc)
}

#[rustfmt::skip] // one line a route
fn webhooks() -> Table {
    Table::of(Area::Webhooks)
        .post("/webhook-endpoints", Merchant, webhook_endpoints::create::handle, webhook_endpoints::create::doc)
        .get("/webhook-endpoints", Merchant, webhook_endpoints::list::handle, webhook_endpoints::list::doc)
        .get("/webhook-endpoints/{endpoint}", Merchant, webhook_endpoints::get::handle, webhook_endpoints::get::doc)
        .patch("/webhook-endpoints/{endpoint}", Merchant, webhook_endpoints::update::handle, webhook_endpoints::update::doc)
        .post("/webhook-endpoints/{endpoint}", Merchant, webhook_endpoints::update::handle, webhook_endpoints::update::doc)
        .delete("/webhook-endpoints/{endpoint}", Merchant, webhook_endpoints::delete::handle, webhook_endpoints::delete::doc)
        .post("/webhook-endpoints/{endpoint}/rotate-secret", Merchant, webhook_endpoints::rotate::handle, webhook_endpoints::rotate::doc)
        .post("/webhook-endpoints/{endpoint}/test", Merchant, webhook_endpoints::test::handle, webhook_endpoints::test::doc)
        .get("/webhook-endpoints/{endpoint}/deliveries", Merchant, webhook_endpoints::deliveries::handle, webhook_endpoints::deliveries::doc)
        .get("/webhook-deliveries/{delivery}", Merchant, webhook_deliveries::get::handle, webhook_deliveries::get::doc)
        .post("/webhook-deliveries/{delivery}/redeliver", Merchant, webhook_deliveries::redeliver::handle, webhook_deliveries::redeliver::doc)
        .post("/events/{event}/resend", Merchant, events::resend::handle, events::resend::doc)
}

/// Whether a route answers without a base path as well.
fn is_probe(route: &Route) -> bool {
    probes().routes().contains(route)
}

/// What whoever watches over the gateway asks, and what it says of itself.
#[rustfmt::skip] // one line a route
fn probes() -> Table {
    Table::default()
        .get("/health/live", Anyone, health::live, health::live_doc)
        .get("/health/ready", Anyone, health::ready, health::ready_doc)
        .get("/metrics", Anyone, metrics::handle, metrics::doc)
        .get("/openapi.json", Anyone, openapi::description, openapi::description_doc)
        .get("/docs", Anyone, openapi::page_handler, openapi::page_doc)
}

/// What browsers of other origins are told. Every origin is safe to let in: keys travel in headers that browsers never send by
/// themselves. The headers of a request are mirrored, because `*` would not cover `Authorization` (Fetch standard, "CORS
/// non-wildcard request-header name").
fn cors(origins: &Origins) -> Option<CorsLayer> {
    let allowed = match origins {
        Origins::All => AllowOrigin::any(),
        Origins::Only(origins) => AllowOrigin::list(origins.iter().cloned()),
        Origins::None => return None,
    };
    let shown = [request_id::HEADER, idempotency::REPLAYED, RETRY_AFTER].into_iter().chain(rate_limit::HEADERS);
    let cors = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(shown.collect::<Vec<_>>());
    Some(cors)
}

/// What comes of some work, unless it takes longer than that.
pub(crate) async fn within<T>(host: &dyn Host, span: Span, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = host.sleep(span) => None,
    }
}

/// The value of a header that must be text, without the blanks around it; an empty one counts as absent.
fn header_text<'h>(headers: &'h axum::http::HeaderMap, name: &HeaderName) -> Option<&'h [u8]> {
    headers.get(name).map(|value| value.as_bytes().trim_ascii()).filter(|value| !value.is_empty())
}
