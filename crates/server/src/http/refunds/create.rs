//! `POST /refunds`: the same as `POST /payment-intents/{intent}/refund`, with the intent in the body.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;

use super::{REFUSALS, documented};
use super::{ask, read};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::Limit;
use crate::http::openapi::{Field, Operation, field};
use crate::wire::WireRefund;
use escrow::IntentId;
use serde_json::json;

const INTENT: &str = "paymentIntentId";

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("createRefund", "Refund a payment intent")
        .about("The same as the refund of an intent, with the intent in the body.")
        .body(documented(vec![Field::required(INTENT, field::id::<IntentId>(), "The intent.")]))
        .shows::<WireRefund<'static>>()
        .refuses(&[REFUSALS, &[Code::ResourceMissing]].concat())
        .example(json!({ "paymentIntentId": "{intent}", "amount": "50.00", "reason": "One page less" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    sent: Sent,
) -> Result<Response, ApiError> {
    let fields = sent.fields();
    let intent = fields.required(INTENT, fields.text(INTENT, Limit::Bytes(MAX_TEXT_BYTES))?)?;
    let asked = gateway.for_intent(&caller, intent, read(&fields)).await?;
    ask(&gateway, &caller, asked, sent.idempotency).await
}
