//! `POST /payment-intents/public/{intent}/milestones/{milestone}/reject`: the payer does not accept a completed milestone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::{Command, Rejecting};
use evm::Act;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::milestones::reject::{REFUSALS, documented};
use crate::http::milestones::reject::{Rejection, read};
use crate::http::milestones::{About, decide_as, known, milestone_id};
use crate::http::openapi::Operation;
use crate::http::path::MilestonePath;
use crate::http::payer;
use crate::http::payer::Visitor;
use crate::wire::Deed;
use crate::wire::WireMilestone;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("rejectPublicMilestone", "Reject a completed milestone as the payer")
        .about("It is to be done again. If it is not within the order's dispute window, a dispute begins by itself.")
        .by_payer()
        .body(payer::with(documented()))
        .shows::<WireMilestone<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "reason": "The footer is missing" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    visitor: Visitor,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let claim = visitor.claim(&gateway, &sent.fields())?;
    let Rejection { reason, attempt } = read(&sent.fields())?;
    let milestone = known(&escrow, milestone_id(&path.milestone)?)?;
    let attempt = attempt.or_else(|| claim.signed(milestone.attempts));
    let act = milestone.check_attempt(attempt).map(|()| Act::Rejection {
        intent: escrow.id,
        milestone: milestone.id,
        attempt: u64::from(milestone.attempts),
        reason: &reason,
    });
    let sender = claim.sender(&gateway, &escrow, act);
    let about = About {
        intent: escrow.id,
        milestone: milestone.id,
        command: Command::RejectMilestone(Rejecting { milestone: milestone.id, attempt, reason }),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Rejected,
    };
    decide_as(&gateway, sender, about).await
}
