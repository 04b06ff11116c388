//! `POST /payment-intents/public/{intent}/reclaim`: the payer takes back what was not delivered in time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::escrow::reclaim::REFUSALS;
use crate::http::escrow::reclaim::shown;
use crate::http::idempotency::{self, submit_as};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::http::payer;
use crate::http::payer::Visitor;
use crate::wire::WireRefund;
use crate::wire::signable;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("reclaimPublic", "Take back what was not delivered in time")
        .about("From `reclaimableFrom` of the order on, whatever is held and not under dispute goes back to the payer.")
        .by_payer()
        .body(payer::documented())
        .shows::<WireRefund<'static>>()
        .refuses(REFUSALS)
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    visitor: Visitor,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    let claim = visitor.claim(&gateway, &sent.fields())?;
    let command =
        idempotency::Command::about(escrow.id, Command::Reclaim(claim.signed(escrow.funds.held)), sent.idempotency);
    let sender = claim.sender(&gateway, &escrow, Ok(signable::reclaim(&escrow)));
    submit_as(&gateway, sender, command, shown).await
}
