//! `GET /webhook-deliveries/{delivery}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::DeliveryPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getWebhookDelivery", "Show what was sent to a webhook endpoint")
        .about("With the body that is sent, and every call that was made.")
        .shows::<wire::DeliveryWithBody<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: DeliveryPath,
) -> Result<Response, ApiError> {
    let delivery = gateway.delivery(&asker, &path.delivery).await?;
    Ok(ok(&wire::delivery_envelope(&delivery, wire::delivery_with_body(&delivery))))
}
