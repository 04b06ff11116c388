//! `GET /webhook-endpoints/{endpoint}/deliveries`: those of the newest events first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{DeliveryId, EventId};
use store::{DeliveryFilter, DeliveryState};

use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::EndpointPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listWebhookDeliveries", "List what was sent to a webhook endpoint")
        .about("Those of the newest events first, of the last thirty days.")
        .query(field::paging::<DeliveryId>())
        .query_also(vec![
            Field::param("status", field::choice(&DeliveryState::NAMES), "Only deliveries that stand so."),
            Field::param("eventId", field::id::<EventId>(), "Only deliveries of this event."),
        ])
        .lists::<wire::WireDelivery<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EndpointPath,
    query: Query,
) -> Result<Response, ApiError> {
    let endpoint = gateway.endpoint(&asker, &path.endpoint).await?;
    let page = query.page(|text| text.parse().ok().map(DeliveryId::raw))?;
    let filter = DeliveryFilter {
        state: query.choice("status", &DeliveryState::NAMES, |name| name)?,
        event: query.id("eventId", "event")?,
    };
    let read = gateway.engine.store().deliveries(endpoint.id, filter, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    Ok(query.answer(found.items.iter().map(wire::delivery).collect(), found.has_more))
}
