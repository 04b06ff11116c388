//! What happened, as others are told of it.

use crate::id::{DisputeId, MilestoneId, ProofId, RefundId, SettlementId};
use crate::terms::names;

names! {
    /// The type of an event.
    EventKind {
        /// An intent was created.
        IntentCreated = "payment_intent.created",
        /// An intent went from one status to another.
        IntentStatusChanged = "payment_intent.status_changed",
        /// An intent was funded.
        IntentSucceeded = "payment_intent.succeeded",
        /// A payment was seen on its rail.
        TransactionSubmitted = "payment_intent.blockchain_tx_submitted",
        /// A payment is final.
        TransactionConfirmed = "payment_intent.blockchain_tx_confirmed",
        /// The rail refused a payment.
        PaymentFailed = "payment_intent.payment_failed",
        /// Money came in without a purpose, and goes back.
        PaymentUnapplied = "payment_intent.payment_unapplied",
        /// Money that came in without a purpose is back where it came from.
        PaymentReturned = "payment_intent.payment_returned",
        /// A payout started.
        SettlementInitiated = "payment_intent.settlement_initiated",
        /// A payout arrived.
        SettlementCompleted = "payment_intent.settlement_completed",
        /// All of an intent was paid out.
        IntentSettled = "payment_intent.settled",
        /// An intent was given up.
        IntentCanceled = "payment_intent.canceled",
        /// A refund reached the payer.
        IntentRefunded = "payment_intent.refunded",
        /// An escrow order was created.
        OrderCreated = "escrow_order.created",
        /// The money of an order is locked.
        OrderFunded = "escrow_order.funded",
        /// The goods of an order are on their way.
        OrderShipped = "escrow_order.shipped",
        /// The delivery of an order is proven.
        ProofSubmitted = "delivery_proof.submitted",
        /// A payer approved a completed milestone.
        MilestoneApproved = "milestone.approved",
        /// A payer rejected a completed milestone: it is to be done again.
        MilestoneRejected = "milestone.rejected",
        /// A dispute was raised.
        DisputeRaised = "dispute.raised",
        /// A party submitted something about a dispute.
        EvidenceSubmitted = "dispute.evidence_submitted",
        /// A dispute was decided.
        DisputeResolved = "dispute.resolved",
        /// Money starts on its way back to the payer.
        RefundCreated = "refund.created",
        /// The rail refused a refund for good; the money is back where it was.
        RefundFailed = "refund.failed",
        /// A settlement was refused for good or sent back; the money is the merchant's again.
        SettlementFailed = "settlement.failed",
        /// A settlement that did not arrive is tried again.
        SettlementRetried = "settlement.retried",
        /// A part of the money of a settlement was refunded before it started, or after it did not arrive; the rest is still to be paid out.
        SettlementReduced = "settlement.reduced",
        /// The money of a settlement was refunded before it started.
        SettlementCanceled = "settlement.canceled",
        /// A time lock opened.
        TimeLockReleased = "time_lock.released",
        /// Nothing of an order is held any more, and something was released.
        OrderReleased = "escrow_order.released",
        /// A milestone was created.
        MilestoneCreated = "milestone.created",
        /// A milestone was changed.
        MilestoneUpdated = "milestone.updated",
        /// A milestone was completed.
        MilestoneCompleted = "milestone.completed",
        /// The share of a milestone was released.
        MilestoneReleased = "milestone.released",
        /// A milestone was deleted, or given up with its order.
        MilestoneCanceled = "milestone.canceled",
    }
}

/// The object that an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The intent.
    Intent,
    /// Its escrow order.
    Order,
    /// One of its milestones.
    Milestone(MilestoneId),
    /// What proves its delivery.
    Proof(ProofId),
    /// A dispute over it.
    Dispute(DisputeId),
    /// One of its settlements.
    Settlement(SettlementId),
    /// One of its refunds.
    Refund(RefundId),
}

/// One thing that happened. Events of one decision show their objects as they stand after all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// What it happened to.
    pub subject: Subject,
    /// What changed about the object: the field's name and its value before.
    pub previous: Vec<(&'static str, String)>,
    /// Whether the sandbox made it up.
    pub simulated: bool,
}
