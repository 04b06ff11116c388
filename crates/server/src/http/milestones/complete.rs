//! `POST /payment-intents/{intent}/escrow/milestones/{milestone}/complete`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::limits::{MAX_LABEL_CHARS, MAX_PROOF_BYTES, MAX_TEXT_BYTES};
use escrow::{Command, CompleteMilestone, MilestoneId};
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

struct Completion {
    by: String,
    proof: Option<String>,
    proof_uri: Option<String>,
}

fn read(fields: &Fields<'_>) -> Read<Completion> {
    let by = fields.full_text("completedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    Ok(Completion {
        by: fields.required("completedBy", by)?.to_owned(),
        proof: fields.text("completionProof", Limit::Bytes(MAX_PROOF_BYTES))?.map(str::to_owned),
        proof_uri: fields.text("completionProofURI", Limit::Bytes(MAX_TEXT_BYTES))?.map(str::to_owned),
    })
}

fn command(milestone: MilestoneId, completion: Completion) -> Command {
    let Completion { by, proof, proof_uri } = completion;
    Command::CompleteMilestone(CompleteMilestone { milestone, by, proof, proof_uri })
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("completeMilestone", "Complete a milestone")
        .about(
            "Milestones are completed in the order of their indexes. With auto release the share is released in the same transaction: when \
             the answer arrives, the available balance has it. In the sandbox, an unpaid order is paid by a simulated payer first.",
        )
        .body(vec![
            Field::required("completedBy", field::label(), "Who says so: an address, an e-mail, a name."),
            Field::optional("completionProof", field::text(Limit::Bytes(MAX_PROOF_BYTES)), "What proves it."),
            Field::optional("completionProofURI", field::text(Limit::Bytes(MAX_TEXT_BYTES)), "Where the proof is."),
        ])
        .shows::<WireMilestone<'static>>()
        .refuses(&[Code::InvalidStatus, Code::EscrowDisputed, Code::AmountTooLarge, Code::InvalidStateTransition])
        .example(json!({ "completedBy": "studio@example.com", "completionProof": "commit 4f2a9c1" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = read(&sent.fields()).and_then(|completion| Ok((milestone_id(&path.milestone)?, completion)));
    let (intent, (milestone, completion)) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let about = About {
        intent,
        milestone,
        command: command(milestone, completion),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Completed,
    };
    decide(&gateway, &caller, about).await
}
