//! `GET /webhook-endpoints/{endpoint}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::EndpointPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getWebhookEndpoint", "Show a webhook endpoint").shows::<wire::WireEndpoint<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EndpointPath,
) -> Result<Response, ApiError> {
    let endpoint = gateway.endpoint(&asker, &path.endpoint).await?;
    Ok(ok(&wire::endpoint_envelope(&endpoint, wire::endpoint(&endpoint))))
}
