//! `POST /webhook-endpoints/{endpoint}/rotate-secret`

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
use crate::http::error::ApiError;
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::EndpointPath;
use crate::wire;

const GRACE: &str = "gracePeriod";

/// How long the old secret may go on signing, in seconds: up to a week.
const GRACE_S: RangeInclusive<i64> = 0..=7 * 24 * 3600;

/// How long it goes on where nothing is said.
const DEFAULT_GRACE: Span = Span::from_seconds(24 * 3600);

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("rotateWebhookSecret", "Give a webhook endpoint another secret")
        .about("The new one is shown this once. For a while, the old one signs as well in `webhook-signature`.")
        .body(vec![Field::optional(
            GRACE,
            field::span(&GRACE_S),
            "How long the old one signs as well; a day by default.",
        )])
        .shows::<wire::EndpointWithSecret<'static>>()
        .example(json!({ "gracePeriod": "1h" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    path: EndpointPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let id = gateway.endpoint(&asker, &path.endpoint).await?.id;
    let grace = sent.fields().span(GRACE, &GRACE_S)?.unwrap_or(DEFAULT_GRACE);
    let act = Act::RotateSecret { id, grace };
    perform(&gateway, &asker, (act, sent.idempotency), StatusCode::OK, shown(&gateway)).await
}
