//! `POST /api-keys/{api_key}/roll`

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::Act;
use escrow::Span;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::KeyPath;
use crate::wire;

const GRACE: &str = "gracePeriod";

/// How long the old key may go on working, in seconds: up to a week.
const GRACE_S: RangeInclusive<i64> = 0..=7 * 24 * 3600;

/// How long it goes on where nothing is said.
const DEFAULT_GRACE: Span = Span::from_seconds(24 * 3600);

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("rollApiKey", "Put a new key in the place of one")
        .about("The new one may do the same; its text is shown this once. The old one goes on working for a while.")
        .body(vec![Field::optional(
            GRACE,
            field::span(&GRACE_S),
            "How long the old one goes on working; a day by default.",
        )])
        .shows::<wire::KeyWithSecret<'static>>()
        .refuses(&[Code::InvalidStatus])
        .example(json!({ "gracePeriod": "1h" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: KeyPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.api_key(&asker, &path.api_key).await?.id;
    let grace = sent.fields().span(GRACE, &GRACE_S)?.unwrap_or(DEFAULT_GRACE);
    let act = Act::RollKey { id, grace };
    let show = shown(&gateway);
    let response = perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, show).await?;
    gateway.known_keys.forget(id);
    Ok(response)
}
