//! `GET /settlements/{settlement}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Resource};
use crate::http::openapi::Operation;
use crate::http::path::SettlementPath;
use crate::wire::{self, WireSettlement};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getSettlement", "Show a settlement").shows::<WireSettlement<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: SettlementPath,
) -> Result<Response, ApiError> {
    let (escrow, id) = gateway.settlement(&caller, &path.settlement).await?;
    let settlement = escrow.settlement(id).ok_or(ApiError::Missing(Resource::Settlement, path.settlement))?;
    Ok(ok(&wire::settlement_envelope(escrow.owner, escrow.id, settlement)))
}
