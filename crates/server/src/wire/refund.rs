//! A refund, as events show it.

use escrow::state::{RefundSource, RefundState};
use escrow::{Escrow, IntentId, Refund, RefundId};
use serde::Serialize;

use super::{money, rfc3339};

/// One payment back to the payer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRefund<'a> {
    id: RefundId,
    object: &'static str,
    payment_intent_id: IntentId,
    amount: String,
    currency: &'static str,
    status: &'static str,
    /// Why the money came in without a purpose, where it never was the funding.
    #[serde(skip_serializing_if = "Option::is_none")]
    unapplied_reason: Option<&'static str>,
    refund_tx_id: Option<&'a str>,
    created_at: String,
}

/// The wire form of a refund of this escrow.
pub(super) fn refund<'a>(escrow: &Escrow, refund: &'a Refund) -> WireRefund<'a> {
    WireRefund {
        id: refund.id,
        object: "refund",
        payment_intent_id: escrow.id,
        amount: money(refund.amount),
        currency: refund.amount.currency().code(),
        status: refund.status().name(),
        unapplied_reason: match refund.source {
            RefundSource::Escrow => None,
            RefundSource::Unapplied(reason) => Some(reason.name()),
        },
        refund_tx_id: match &refund.state {
            RefundState::Succeeded { reference, .. } => Some(reference),
            RefundState::Pending => None,
        },
        created_at: rfc3339(refund.created),
    }
}
