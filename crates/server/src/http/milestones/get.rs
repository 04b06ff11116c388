//! `GET /payment-intents/{intent}/escrow/milestones/{milestone}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::{known, milestone_id};
use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::{ApiError, Code};
use crate::http::openapi::Operation;
use crate::http::path::MilestonePath;
use crate::wire::WireMilestone;
use crate::wire::{self, Deed};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getMilestone", "Show a milestone")
        .shows::<WireMilestone<'static>>()
        .refuses(&[Code::InvalidRequest])
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    let milestone = known(&escrow, milestone_id(&path.milestone)?)?;
    Ok(ok(&wire::milestone_envelope(&escrow, milestone, Deed::Other)))
}
