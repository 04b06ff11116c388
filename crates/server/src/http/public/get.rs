//! `GET /payment-intents/public/{intent}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::Intent;
use crate::wire::{self, Reader};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getPublicPaymentIntent", "Show an intent to its payer")
        .about("Without `merchantId` and `metadata`; of `settlementDestination`, at most the last four characters.")
        .shows::<Intent<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    path: IntentPath,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    Ok(ok(&wire::intent_envelope(&escrow, &gateway.site, Reader::Public)))
}
