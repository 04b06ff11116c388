//! `POST /payment-intents/{intent}/escrow/reclaim`: the payer, or in the sandbox the merchant for a simulated one, takes back what was
//! not delivered in time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Command, Escrow};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, submit};
use crate::http::path::IntentPath;
use crate::wire;

/// Writes the refund that has just started: the latest one.
pub(in crate::http) fn shown(escrow: &Escrow) -> Option<Vec<u8>> {
    Some(wire::json(&wire::refund_envelope(escrow.id, escrow.refunds.last()?)))
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
