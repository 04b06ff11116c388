//! `GET /settlements/{settlement}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::SettlementId;

use crate::gateway::Gateway;
use crate::http::access::{may_see, ok};
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Resource};
use crate::http::path::SettlementPath;
use crate::wire;

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: SettlementPath,
) -> Result<Response, ApiError> {
    let missing = || ApiError::Missing(Resource::Settlement, path.settlement.clone());
    let id: SettlementId = path.settlement.parse().map_err(|_| missing())?;
    let escrow = gateway.engine.store().escrow_of_settlement(id).await?.ok_or_else(missing)?;
    may_see(caller.owner, escrow.owner, Resource::Settlement, &path.settlement)?;
    let settlement = escrow.settlement(id).ok_or_else(missing)?;
    Ok(ok(&wire::settlement_envelope(escrow.owner, escrow.id, settlement)))
}
