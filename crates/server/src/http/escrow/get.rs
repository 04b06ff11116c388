//! `GET /payment-intents/{intent}/escrow` and `GET /payment-intents/{intent}/conditional-payment`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Rejection;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::WireOrder;
use crate::wire::{self, OrderName, Reader};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getEscrow", "Show an escrow order")
        .about("With its milestones, proofs, disputes, settlements and refunds.")
        .shows::<WireOrder<'static>>()
        .refuses(&[Code::InvalidRequest])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    name: OrderName,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    let order = escrow.order.as_ref().ok_or(ApiError::Refused(Rejection::NoOrder))?;
    Ok(ok(&wire::escrow_order_envelope(&escrow, order, name, Reader::Merchant)))
}
