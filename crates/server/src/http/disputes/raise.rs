//! `POST /payment-intents/{intent}/escrow/dispute`: the order, or one milestone of it, is frozen until somebody decides.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::{MAX_DISPUTE_WINDOW_S, MAX_LABEL_CHARS, MAX_TEXT_BYTES};
use escrow::{Command, Escrow, MilestoneId, NewDispute, Span};
use serde_json::json;

use super::Party;
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
pub(in crate::http) struct Raising {
    pub(in crate::http) reason: String,
    raised_by: String,
    pub(in crate::http) window: Option<Span>,
    pub(in crate::http) milestone: Option<MilestoneId>,
}

/// Reads a dispute of somebody who is called so unless they say otherwise.
pub(in crate::http) fn read(fields: &Fields<'_>, label: Option<String>) -> Read<Raising> {
    let reason = fields.full_text("reason", Limit::Bytes(MAX_TEXT_BYTES))?;
    let reason = fields.required("reason", reason)?.to_owned();
    let by = fields.full_text("raisedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    Ok(Raising {
        reason,
        raised_by: fields.required("raisedBy", by.map(str::to_owned).or(label))?,
        window: fields.span("disputeWindow", &(0..=MAX_DISPUTE_WINDOW_S))?,
        milestone: super::milestone(fields)?,
    })
}

/// The command. `count` is how many disputes there were, where that was signed.
pub(in crate::http) fn command(raising: Raising, count: Option<u32>) -> Command {
    let Raising { reason, raised_by, window, milestone } = raising;
    Command::RaiseDispute(NewDispute { milestone, raised_by, reason, window, count })
}

/// Writes the new dispute: the latest one.
pub(in crate::http) fn shown(escrow: &Escrow) -> Option<Vec<u8>> {
    Some(super::shown(escrow, escrow.disputes().last()?))
}

/// The fields of the body, as this party sends it.
pub(in crate::http) fn documented(party: Party) -> Vec<Field> {
    let about = "Who raises it: a label, which gives no rights.";
    let by = match party {
        Party::Merchant => Field::required("raisedBy", field::label(), about),
        Party::Payer => Field::optional("raisedBy", field::label(), about),
    };
    let fields = vec![
        Field::required("reason", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "Why."),
        by,
        Field::optional(
            "disputeWindow",
            field::span(&(0..=MAX_DISPUTE_WINDOW_S)),
            "How long there is to decide, in seconds or such as `30d`; it may lengthen the order's window and not shorten it.",
        ),
        Field::optional(
            "milestoneId",
            field::id::<MilestoneId>(),
            "The milestone that it is about; without one, the order.",
        ),
    ];
    match party {
        Party::Merchant => fields,
        Party::Payer => payer::with(fields),
    }
}

/// What raising a dispute can be refused with.
pub(in crate::http) const REFUSALS: &[Code] =
    &[Code::InvalidStatus, Code::EscrowDisputed, Code::ResourceMissing, Code::SignatureVerificationFailed];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("raiseDispute", "Raise a dispute")
        .about(
            "The order, or the one milestone that is named, is frozen until somebody decides, or until the dispute's window ends and the \
             configured default decides.",
        )
        .body(documented(Party::Merchant))
        .shows::<WireDispute<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "reason": "The design is not what was agreed", "raisedBy": "buyer@example.com" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (intent, raising) = gateway.for_intent(&caller, &path.intent, read(&sent.fields(), None)).await?;
    let command = idempotency::Command::about(intent, command(raising, None), sent.idempotency);
    submit(&gateway, &caller, command, shown).await
}
