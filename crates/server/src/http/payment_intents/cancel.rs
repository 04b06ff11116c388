//! `POST /payment-intents/{intent}/cancel`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::Intent;
use crate::wire::Reader;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("cancelPaymentIntent", "Cancel a payment intent")
        .about(
            "What is in escrow goes back to the payer whole. Once something was released, or after a delivery proof, an intent cannot be \
             canceled any more.",
        )
        .body(Vec::new())
        .shows::<Intent<'static>>()
        .refuses(&[Code::InvalidStateTransition, Code::InvalidStatus, Code::EscrowDisputed])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (intent, ()) = gateway.for_intent(&caller, &path.intent, Ok(())).await?;
    let command = idempotency::Command::about(intent, Command::Cancel, sent.idempotency);
    submit(&gateway, &caller, command, super::shown(&gateway, Reader::Merchant)).await
}
