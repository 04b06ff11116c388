//! `POST /payment-intents/{intent}/cancel`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, submit};
use crate::http::path::IntentPath;
use crate::wire::Reader;

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
