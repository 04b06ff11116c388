//! `POST /payment-intents/{intent}/confirm`: the payer consents by signature, and the merchant passes it on.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::{Actor, Address, Command, Confirmation, Consent, Escrow, Hash};
use serde_json::json;

use super::shown;
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, Sender, submit_as};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::wire::Intent;
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

/// The fields of the body.
pub(in crate::http) fn documented() -> Vec<Field> {
    vec![
        Field::required(
            "signature",
            field::text(Limit::Bytes(MAX_TEXT_BYTES)),
            "The EIP-712 signature: `0x` and 130 hexadecimal digits.",
        ),
        Field::required("payerAddress", field::address(), "The address that has signed, and pays; in any case."),
        Field::optional("transactionHash", field::bytes32(), "The transaction that pays, where it is known already."),
    ]
}

/// What a consent can be refused with.
pub(in crate::http) const REFUSALS: &[Code] = &[
    Code::SignatureVerificationFailed,
    Code::InvalidStateTransition,
    Code::InvalidTransactionHash,
    Code::TransactionHashExists,
];

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("confirmPaymentIntent", "Pass on the payer's consent")
        .about(
            "The payer has signed `typedData` of the intent as it is now. The signature has 65 bytes and must be the address's own; the \
             intent is then PROCESSING until the payment is final.",
        )
        .body(documented())
        .shows::<Intent<'static>>()
        .refuses(REFUSALS)
        .example(json!({ "signature": "{signature}", "payerAddress": "{payerAddress}" }))
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
