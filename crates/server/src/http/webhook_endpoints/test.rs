//! `POST /webhook-endpoints/{endpoint}/test`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Act;

use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::Operation;
use crate::http::path::EndpointPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("testWebhookEndpoint", "Try a webhook endpoint")
        .about("Sends it an event `webhook_endpoint.test` of its own, whichever it has chosen. What came of that, the delivery shows.")
        .body(Vec::new())
        .shows::<wire::WireDelivery<'static>>()
        .refuses(&[Code::InvalidStatus])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EndpointPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.endpoint(&asker, &path.endpoint).await?.id;
    let act = Act::TestEndpoint { id };
    perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, shown(&gateway)).await
}
