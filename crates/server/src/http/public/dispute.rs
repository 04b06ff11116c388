//! `POST /payment-intents/public/{intent}/dispute`: the payer has the order, or one milestone of it, frozen until somebody decides.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use evm::Act;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::disputes::Party;
use crate::http::disputes::raise::{REFUSALS, documented};
use crate::http::disputes::raise::{command, read, shown};
use crate::http::error::ApiError;
use crate::http::idempotency::{self, submit_as};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::http::payer::Visitor;
use crate::wire::WireDispute;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("raisePublicDispute", "Raise a dispute as the payer")
        .about("The order, or the one milestone that is named, is frozen until somebody decides, or until the dispute's window ends.")
        .by_payer()
        .body(documented(Party::Payer))
        .shows::<WireDispute<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "reason": "The design is not what was agreed" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    visitor: Visitor,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let claim = visitor.claim(&gateway, &sent.fields())?;
    let raising = read(&sent.fields(), Some(claim.label()))?;
    let count = u32::try_from(escrow.disputes().len()).unwrap_or(u32::MAX);
    let signed_count = claim.signed(count);
    let act = Act::Dispute {
        intent: escrow.id,
        milestone: raising.milestone,
        reason: &raising.reason,
        window: raising.window,
        count: u64::from(count),
    };
    let sender = claim.sender(&gateway, &escrow, Ok(act));
    let command = idempotency::Command::about(escrow.id, command(raising, signed_count), sent.idempotency);
    submit_as(&gateway, sender, command, shown).await
}
