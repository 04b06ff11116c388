//! `POST /payment-intents/{intent}/refund`: money goes back to the payer.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{REFUSALS, documented};
use super::{ask, read};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::wire::WireRefund;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("refundPaymentIntent", "Give money back to the payer")
        .body(documented(Vec::new()))
        .shows::<WireRefund<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "amount": "50.00", "reason": "One page less" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = gateway.for_intent(&caller, &path.intent, read(&sent.fields())).await?;
    ask(&gateway, &caller, asked, sent.idempotency).await
}
