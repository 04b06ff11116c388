//! `GET /health/live` and `GET /health/ready`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::Unavailable;
use schemars::JsonSchema;
use serde::Serialize;

use super::access::ok;
use super::error::ApiError;
use super::openapi::Operation;
use crate::gateway::Gateway;

const OK: &str = "ok";

#[derive(Serialize, JsonSchema)]
struct Health {
    #[schemars(extend("const" = OK))]
    status: &'static str,
}

/// What there is to know about it.
pub(super) fn live_doc() -> Operation {
    Operation::new("getLiveness", "Whether the process answers").answers::<Health>()
}

/// The process answers.
pub(super) async fn live() -> Response {
    ok(&Health { status: OK })
}

/// What there is to know about it.
pub(super) fn ready_doc() -> Operation {
    Operation::new("getReadiness", "Whether commands are taken and the store works").answers::<Health>()
}

/// The engine takes commands, and the store reads and writes.
pub(super) async fn ready(State(gateway): State<Arc<Gateway>>) -> Result<Response, ApiError> {
    if !gateway.engine.is_running() {
        return Err(Unavailable::Closing.into());
    }
    gateway.engine.store().ping().await?;
    Ok(ok(&Health { status: OK }))
}
