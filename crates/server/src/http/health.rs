//! `GET /health/live` and `GET /health/ready`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::Unavailable;
use serde::Serialize;

use super::access::ok;
use super::error::ApiError;
use crate::gateway::Gateway;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The process answers.
pub(super) async fn live() -> Response {
    ok(&Health { status: "ok" })
}

/// The engine takes commands, and the store reads and writes.
pub(super) async fn ready(State(gateway): State<Arc<Gateway>>) -> Result<Response, ApiError> {
    if !gateway.engine.is_running() {
        return Err(Unavailable::Closing.into());
    }
    gateway.engine.store().ping().await?;
    Ok(ok(&Health { status: "ok" }))
}
