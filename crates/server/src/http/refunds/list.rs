//! `GET /refunds`: what went back or is on its way, and also what came in without a purpose and is sent back.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::RefundId;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire::{self, WireRefund};
use escrow::IntentId;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listRefunds", "List refunds")
        .about(
            "What went back or is on its way, and also what came in without a purpose and is sent back. Newest first.",
        )
        .query(field::paging::<RefundId>())
        .query_also(vec![Field::param("paymentIntentId", field::id::<IntentId>(), "Only refunds of this intent.")])
        .lists::<WireRefund<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(RefundId::raw))?;
    let intent = query.id("paymentIntentId", "payment intent")?;
    let read = gateway.engine.store().refunds(caller.owner, intent, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let refunds = found.items.iter().map(|(intent, refund)| wire::refund(*intent, refund)).collect();
    Ok(query.answer(refunds, found.has_more))
}
