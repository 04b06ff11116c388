//! `POST /admin/verify`: checks every invariant over the whole store, while it is in use.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::wire::{self, WireWitness};

/// One check runs at a time: it reads everything there is. It changes nothing, so that there is nothing for an idempotency key to
/// remember.
/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("verify", "Check every invariant over the whole store")
        .about("While it is in use. One check runs at a time, and changes nothing.")
        .body(Vec::new())
        .answers::<wire::Verification<'static>>()
}

pub(in crate::http) async fn handle(State(gateway): State<Arc<Gateway>>, _sent: Sent) -> Result<Response, ApiError> {
    let Ok(_turn) = gateway.verifying.try_lock() else { return Err(ApiError::VerifyUnderWay) };
    let report = engine::verify::verify(gateway.engine.store().as_ref(), Box::<WireWitness>::default()).await?;
    if !report.is_clean() {
        tracing::error!(broken = report.broken_total, "the store breaks its invariants");
    }
    Ok(ok(&wire::verification(&report)))
}
