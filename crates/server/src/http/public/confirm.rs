//! `POST /payment-intents/public/{intent}/confirm`: the payer consents by signature.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use escrow::{Actor, RequestId};
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::idempotency::Sender;
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::http::payment_intents::confirm::{REFUSALS, documented};
use crate::http::payment_intents::confirm::{confirm, read};
use crate::wire::Intent;
use crate::wire::Reader;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("confirmPublicPaymentIntent", "Consent by signature")
        .about(
            "The payer's wallet has signed `typedData` of the intent as it is now; the signature is all that counts.",
        )
        .body(documented())
        .shows::<Intent<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "signature": "{signature}", "payerAddress": "{payerAddress}" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    Extension(request): Extension<RequestId>,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let signed = read(&sent.fields())?;
    let sender = Sender::public(&escrow, Actor::Anyone, request);
    confirm(&gateway, sender, &escrow, signed, sent, Reader::Public).await
}
