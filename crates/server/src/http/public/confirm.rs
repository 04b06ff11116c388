//! `POST /payment-intents/public/{intent}/confirm`: the payer consents by signature.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use escrow::{Actor, RequestId};

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::idempotency::Sender;
use crate::http::path::IntentPath;
use crate::http::payment_intents::confirm::{confirm, read};
use crate::wire::Reader;

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
