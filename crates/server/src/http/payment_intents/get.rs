//! `GET /payment-intents/{intent}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::Intent;
use crate::wire::{self, Reader};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getPaymentIntent", "Show a payment intent").shows::<Intent<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    Ok(ok(&wire::intent_envelope(&escrow, &gateway.site, Reader::Merchant)))
}
