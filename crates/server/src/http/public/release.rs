//! `POST /payment-intents/public/{intent}/release`: the payer has all that is held released by hand, after a proof.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Command;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::escrow::release::REFUSALS;
use crate::http::escrow::shown_to;
use crate::http::idempotency::{self, submit_as};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::http::payer;
use crate::http::payer::Visitor;
use crate::wire::WireOrder;
use crate::wire::{OrderName, Reader, signable};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("releasePublicEscrow", "Release all that is held as the payer")
        .about("After an accepted delivery proof.")
        .by_payer()
        .body(payer::documented())
        .shows::<WireOrder<'static>>()
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
    let command = idempotency::Command::about(
        escrow.id,
        Command::ReleaseOrder(claim.signed(escrow.funds.held)),
        sent.idempotency,
    );
    let sender = claim.sender(&gateway, &escrow, Ok(signable::release(&escrow)));
    submit_as(&gateway, sender, command, shown_to(OrderName::EscrowOrder, Reader::Public)).await
}
