//! `DELETE /webhook-endpoints/{endpoint}`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Act;

use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::EndpointPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("deleteWebhookEndpoint", "Delete a webhook endpoint")
        .about("Nothing is sent to it any more.")
        .shows::<wire::WireEndpoint<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EndpointPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.endpoint(&asker, &path.endpoint).await?.id;
    let act = Act::DeleteEndpoint { id };
    perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, shown(&gateway)).await
}
