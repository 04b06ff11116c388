//! `POST /api-keys/{api_key}/revoke`

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
use crate::http::path::KeyPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("revokeApiKey", "Revoke an API key")
        .body(Vec::new())
        .shows::<wire::WireKey<'static>>()
        .refuses(&[Code::InvalidStatus])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: KeyPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.api_key(&asker, &path.api_key).await?.id;
    let show = shown(&gateway);
    let response = perform(&gateway, &asker, (Act::RevokeKey { id }, sent.idempotency), StatusCode::OK, show).await?;
    gateway.known_keys.forget(id);
    Ok(response)
}
