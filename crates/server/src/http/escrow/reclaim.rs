//! `POST /payment-intents/{intent}/escrow/reclaim`: the payer, or in the sandbox the merchant for a simulated one, takes back what was
//! not delivered in time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Command, Escrow};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::{self, WireRefund};

/// Writes the refund that has just started: the latest one.
pub(in crate::http) fn shown(escrow: &Escrow) -> Option<Vec<u8>> {
    Some(wire::json(&wire::refund_envelope(escrow.id, escrow.refunds.last()?)))
}

/// What a reclaim can be refused with.
pub(in crate::http) const REFUSALS: &[Code] =
    &[Code::InvalidStatus, Code::EscrowDisputed, Code::InsufficientFunds, Code::SignatureVerificationFailed];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("reclaimEscrow", "Take back what was not delivered in time")
        .about("In the sandbox, for a simulated payer: with real money only the payer may ask for it.")
        .body(Vec::new())
        .shows::<WireRefund<'static>>()
        .refuses(REFUSALS)
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (intent, ()) = gateway.for_intent(&caller, &path.intent, Ok(())).await?;
    let command = idempotency::Command::about(intent, Command::Reclaim(None), sent.idempotency);
    submit(&gateway, &caller, command, shown).await
}
