//! `POST /test-helpers/payment-intents/{intent}/fail`: the rail refuses the payment under way.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;
use escrow::limits::MAX_TEXT_BYTES;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::http::payment_intents::shown;
use crate::wire::Intent;
use crate::wire::Reader;

/// Why a payment fails that was told no reason.
const NO_REASON: &str = "The simulated payment failed";

fn read(fields: &Fields<'_>) -> Read<String> {
    Ok(fields.full_text("reason", Limit::Bytes(MAX_TEXT_BYTES))?.unwrap_or(NO_REASON).to_owned())
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("failPaymentIntent", "Have the payment under way fail")
        .body(vec![Field::optional("reason", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "Why.")])
        .shows::<Intent<'static>>()
        .refuses(&[Code::InvalidStatus, Code::InvalidStateTransition])
        .example(json!({ "reason": "The card's bank says no" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (intent, reason) = gateway.for_intent(&caller, &path.intent, read(&sent.fields())).await?;
    let command = idempotency::Command::about(intent, Command::FailPayment(None, reason), sent.idempotency);
    submit(&gateway, &caller, command, shown(&gateway, Reader::Merchant)).await
}
