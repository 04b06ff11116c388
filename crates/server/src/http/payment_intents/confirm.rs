//! `POST /payment-intents/{intent}/confirm`: the payer consents by signature, and the merchant passes it on.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::{Actor, Address, Command, Confirmation, Consent, Escrow, Hash};

use super::shown;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, Sender, submit_as};
use crate::http::path::IntentPath;
use crate::wire::{Reader, Site};

/// What a payer sends.
pub(in crate::http) struct Signed {
    signature: String,
    signer: Address,
    transaction: Option<Hash>,
}

pub(in crate::http) fn read(fields: &Fields<'_>) -> Read<Signed> {
    let signature = fields.text("signature", Limit::Bytes(MAX_TEXT_BYTES))?;
    Ok(Signed {
        signature: fields.required("signature", signature)?.to_owned(),
        signer: fields.required("payerAddress", fields.address("payerAddress")?)?,
        transaction: fields.transaction_hash()?,
    })
}

/// The command, its signature checked against the terms as they are. Should they change before it is decided, the domain tells by
/// their count.
fn command(escrow: &Escrow, site: &Site, signed: Signed) -> Command {
    let Signed { signature, signer, transaction } = signed;
    let digest = site.consent(escrow).signing_hash();
    let consent = match evm::verify(&signature, digest, &signer) {
        Ok(()) => Ok(Consent { signer, signature, digest: Hash::from_bytes(digest.0) }),
        Err(error) => Err(error.to_string()),
    };
    Command::Confirm(Confirmation { consent, revision: escrow.revision, transaction })
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    let signed = read(&sent.fields())?;
    let sender = Sender::merchant_for(&caller, Actor::Anyone);
    confirm(&gateway, sender, &escrow, signed, sent, Reader::Merchant).await
}

/// Has a consent decided, whoever passes it on.
pub(in crate::http) async fn confirm(
    gateway: &Arc<Gateway>,
    sender: Sender,
    escrow: &Escrow,
    signed: Signed,
    sent: Sent,
    reader: Reader,
) -> Result<Response, ApiError> {
    let command = idempotency::Command::about(escrow.id, command(escrow, &gateway.site, signed), sent.idempotency);
    submit_as(gateway, sender, command, shown(gateway, reader)).await
}
