//! `POST /payment-intents/{intent}/escrow/dispute/evidence`: a party says something about an open dispute.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::{MAX_LABEL_CHARS, MAX_TEXT_BYTES};
use escrow::{Command, DisputeId, Escrow, Hash, MilestoneId, NewEvidence};
use serde_json::json;

use super::Party;
use super::meant;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::http::payer;
use crate::wire::WireDispute;

/// What was sent.
pub(in crate::http) struct Submission {
    submitted_by: String,
    pub(in crate::http) text: Option<String>,
    pub(in crate::http) uri: Option<String>,
    pub(in crate::http) hash: Option<Hash>,
    pub(in crate::http) milestone: Option<MilestoneId>,
}

/// Reads what somebody submits who is called so unless they say otherwise. A hash of zeros is none.
pub(in crate::http) fn read(fields: &Fields<'_>, label: Option<String>) -> Read<Submission> {
    let text = |name| fields.full_text(name, Limit::Bytes(MAX_TEXT_BYTES));
    let by = fields.full_text("submittedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    let submission = Submission {
        submitted_by: fields.required("submittedBy", by.map(str::to_owned).or(label))?,
        text: text("text")?.map(str::to_owned),
        uri: text("uri")?.map(str::to_owned),
        hash: fields.bytes32("hash")?.filter(|hash| *hash != Hash::ZERO),
        milestone: super::milestone(fields)?,
    };
    if submission.text.is_none() && submission.uri.is_none() && submission.hash.is_none() {
        return Err(ApiError::Body("Nothing is submitted: send text, uri or hash".to_owned()));
    }
    Ok(submission)
}

/// The command. `dispute` is the one that the evidence is for, where that was signed.
pub(in crate::http) fn command(submission: Submission, dispute: Option<DisputeId>) -> Command {
    let Submission { submitted_by, text, uri, hash, milestone } = submission;
    Command::SubmitEvidence(NewEvidence { milestone, dispute, submitted_by, text, uri, hash })
}

/// Writes the dispute that the evidence was for.
pub(in crate::http) fn shown(milestone: Option<MilestoneId>) -> impl Fn(&Escrow) -> Option<Vec<u8>> {
    move |escrow| Some(super::shown(escrow, meant(escrow, milestone).ok()?))
}

/// The fields of the body, as this party sends it.
pub(in crate::http) fn documented(party: Party) -> Vec<Field> {
    let about = "Who submits it: a label, which gives no rights.";
    let by = match party {
        Party::Merchant => Field::required("submittedBy", field::label(), about),
        Party::Payer => Field::optional("submittedBy", field::label(), about),
    };
    let fields = vec![
        by,
        Field::optional("text", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "What there is to say."),
        Field::optional("uri", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "Where there is more."),
        Field::optional("hash", field::bytes32(), "The hash of what is there."),
        Field::optional("milestoneId", field::id::<MilestoneId>(), "The milestone whose dispute is meant."),
    ];
    match party {
        Party::Merchant => fields,
        Party::Payer => payer::with(fields),
    }
}

/// What evidence can be refused with.
pub(in crate::http) const REFUSALS: &[Code] =
    &[Code::InvalidStatus, Code::ResourceMissing, Code::SignatureVerificationFailed];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("submitEvidence", "Submit evidence about a dispute")
        .about("At least one of `text`, `uri` and `hash` must be there.")
        .body(documented(Party::Merchant))
        .shows::<WireDispute<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "submittedBy": "studio@example.com", "text": "The sketches, as approved in May" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (intent, submission) = gateway.for_intent(&caller, &path.intent, read(&sent.fields(), None)).await?;
    let shown = shown(submission.milestone);
    let command = idempotency::Command::about(intent, command(submission, None), sent.idempotency);
    submit(&gateway, &caller, command, shown).await
}
