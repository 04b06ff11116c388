//! `POST /payment-intents/public/{intent}/milestones/{milestone}/approve`: the payer accepts a completed milestone.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::{Approving, Command};

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::milestones::approve::{Approval, read};
use crate::http::milestones::approve::{REFUSALS, documented};
use crate::http::milestones::{About, decide_as, known, milestone_id};
use crate::http::openapi::Operation;
use crate::http::path::MilestonePath;
use crate::http::payer;
use crate::http::payer::Visitor;
use crate::wire::WireMilestone;
use crate::wire::{Deed, signable};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("approvePublicMilestone", "Approve a completed milestone as the payer")
        .by_payer()
        .body(payer::with(documented()))
        .shows::<WireMilestone<'static>>()
        .refuses(REFUSALS)
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    visitor: Visitor,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let claim = visitor.claim(&gateway, &sent.fields())?;
    let Approval { by, attempt } = read(&sent.fields(), claim.label())?;
    let milestone = known(&escrow, milestone_id(&path.milestone)?)?;
    let attempt = attempt.or_else(|| claim.signed(milestone.attempts));
    let act = milestone.check_attempt(attempt).map(|()| signable::approval(&escrow, milestone));
    let about = About {
        intent: escrow.id,
        milestone: milestone.id,
        command: Command::ApproveMilestone(Approving { milestone: milestone.id, attempt, by }),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Approved,
    };
    decide_as(&gateway, claim.sender(&gateway, &escrow, act), about).await
}
