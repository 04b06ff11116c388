//! The HTTP API of Milepost, and the pages that people see.
//!
//! `http` turns requests into commands and answers into responses, one endpoint a file; `wire` holds what objects look like in
//! JSON; `web` makes pages of what the API says. Only this crate knows status codes. It decides nothing about money: start reading at
//! `http/mod.rs`, where every route stands.

mod gateway;
mod http;
pub mod meter;
mod processor;
mod rate_limit;
mod scribe;
mod tally;
mod web;
mod webhooks;
mod wire;

/// Whether this was compiled with what `fuzz/` tries. The binary refuses to be.
pub const HAS_FUZZ_TARGETS: bool = cfg!(feature = "fuzzing");

#[cfg(any(test, feature = "fuzzing"))]
pub use http::fuzzing;

pub use gateway::{
    BODY_TIMEOUT, DEFAULT_CHAIN_ID, DEFAULT_PUBLIC_URL, DEFAULT_REQUEST_LOG, Gateway, MAX_BODY_BYTES, Metrics,
    MetricsAt, Origins, REQUEST_TIMEOUT, Settings,
};
pub use http::{
    Access, BASE_PATHS, ExampleRequest, Peer, Route, constant_router, description, example_requests, metrics_router,
    router, routes,
};
pub use rate_limit::{Limit, RateLimits};
pub use web::router as web_router;
pub use webhooks::{MAX_WEBHOOK_URL_CHARS, Poster, WEBHOOK_TIMEOUT, WebhookTargets, check_url};
pub use wire::{WireEvents, WireWitness};
