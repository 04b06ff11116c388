//! `GET /api-keys/{api_key}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Admitted;
use crate::http::error::ApiError;
use crate::http::openapi::Operation;
use crate::http::path::KeyPath;
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getApiKey", "Show an API key").about("Never its text.").shows::<wire::WireKey<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: KeyPath,
) -> Result<Response, ApiError> {
    let key = gateway.api_key(&asker, &path.api_key).await?;
    let now = gateway.engine.host().now();
    Ok(ok(&wire::key_envelope(&key, wire::api_key(&key, now), now)))
}
