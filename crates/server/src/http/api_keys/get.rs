//! `GET /api-keys/{api_key}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::path::KeyPath;
use crate::wire;

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: KeyPath,
) -> Result<Response, ApiError> {
    let key = gateway.api_key(&asker, &path.api_key).await?;
    let now = gateway.engine.host().now();
    Ok(ok(&wire::key_envelope(&key, wire::api_key(&key, now), now)))
}
