//! `GET /payment-intents/public/{intent}/escrow`: with what its payer has to sign.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Rejection;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::error::ApiError;
use crate::http::path::IntentPath;
use crate::wire;

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    path: IntentPath,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let order = escrow.order.as_ref().ok_or(ApiError::Refused(Rejection::NoOrder))?;
    let now = gateway.engine.time_of(escrow.owner).await?;
    Ok(ok(&wire::payers_order_envelope(&escrow, order, &gateway.site, now)))
}
