//! `GET /api-keys`: newest first, those that no longer work included.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::KeyId;

use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listApiKeys", "List API keys")
        .about("Newest first, those that no longer work included.")
        .query(field::paging::<KeyId>())
        .lists::<wire::WireKey<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(KeyId::raw))?;
    let read = gateway.engine.store().keys(asker.reach(), page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let now = gateway.engine.host().now();
    let keys = found.items.iter().map(|key| wire::api_key(key, now)).collect();
    Ok(query.answer(keys, found.has_more))
}
