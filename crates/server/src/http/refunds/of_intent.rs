//! `POST /payment-intents/{intent}/refund`: money goes back to the payer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::{ask, read};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::path::IntentPath;

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = gateway.for_intent(&caller, &path.intent, read(&sent.fields())).await?;
    ask(&gateway, &caller, asked, sent.idempotency).await
}
