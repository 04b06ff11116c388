//! `GET /settlements`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::SettlementId;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::wire::WireSettlement;
use crate::wire::{self, Reader};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listSettlements", "List settlements")
        .about("Newest first.")
        .query(field::paging::<SettlementId>())
        .lists::<WireSettlement<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(SettlementId::raw))?;
    let read = gateway.engine.store().settlements(caller.owner, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let settlements = found
        .items
        .iter()
        .map(|(intent, settlement)| wire::settlement(caller.owner, *intent, settlement, Reader::Merchant))
        .collect();
    Ok(query.answer(settlements, found.has_more))
}
