//! A refund.

use escrow::refund::{RefundSource, RefundState};
use escrow::{IntentId, Refund, RefundId};
use schemars::JsonSchema;
use serde::Serialize;

use super::schema::{Id, Money, Name, Named, Rfc3339, Single};
use super::{Envelope, money, rfc3339};

/// What `object` says of a refund.
const OBJECT: &str = "refund";

/// One payment back to the payer.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Refund")]
pub(crate) struct WireRefund<'a> {
    #[schemars(with = "Id<RefundId>")]
    id: RefundId,
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    amount: Money,
    #[schemars(with = "Name<escrow::Currency>")]
    currency: &'static str,
    #[schemars(with = "Name<escrow::refund::RefundStatus>")]
    status: &'static str,
    reason: Option<&'a str>,
    /// How much of it had been released already.
    released_amount: Option<Money>,
    failure_reason: Option<&'a str>,
    /// Why the money came in without a purpose, where it never was the funding.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Name<escrow::refund::Unapplied>>")]
    unapplied_reason: Option<&'static str>,
    refund_tx_id: Option<&'a str>,
    created_at: Rfc3339,
}

impl Single for WireRefund<'_> {
    fn objects() -> Vec<&'static str> {
        vec![OBJECT]
    }

    fn statuses() -> Vec<&'static str> {
        escrow::refund::RefundStatus::names()
    }
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
