//! `POST /payment-intents/{intent}/escrow/milestones/{milestone}/release`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::Command;
use escrow::limits::MAX_LABEL_CHARS;
use serde_json::json;

use super::{About, MERCHANT, decide, milestone_id};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::MilestonePath;
use crate::wire::Deed;
use crate::wire::WireMilestone;

fn read(fields: &Fields<'_>) -> Read<String> {
    let by = fields.full_text("releasedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    Ok(by.unwrap_or(MERCHANT).to_owned())
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("releaseMilestone", "Release a completed milestone by hand")
        .body(vec![Field::optional(
            "releasedBy",
            field::label(),
            "Who releases it; the merchant, where nobody is named.",
        )])
        .shows::<WireMilestone<'static>>()
        .refuses(&[Code::InvalidStatus, Code::EscrowDisputed, Code::AmountTooLarge])
        .example(json!({ "releasedBy": "finance@example.com" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = read(&sent.fields()).and_then(|by| Ok((milestone_id(&path.milestone)?, by)));
    let (intent, (milestone, by)) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let about = About {
        intent,
        milestone,
        command: Command::ReleaseMilestone(milestone, Some(by)),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Released,
    };
    decide(&gateway, &caller, about).await
}
