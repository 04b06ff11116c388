//! What happens around every request: it gets an id, errors are written out, and one line is logged.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::Unavailable;
use escrow::{IntentId, RequestId};
use tracing::{Instrument, Span};

use super::error::{ApiError, complete};
use super::idempotency::unversioned;
use super::notes::Came;
use super::path::IntentPath;
use super::{peer, rate_limit, within};
use crate::gateway::Gateway;
use crate::meter::{self, UnderWay};

/// The header of every response that carries the request's id.
pub(super) const HEADER: HeaderName = HeaderName::from_static("request-id");

/// What is logged as the path of a request that has no route; its own may hold anything.
const NO_ROUTE: &str = "(none)";

const US_A_MS: i64 = 1000;

/// The route that takes as long as there is something to read, for the operator alone.
const SLOW_ROUTE: &str = "/admin/verify";

/// Gives the request an id and the response its final form.
pub(super) async fn envelope(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let host = gateway.engine.host().clone();
    let (started_us, under_way) = (host.ticks_us(), UnderWay::begin());
    let id = RequestId::fresh(gateway.engine.ids());
    let named = peer::names_one_host(&request);
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(id);
    let standing = rate_limit::Told::default();
    parts.extensions.insert(standing.clone());
    let came = Came::new(id, &mut parts, host.now());
    let line = Line::about(id, &mut parts).await;

    let answering = async {
        match named {
            Ok(()) => next.run(Request::from_parts(parts, body)).await,
            Err(refused) => refused.into_response(),
        }
    };
    let answer = in_time(&gateway, &line, answering).instrument(line.span()).await;
    let mut response = complete(answer, id);
    standing.write(response.headers_mut());
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert(HEADER, value);
    }

    let took_us = host.ticks_us().saturating_sub(started_us);
    drop(under_way);
    line.write(response.status(), took_us);
    came.answered(&gateway, response, took_us / US_A_MS).await
}

/// An answer, or that there is none in time.
async fn in_time(gateway: &Gateway, line: &Line, answering: impl Future<Output = Response>) -> Response {
    if line.route().ends_with(SLOW_ROUTE) {
        return answering.await;
    }
    let answer = within(gateway.engine.host().as_ref(), gateway.settings.request_timeout, answering).await;
    answer.unwrap_or_else(|| ApiError::from(Unavailable::TimedOut).into_response())
}

/// What is logged and counted of a request: nothing that the client could choose freely. A method may be any word, and a path may
/// hold what belongs in a header.
struct Line {
    id: RequestId,
    method: &'static str,
    route: Option<MatchedPath>,
    /// The intent that the path names, where that is an id.
    intent: Option<IntentId>,
}

impl Line {
    async fn about(id: RequestId, parts: &mut Parts) -> Line {
        let named = IntentPath::from_request_parts(parts, &()).await.ok();
        let intent = named.and_then(|path| path.intent.parse().ok());
        let route = parts.extensions.get::<MatchedPath>().cloned();
        Line { id, method: meter::method(&parts.method), route, intent }
    }

    fn route(&self) -> &str {
        self.route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str)
    }

    /// What everything that is logged on the way carries, whatever the level.
    fn span(&self) -> Span {
        let intent = self.intent.map(tracing::field::display);
        tracing::error_span!("request", request_id = %self.id, intent)
    }

    fn write(&self, status: StatusCode, took_us: i64) {
        let (path, intent) = (self.route(), self.intent.map(tracing::field::display));
        meter::answered(self.method, unversioned(path), status, took_us);
        let (method, status, latency_ms) = (self.method, status.as_u16(), took_us / US_A_MS);
        tracing::info!(method, path, status, request_id = %self.id, intent, latency_ms, "request");
    }
}
