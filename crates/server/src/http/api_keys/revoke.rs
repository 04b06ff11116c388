//! `POST /api-keys/{api_key}/revoke`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Act;

use super::{perform, shown};
use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::path::KeyPath;

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
