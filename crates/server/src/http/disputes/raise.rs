//! `POST /payment-intents/{intent}/escrow/dispute`: the order, or one milestone of it, is frozen until somebody decides.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::{MAX_DISPUTE_WINDOW_S, MAX_LABEL_CHARS, MAX_TEXT_BYTES};
use escrow::{Command, Escrow, MilestoneId, NewDispute, Span};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, submit};
use crate::http::path::IntentPath;

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
