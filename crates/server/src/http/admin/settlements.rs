//! `GET /admin/settlements`: everybody's, newest first, by default those that did not arrive.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::SettlementId;
use store::Which;

use crate::gateway::Gateway;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire::{self, Reader};

/// What `status` can be. Those that did not arrive have failed or were returned.
const fn name(which: Which) -> &'static str {
    match which {
        Which::All => "all",
        Which::Waiting => "failed",
    }
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listEverybodysSettlements", "List everybody's settlements")
        .about("Newest first; by default those that did not arrive.")
        .query(field::paging::<SettlementId>())
        .query_also(vec![Field::param(
            "status",
            field::choice(&[name(Which::Waiting), name(Which::All)]),
            "Which ones.",
        )])
        .lists::<wire::WireSettlement<'static>>()
}

pub(in crate::http) async fn handle(State(gateway): State<Arc<Gateway>>, query: Query) -> Result<Response, ApiError> {
    let which = query.choice("status", &[Which::Waiting, Which::All], name)?.unwrap_or(Which::Waiting);
    let page = query.page(|text| text.parse().ok().map(SettlementId::raw))?;
    let read = gateway.engine.store().everybodys_settlements(which, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let shown = found
        .items
        .iter()
        .map(|(owner, intent, settlement)| wire::settlement(*owner, *intent, settlement, Reader::Merchant));
    Ok(query.answer(shown.collect(), found.has_more))
}
