//! `POST /settlements/{settlement}/retry`: a settlement that did not arrive is paid out again, at once.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use super::{About, decide};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::path::SettlementPath;

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
