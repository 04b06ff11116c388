//! `POST /settlements/{settlement}/retry`: a settlement that did not arrive is paid out again, at once.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use super::{About, decide};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::Operation;
use crate::http::path::SettlementPath;
use crate::wire::WireSettlement;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("retrySettlement", "Pay out again what did not arrive")
        .body(Vec::new())
        .shows::<WireSettlement<'static>>()
        .refuses(&[Code::InvalidStatus, Code::InvalidStateTransition])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: SettlementPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (escrow, settlement) = gateway.settlement(&caller, &path.settlement).await?;
    let command = Command::RetrySettlement(settlement);
    decide(&gateway, &caller, About { intent: escrow.id, settlement, command, idempotency: sent.idempotency }).await
}
