//! `POST /payment-intents/{intent}/escrow/milestones/{milestone}/complete`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::limits::{MAX_LABEL_CHARS, MAX_PROOF_BYTES, MAX_TEXT_BYTES};
use escrow::{Command, CompleteMilestone, MilestoneId};

use super::{About, decide, milestone_id};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::path::MilestonePath;
use crate::wire::Deed;

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
