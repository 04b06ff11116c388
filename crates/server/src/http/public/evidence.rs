//! `POST /payment-intents/public/{intent}/dispute/evidence`: the payer says something about an open dispute.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use evm::Act;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::disputes::Party;
use crate::http::disputes::evidence::{REFUSALS, documented};
use crate::http::disputes::evidence::{command, read, shown};
use crate::http::disputes::meant;
use crate::http::error::ApiError;
use crate::http::idempotency::{self, submit_as};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::http::payer::Visitor;
use crate::wire::WireDispute;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("submitPublicEvidence", "Submit evidence as the payer")
        .about("At least one of `text`, `uri` and `hash` must be there.")
        .by_payer()
        .body(documented(Party::Payer))
        .shows::<WireDispute<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "text": "Two pages are missing" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    visitor: Visitor,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let claim = visitor.claim(&gateway, &sent.fields())?;
    let submission = read(&sent.fields(), Some(claim.label()))?;
    let dispute = meant(&escrow, submission.milestone).map(|dispute| dispute.id);
    let signed_dispute = dispute.as_ref().ok().and_then(|id| claim.signed(*id));
    let id = dispute.as_ref().map(ToString::to_string).unwrap_or_default();
    let act = Act::Evidence {
        intent: escrow.id,
        dispute: &id,
        text: submission.text.as_deref(),
        uri: submission.uri.as_deref(),
        hash: submission.hash,
    };
    let sender = claim.sender(&gateway, &escrow, dispute.map(|_| act));
    let shown = shown(submission.milestone);
    let command = idempotency::Command::about(escrow.id, command(submission, signed_dispute), sent.idempotency);
    submit_as(&gateway, sender, command, shown).await
}
