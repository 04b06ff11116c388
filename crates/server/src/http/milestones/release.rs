//! `POST /payment-intents/{intent}/escrow/milestones/{milestone}/release`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::Command;
use escrow::limits::MAX_LABEL_CHARS;

use super::{About, MERCHANT, decide, milestone_id};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::path::MilestonePath;
use crate::wire::Deed;

fn read(fields: &Fields<'_>) -> Read<String> {
    let by = fields.full_text("releasedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    Ok(by.unwrap_or(MERCHANT).to_owned())
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
