//! `POST /payment-intents/{intent}/escrow/milestones/{milestone}/reject`: it is to be done again. In the sandbox, the merchant says so
//! for a simulated payer.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::{Command, Rejecting};
use serde_json::json;

use super::{About, decide, milestone_id};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::MilestonePath;
use crate::wire::Deed;
use crate::wire::WireMilestone;

/// What was sent.
pub(in crate::http) struct Rejection {
    pub(in crate::http) reason: String,
    pub(in crate::http) attempt: Option<u32>,
}

pub(in crate::http) fn read(fields: &Fields<'_>) -> Read<Rejection> {
    let reason = fields.full_text("reason", Limit::Bytes(MAX_TEXT_BYTES))?;
    Ok(Rejection { reason: fields.required("reason", reason)?.to_owned(), attempt: super::attempt(fields)? })
}

/// The fields of the body.
pub(in crate::http) fn documented() -> Vec<Field> {
    vec![Field::required("reason", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "Why."), super::documented_attempt()]
}

/// What a rejection can be refused with.
pub(in crate::http) const REFUSALS: &[Code] =
    &[Code::InvalidStatus, Code::EscrowDisputed, Code::SignatureVerificationFailed];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("rejectMilestone", "Reject a completed milestone")
        .about("It is to be done again. In the sandbox, for a simulated payer: with real money only the payer may.")
        .body(documented())
        .shows::<WireMilestone<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "reason": "The footer is missing" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = read(&sent.fields()).and_then(|rejection| Ok((milestone_id(&path.milestone)?, rejection)));
    let (intent, (milestone, rejection)) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let Rejection { reason, attempt } = rejection;
    let about = About {
        intent,
        milestone,
        command: Command::RejectMilestone(Rejecting { milestone, attempt, reason }),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Rejected,
    };
    decide(&gateway, &caller, about).await
}
