//! `POST /payment-intents/{intent}/escrow/release`: all that is held is released by hand, after a proof.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use super::shown;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::OrderName;
use crate::wire::WireOrder;

/// What a release can be refused with.
pub(in crate::http) const REFUSALS: &[Code] =
    &[Code::InvalidStatus, Code::EscrowDisputed, Code::AmountTooLarge, Code::SignatureVerificationFailed];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("releaseEscrow", "Release all that is held")
        .about("By hand, after an accepted delivery proof.")
        .body(Vec::new())
        .shows::<WireOrder<'static>>()
        .refuses(REFUSALS)
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
    name: OrderName,
) -> Result<Response, ApiError> {
    let (intent, ()) = gateway.for_intent(&caller, &path.intent, Ok(())).await?;
    let command = idempotency::Command::about(intent, Command::ReleaseOrder(None), sent.idempotency);
    submit(&gateway, &caller, command, shown(name)).await
}
