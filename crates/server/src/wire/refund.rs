//! A refund.

use escrow::refund::{RefundSource, RefundState};
use escrow::{IntentId, Refund, RefundId};
use serde::Serialize;

use super::{Envelope, money, rfc3339};

/// What `object` says of a refund.
const OBJECT: &str = "refund";

/// One payment back to the payer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireRefund<'a> {
    id: RefundId,
    object: &'static str,
    payment_intent_id: IntentId,
    amount: String,
    currency: &'static str,
    status: &'static str,
    reason: Option<&'a str>,
    /// How much of it had been released already.
    released_amount: Option<String>,
    failure_reason: Option<&'a str>,
    /// Why the money came in without a purpose, where it never was the funding.
    #[serde(skip_serializing_if = "Option::is_none")]
    unapplied_reason: Option<&'static str>,
    refund_tx_id: Option<&'a str>,
    created_at: String,
}

/// The wire form of a refund of this intent.
pub(crate) fn refund(intent: IntentId, refund: &Refund) -> WireRefund<'_> {
    WireRefund {
        id: refund.id,
        object: OBJECT,
        payment_intent_id: intent,
        amount: money(refund.amount),
        currency: refund.amount.currency().code(),
        status: refund.status().name(),
        reason: refund.reason.as_deref(),
        released_amount: refund.from_payable.map(money),
        failure_reason: match &refund.state {
            RefundState::Failed { reason, .. } => Some(reason),
            RefundState::Pending | RefundState::Succeeded { .. } => None,
        },
        unapplied_reason: match refund.source {
            RefundSource::Escrow => None,
            RefundSource::Unapplied(reason) => Some(reason.name()),
        },
        refund_tx_id: match &refund.state {
            RefundState::Succeeded { reference, .. } => Some(reference),
            RefundState::Pending | RefundState::Failed { .. } => None,
        },
        created_at: rfc3339(refund.created),
    }
}

/// A refund as a single object.
pub(crate) fn refund_envelope(intent: IntentId, shown: &Refund) -> Envelope<'_, WireRefund<'_>> {
    let changed = match shown.state {
        RefundState::Pending => shown.created,
        RefundState::Succeeded { at, .. } | RefundState::Failed { at, .. } => at,
    };
    Envelope {
        id: shown.id.to_string(),
        object: OBJECT,
        status: shown.status().name(),
        data: refund(intent, shown),
        metadata: None,
        payment_url: None,
        milestone_index: None,
        created: shown.created.seconds(),
        updated: changed.seconds(),
    }
}
