//! What happens around every request: it gets an id, errors are written out, and one line is logged.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use escrow::RequestId;

use super::error::complete;
use super::notes::Came;
use crate::gateway::Gateway;

/// The header of every response that carries the request's id.
pub(super) const HEADER: HeaderName = HeaderName::from_static("request-id");

/// What is logged as the path of a request that has no route; its own may hold anything.
const NO_ROUTE: &str = "(none)";

/// Gives the request an id and the response its final form.
pub(super) async fn envelope(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let host = gateway.engine.host().clone();
    let started_ms = host.ticks_ms();
    let id = RequestId::fresh(gateway.engine.ids());
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(id);
    let came = Came::new(id, &mut parts, host.now());
    let method = parts.method.clone();
    let route = parts.extensions.get::<MatchedPath>().cloned();

    let mut response = complete(next.run(Request::from_parts(parts, body)).await, id);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }

    let path = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let latency_ms = host.ticks_ms().saturating_sub(started_ms);
    log(method.as_str(), path, response.status(), id, latency_ms);
    came.answered(&gateway, response, latency_ms).await
}

/// One line a request, without anything that the client wrote.
fn log(method: &str, path: &str, status: StatusCode, id: RequestId, latency_ms: i64) {
    tracing::info!(method, path, status = status.as_u16(), request_id = %id, latency_ms, "request");
}
