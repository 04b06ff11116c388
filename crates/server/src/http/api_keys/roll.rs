//! `POST /api-keys/{api_key}/roll`

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Act;
use escrow::Span;

use super::{perform, shown};
use crate::gateway::Gateway;
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::path::KeyPath;

/// How long the old key may go on working, in seconds: up to a week.
const GRACE_S: RangeInclusive<i64> = 0..=7 * 24 * 3600;

/// How long it goes on where nothing is said.
const DEFAULT_GRACE: Span = Span::from_seconds(24 * 3600);

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: KeyPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.api_key(&asker, &path.api_key).await?.id;
    let grace = sent.fields().span("gracePeriod", &GRACE_S)?.unwrap_or(DEFAULT_GRACE);
    let act = Act::RollKey { id, grace };
    let show = shown(&gateway);
    let response = perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, show).await?;
    gateway.known_keys.forget(id);
    Ok(response)
}
