//! `POST /admin/verify`: checks every invariant over the whole store, while it is in use.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::error::ApiError;
use crate::wire;

/// One check runs at a time: it reads everything there is. It changes nothing, so that there is nothing for an idempotency key to
/// remember.
pub(in crate::http) async fn handle(State(gateway): State<Arc<Gateway>>) -> Result<Response, ApiError> {
    let Ok(_turn) = gateway.verifying.try_lock() else { return Err(ApiError::VerifyUnderWay) };
    let report = engine::verify::verify(gateway.engine.store().as_ref()).await?;
    if !report.is_clean() {
        tracing::error!(broken = report.broken_total, "the store breaks its invariants");
    }
    Ok(ok(&wire::verification(&report)))
}
