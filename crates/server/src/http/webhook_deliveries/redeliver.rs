//! `POST /webhook-deliveries/{delivery}/redeliver`

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
use crate::http::path::DeliveryPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("redeliverWebhook", "Send something to a webhook endpoint once more")
        .about("Once, now. Where that fails, and calls were still to come, they come.")
        .body(Vec::new())
        .shows::<wire::WireDelivery<'static>>()
        .refuses(&[Code::InvalidStatus])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: DeliveryPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.delivery(&asker, &path.delivery).await?.id;
    let act = Act::Redeliver { id };
    perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, shown(&gateway)).await
}
