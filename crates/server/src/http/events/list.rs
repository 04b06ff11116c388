//! `GET /events`: newest first, in the reverse order of the commits.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::EventId;

use super::{choosing, filter, stream_of};
use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listEvents", "List events")
        .about("Newest first, in the order in which they were committed. An admin key lists what happened to merchants and admin keys.")
        .query(field::paging::<EventId>())
        .query_also(choosing())
        .lists::<wire::EventText>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(EventId::raw))?;
    let read = gateway.engine.store().events(stream_of(&asker), filter(&query)?, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    query.answer_texts(found.items.iter().map(wire::served_event).collect(), found.has_more)
}
