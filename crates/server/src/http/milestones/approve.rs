//! `POST /payment-intents/{intent}/escrow/milestones/{milestone}/approve`: in the sandbox, the merchant for a simulated payer.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::limits::MAX_LABEL_CHARS;
use escrow::{Approving, Command};

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

/// What was sent.
pub(in crate::http) struct Approval {
    pub(in crate::http) by: String,
    pub(in crate::http) attempt: Option<u32>,
}

/// Reads an approval of somebody who is called so unless they say otherwise.
pub(in crate::http) fn read(fields: &Fields<'_>, label: String) -> Read<Approval> {
    let by = fields.full_text("approvedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    Ok(Approval { by: by.map_or(label, str::to_owned), attempt: super::attempt(fields)? })
}

/// The fields of the body.
pub(in crate::http) fn documented() -> Vec<Field> {
    vec![
        Field::optional("approvedBy", field::label(), "Who approves it: a label, which gives no rights."),
        super::documented_attempt(),
    ]
}

/// What an approval can be refused with.
pub(in crate::http) const REFUSALS: &[Code] =
    &[Code::InvalidStatus, Code::EscrowDisputed, Code::AmountTooLarge, Code::SignatureVerificationFailed];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("approveMilestone", "Approve a completed milestone")
        .about("In the sandbox, for a simulated payer: with real money only the payer may.")
        .body(documented())
        .shows::<WireMilestone<'static>>()
        .refuses(REFUSALS)
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = read(&sent.fields(), MERCHANT.to_owned());
    let asked = asked.and_then(|approval| Ok((milestone_id(&path.milestone)?, approval)));
    let (intent, (milestone, Approval { by, attempt })) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let about = About {
        intent,
        milestone,
        command: Command::ApproveMilestone(Approving { milestone, attempt, by }),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Approved,
    };
    decide(&gateway, &caller, about).await
}
