//! `GET /metrics`

use std::sync::Arc;

use axum::extract::{OriginalUri, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use escrow::Span;

use super::error::ApiError;
use super::openapi::Operation;
use super::within;
use crate::gateway::{Gateway, MetricsAt};
use crate::meter;

/// The Prometheus text exposition format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// How long a survey of the store counts as new, so that asking often costs nothing.
const SURVEY_FRESH: Span = Span::from_seconds(5);

/// How long a survey may take. What is not surveyed in time is shown as it was.
const SURVEY_PATIENCE: Span = Span::from_seconds(5);

/// What there is to know about it.
pub(super) fn doc() -> Operation {
    Operation::new("getMetrics", "What was measured").writes("text/plain", "The Prometheus text exposition format.")
}

/// What was measured, where it is shown beside the API; nothing where nobody measures.
pub(super) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    OriginalUri(uri): OriginalUri,
    method: Method,
) -> Result<Response, ApiError> {
    match gateway.settings.metrics_at {
        MetricsAt::Api => Ok(show(State(gateway)).await),
        MetricsAt::Elsewhere => Err(ApiError::UnknownUrl(method, uri.path().to_owned())),
    }
}

/// What was measured.
pub(super) async fn show(State(gateway): State<Arc<Gateway>>) -> Response {
    let text = match &gateway.metrics {
        None => String::new(),
        Some(render) => {
            survey(&gateway).await;
            render()
        }
    };
    ([(CONTENT_TYPE, FORMAT)], text).into_response()
}

/// Has the store surveyed, where that was not done just now and nobody is at it.
async fn survey(gateway: &Gateway) {
    let Ok(mut surveyed_ms) = gateway.surveyed_ms.try_lock() else { return };
    let host = gateway.engine.host();
    let ticks_ms = host.ticks_ms();
    if surveyed_ms.is_some_and(|then_ms| ticks_ms.saturating_sub(then_ms) < SURVEY_FRESH.ms()) {
        return;
    }
    let now = host.now();
    match within(host.as_ref(), SURVEY_PATIENCE, gateway.engine.store().survey(now)).await {
        Some(Ok(survey)) => {
            engine::meter::survey(&survey, now);
            meter::store_is_up(true);
        }
        Some(Err(error)) => {
            tracing::warn!(%error, "the store cannot be surveyed");
            meter::store_is_up(false);
        }
        None => {
            tracing::warn!("the store was not surveyed in time");
            meter::store_is_up(false);
        }
    }
    *surveyed_ms = Some(ticks_ms);
}
