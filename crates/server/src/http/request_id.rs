//! What happens around every request: it gets an id, errors are written out, and one line is logged.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::HeaderName;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::Unavailable;
use escrow::RequestId;

use super::error::{ApiError, complete};
use super::notes::Came;
use super::{rate_limit, within};
use crate::gateway::Gateway;

/// The header of every response that carries the request's id.
pub(super) const HEADER: HeaderName = HeaderName::from_static("request-id");

/// What is logged as the path of a request that has no route; its own may hold anything.
const NO_ROUTE: &str = "(none)";

/// The route that takes as long as there is something to read, for the operator alone.
const SLOW_ROUTE: &str = "/admin/verify";

/// Gives the request an id and the response its final form.
pub(super) async fn envelope(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let host = gateway.engine.host().clone();
    let started_ms = host.ticks_ms();
    let id = RequestId::fresh(gateway.engine.ids());
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(id);
    let standing = rate_limit::Told::default();
    parts.extensions.insert(standing.clone());
    let came = Came::new(id, &mut parts, host.now());
    let method = parts.method.clone();
    let route = parts.extensions.get::<MatchedPath>().cloned();

    let answering = next.run(Request::from_parts(parts, body));
    let is_slow = route.as_ref().is_some_and(|route| route.as_str().ends_with(SLOW_ROUTE));
    let answer = match is_slow {
        true => Some(answering.await),
        false => within(host.as_ref(), gateway.settings.request_timeout, answering).await,
    };
    let answer = answer.unwrap_or_else(|| ApiError::from(Unavailable::TimedOut).into_response());
    let mut response = complete(answer, id);
    standing.write(response.headers_mut());
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
