//! What the HTTP API promises: the real router and engine on the memory store, in one process, with a clock that stands still
//! until it is moved.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "api/askers.rs"]
mod askers;
#[path = "api/described.rs"]
mod described;
#[path = "api/payers.rs"]
mod payers;
#[path = "api/wallet.rs"]
mod wallet;
#[path = "api/webhooks.rs"]
mod webhooks;
#[path = "api/world.rs"]
mod world;

#[path = "api/access.rs"]
mod access;
#[path = "api/access_doc.rs"]
mod access_doc;
#[path = "api/account.rs"]
mod account;
#[path = "api/admin.rs"]
mod admin;
#[path = "api/api_keys.rs"]
mod api_keys;
#[path = "api/approvals.rs"]
mod approvals;
#[path = "api/auth.rs"]
mod auth;
#[path = "api/bodies.rs"]
mod bodies;
#[path = "api/cards.rs"]
mod cards;
#[path = "api/clock.rs"]
mod clock;
#[path = "api/consent.rs"]
mod consent;
#[path = "api/deliveries.rs"]
mod deliveries;
#[path = "api/disputes.rs"]
mod disputes;
#[path = "api/envelope.rs"]
mod envelope;
#[path = "api/escrow.rs"]
mod escrow;
#[path = "api/event_stream.rs"]
mod event_stream;
#[path = "api/events.rs"]
mod events;
#[path = "api/examples.rs"]
mod examples;
#[path = "api/fields.rs"]
mod fields;
#[path = "api/funding.rs"]
mod funding;
#[path = "api/idempotency.rs"]
mod idempotency;
#[path = "api/logs.rs"]
mod logs;
#[path = "api/milestones.rs"]
mod milestones;
#[path = "api/mixed.rs"]
mod mixed;
#[path = "api/openapi.rs"]
mod openapi;
#[path = "api/payment_intents.rs"]
mod payment_intents;
#[path = "api/public.rs"]
mod public;
#[path = "api/rate_limits.rs"]
mod rate_limits;
#[path = "api/reclaims.rs"]
mod reclaims;
#[path = "api/refunds.rs"]
mod refunds;
#[path = "api/requests.rs"]
mod requests;
#[path = "api/settlements.rs"]
mod settlements;
#[path = "api/tolerance.rs"]
mod tolerance;
#[path = "api/web.rs"]
mod web;
