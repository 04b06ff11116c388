//! `GET /payment-intents/{intent}/escrow/disputes`: newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Dispute, DisputeId, Rejection};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::http::path::IntentPath;
use crate::wire::{self, WireDispute};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listDisputes", "List the disputes over an order")
        .about("Newest first.")
        .query(field::paging::<DisputeId>())
        .lists::<WireDispute<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    query: Query,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    let order = escrow.order.as_ref().ok_or(ApiError::Refused(Rejection::NoOrder))?;
    let page = query.page(|text| text.parse().ok().map(DisputeId::raw))?;
    let newest_first: Vec<&Dispute> = order.disputes.iter().rev().collect();
    let (part, has_more) = query.part(&newest_first, page, |dispute| dispute.id.raw())?;
    let disputes = part.iter().map(|dispute| wire::dispute(&escrow, dispute)).collect();
    Ok(query.answer(disputes, has_more))
}
