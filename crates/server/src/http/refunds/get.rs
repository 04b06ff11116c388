//! `GET /refunds/{refund}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Resource};
use crate::http::openapi::Operation;
use crate::http::path::RefundPath;
use crate::wire::{self, WireRefund};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getRefund", "Show a refund").shows::<WireRefund<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: RefundPath,
) -> Result<Response, ApiError> {
    let (escrow, id) = gateway.refund(&caller, &path.refund).await?;
    let refund = escrow.refund(id).ok_or(ApiError::Missing(Resource::Refund, path.refund))?;
    Ok(ok(&wire::refund_envelope(escrow.id, refund)))
}
