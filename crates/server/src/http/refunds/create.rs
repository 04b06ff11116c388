//! `POST /refunds`: the same as `POST /payment-intents/{intent}/refund`, with the intent in the body.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;

use super::{ask, read};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::Limit;

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    sent: Sent,
) -> Result<Response, ApiError> {
    const INTENT: &str = "paymentIntentId";
    let fields = sent.fields();
    let intent = fields.required(INTENT, fields.text(INTENT, Limit::Bytes(MAX_TEXT_BYTES))?)?;
    let asked = gateway.for_intent(&caller, intent, read(&fields)).await?;
    ask(&gateway, &caller, asked, sent.idempotency).await
}
