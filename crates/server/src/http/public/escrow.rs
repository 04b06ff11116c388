//! `GET /payment-intents/public/{intent}/escrow`: with what its payer has to sign.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Rejection;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::{self, WireOrder};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getPublicEscrow", "Show an escrow order to its payer")
        .about("With what the payer signs to approve a milestone, to release what is held, or to reclaim it, where each is possible now.")
        .shows::<WireOrder<'static>>()
        .refuses(&[Code::InvalidRequest])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    path: IntentPath,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let order = escrow.order.as_ref().ok_or(ApiError::Refused(Rejection::NoOrder))?;
    let now = gateway.engine.time_of(escrow.owner).await?;
    Ok(ok(&wire::payers_order_envelope(&escrow, order, &gateway.site, now)))
}
