//! A delivery proof.

use escrow::{DeliveryProof, Escrow, IntentId, OrderId, ProofId};
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{HashText, Id, Rfc3339, Seconds, Single};
use super::{Envelope, hash_text, rfc3339, seconds_text};

/// What `object` says of a delivery proof.
const OBJECT: &str = "delivery_proof";

/// What `status` says of it: one that is not accepted leaves nothing behind.
const SUBMITTED: &str = "submitted";

/// A delivery proof.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DeliveryProof")]
pub(crate) struct WireProof<'a> {
    #[schemars(with = "Id<ProofId>")]
    id: ProofId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(with = "Option<Id<OrderId>>")]
    escrow_order_id: Option<OrderId>,
    #[schemars(with = "Option<Id<OrderId>>")]
    conditional_payment_id: Option<OrderId>,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    proof_hash: HashText,
    #[serde(rename = "proofURI")]
    proof_uri: Option<&'a str>,
    submitted_by: &'a str,
    submit_tx_hash: Option<HashText>,
    oracle_signature: Option<&'a str>,
    submitted_at: Seconds,
    created_at: Rfc3339,
}

impl Single for WireProof<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        vec![SUBMITTED]
    }
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
