//! `GET /requests`: newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::RequestId;

use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::wire;

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
