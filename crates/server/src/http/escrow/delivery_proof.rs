//! `POST /payment-intents/{intent}/escrow/delivery-proof`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::{MAX_LABEL_CHARS, MAX_PROOF_BYTES, MAX_TEXT_BYTES};
use escrow::{Command, Escrow, Hash, NewProof, ProofId};
use evm::Act;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::idempotency::{self, submit};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::wire::{self, WireProof};

/// What was sent, the oracle's signature not yet checked.
struct Proof {
    hash: Hash,
    uri: Option<String>,
    submitted_by: String,
    transaction: Option<Hash>,
    oracle_signature: Option<String>,
}

fn read(fields: &Fields<'_>) -> Read<Proof> {
    const HASH: &str = "proofHash";
    let is_hash = |_| ApiError::field(HASH, "proofHash must be a valid bytes32 hex string");
    let by = fields.full_text("submittedBy", Limit::Chars(MAX_LABEL_CHARS))?;
    Ok(Proof {
        hash: fields.required(HASH, fields.bytes32(HASH).map_err(is_hash)?)?,
        uri: fields.text("proofURI", Limit::Bytes(MAX_PROOF_BYTES))?.map(str::to_owned),
        submitted_by: fields.required("submittedBy", by)?.to_owned(),
        transaction: fields.bytes32("submitTxHash")?,
        oracle_signature: fields.text("oracleSignature", Limit::Bytes(MAX_TEXT_BYTES))?.map(str::to_owned),
    })
}

/// The command. The terms that name the oracle never change, so that its signature can be checked here.
fn command(gateway: &Gateway, escrow: &Escrow, sent: Proof) -> Command {
    let Proof { hash, uri, submitted_by, transaction, oracle_signature } = sent;
    let check = |signature: String, oracle: &escrow::Address| {
        let act = Act::DeliveryProof { intent: escrow.id, proof: hash };
        match act.verify(gateway.site.chain, &signature, oracle) {
            Ok(()) => Ok(signature),
            Err(error) => Err(error.to_string()),
        }
    };
    // A signature that nobody asked for is not looked at.
    let oracle_signature = oracle_signature.zip(escrow.terms.delivery_oracle.as_ref());
    let oracle_signature = oracle_signature.map(|(signature, oracle)| check(signature, oracle));
    let id = ProofId::fresh(gateway.engine.ids());
    Command::SubmitProof(NewProof { id, hash, uri, submitted_by, transaction, oracle_signature })
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("submitDeliveryProof", "Prove the delivery")
        .about(
            "Where the intent has an `expectedDeliveryHash`, the proof must match it; where it has a `deliveryOracle`, that must submit it. \
             The same proof again gets the first answer; a second, different one is refused. In the sandbox, an unpaid order is paid by a \
             simulated payer first.",
        )
        .body(vec![
            Field::required("proofHash", field::bytes32(), "What was delivered, as a hash."),
            Field::optional("proofURI", field::text(Limit::Bytes(MAX_PROOF_BYTES)), "Where the proof is."),
            Field::required("submittedBy", field::label(), "Who submits it; with an oracle, its address."),
            Field::optional("submitTxHash", field::bytes32(), "The transaction that recorded it, where there is one."),
            Field::optional(
                "oracleSignature",
                field::text(Limit::Bytes(MAX_TEXT_BYTES)),
                "The oracle's EIP-712 signature over intent and proof.",
            ),
        ])
        .shows::<WireProof<'static>>()
        .refuses(&[
            Code::InvalidStatus,
            Code::EscrowDisputed,
            Code::SignatureVerificationFailed,
            Code::AmountTooLarge,
            Code::InvalidStateTransition,
        ])
        .example(json!({
            "proofHash": "0x1111111111111111111111111111111111111111111111111111111111111111",
            "submittedBy": "courier@example.com",
        }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    let proof = read(&sent.fields())?;
    let command = idempotency::Command::about(escrow.id, command(&gateway, &escrow, proof), sent.idempotency);
    submit(&gateway, &caller, command, |escrow| {
        let accepted = escrow.order.as_ref()?.proof.as_ref()?;
        Some(wire::json(&wire::proof_envelope(escrow, accepted)))
    })
    .await
}
