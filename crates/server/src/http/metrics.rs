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

/// What stands before the name of a measure in its headings.
const HEADING: [&str; 3] = ["#", "HELP", "TYPE"];

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
        MetricsAt::Api => Ok(text(without_money(&measured(&gateway).await))),
        MetricsAt::Elsewhere => Err(ApiError::UnknownUrl(method, uri.path().to_owned())),
    }
}

/// What was measured, on a port of its own.
pub(super) async fn show(State(gateway): State<Arc<Gateway>>) -> Response {
    text(measured(&gateway).await)
}

fn text(measured: String) -> Response {
    ([(CONTENT_TYPE, FORMAT)], measured).into_response()
}

async fn measured(gateway: &Gateway) -> String {
    let Some(render) = &gateway.metrics else { return String::new() };
    survey(gateway).await;
    render()
}

/// What may be shown to anybody: beside the API nobody is asked for a key, and how much money there is, is not everybody's to know.
fn without_money(measured: &str) -> String {
    let name = |line: &str| line.split(' ').find(|word| !HEADING.contains(word)).unwrap_or_default().to_owned();
    let is_public = |line: &&str| !name(line).starts_with(engine::meter::MONEY_MINOR_UNITS);
    measured.lines().filter(is_public).fold(String::new(), |shown, line| shown + line + "\n")
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
