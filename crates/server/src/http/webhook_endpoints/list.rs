//! `GET /webhook-endpoints`: newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::EndpointId;

use super::owner;
use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listWebhookEndpoints", "List webhook endpoints")
        .about("Newest first.")
        .query(field::paging::<EndpointId>())
        .lists::<wire::WireEndpoint<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(EndpointId::raw))?;
    let read = gateway.engine.store().endpoints(owner(&asker)?, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    Ok(query.answer(found.items.iter().map(wire::endpoint).collect(), found.has_more))
}
