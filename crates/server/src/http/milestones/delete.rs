//! `DELETE /payment-intents/{intent}/escrow/milestones/{milestone}`: it stays to be seen, as CANCELLED.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::Command;

use super::{About, decide, milestone_id};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::Operation;
use crate::http::path::MilestonePath;
use crate::wire::Deed;
use crate::wire::WireMilestone;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("deleteMilestone", "Delete a pending milestone")
        .about("It stays to be seen, as CANCELLED.")
        .shows::<WireMilestone<'static>>()
        .refuses(&[Code::InvalidRequest, Code::InvalidStatus, Code::EscrowDisputed])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
) -> Result<Response, ApiError> {
    let asked = milestone_id(&path.milestone);
    let (intent, milestone) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let about = About {
        intent,
        milestone,
        command: Command::DeleteMilestone(milestone),
        idempotency: None,
        success: StatusCode::OK,
        deed: Deed::Other,
    };
    decide(&gateway, &caller, about).await
}
