//! `GET /requests`: newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::RequestId;

use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listRequests", "List requests")
        .about("Newest first.")
        .query(field::paging::<RequestId>())
        .lists::<wire::WireRequest<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(RequestId::raw))?;
    gateway.scribe.catch_up().await;
    let read = gateway.engine.store().requests(asker.reach(), page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let requests = found.items.iter().map(wire::request).collect();
    Ok(query.answer(requests, found.has_more))
}
