//! `GET /metrics`

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::gateway::Gateway;

/// The Prometheus text exposition format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What was measured; nothing where nobody measures.
pub(super) async fn handle(State(gateway): State<Arc<Gateway>>) -> Response {
    let text = gateway.metrics.as_ref().map_or_else(String::new, |render| render());
    ([(CONTENT_TYPE, FORMAT)], text).into_response()
}
