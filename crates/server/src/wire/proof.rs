//! A delivery proof.

use escrow::{DeliveryProof, Escrow, IntentId, OrderId, ProofId};
use serde::Serialize;

use super::{Envelope, hash_text, rfc3339, seconds_text};

/// What `object` says of a delivery proof.
const OBJECT: &str = "delivery_proof";

/// What `status` says of it: one that is not accepted leaves nothing behind.
const SUBMITTED: &str = "submitted";

/// A delivery proof.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireProof<'a> {
    id: ProofId,
    object: &'static str,
    escrow_order_id: Option<OrderId>,
    conditional_payment_id: Option<OrderId>,
    payment_intent_id: IntentId,
    proof_hash: String,
    #[serde(rename = "proofURI")]
    proof_uri: Option<&'a str>,
    submitted_by: &'a str,
    submit_tx_hash: Option<String>,
    oracle_signature: Option<&'a str>,
    submitted_at: String,
    created_at: String,
}

/// The wire form of the proof of this escrow's delivery.
pub(crate) fn proof<'a>(escrow: &Escrow, proof: &'a DeliveryProof) -> WireProof<'a> {
    let order_id = escrow.order.as_ref().map(|order| order.id);
    WireProof {
        id: proof.id,
        object: OBJECT,
        escrow_order_id: order_id,
        conditional_payment_id: order_id,
        payment_intent_id: escrow.id,
        proof_hash: hash_text(proof.hash),
        proof_uri: proof.uri.as_deref(),
        submitted_by: &proof.submitted_by,
        submit_tx_hash: proof.transaction.map(hash_text),
        oracle_signature: proof.oracle_signature.as_deref(),
        submitted_at: seconds_text(proof.created),
        created_at: rfc3339(proof.created),
    }
}

/// A delivery proof as a single object. It never changes.
pub(crate) fn proof_envelope<'a>(escrow: &Escrow, shown: &'a DeliveryProof) -> Envelope<'a, WireProof<'a>> {
    Envelope {
        id: shown.id.to_string(),
        object: OBJECT,
        status: SUBMITTED,
        data: proof(escrow, shown),
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: shown.created.seconds(),
        updated: shown.created.seconds(),
    }
}
