//! Why a command is refused. A refusal changes nothing.

use crate::address::Address;
use crate::authority::Role;
use crate::command::CommandKind;
use crate::id::MilestoneId;
use crate::limits::{MAX_EVIDENCE, MAX_MILESTONES, MAX_PAYMENTS, MAX_REFUNDS, MAX_SIMULATED_UNAPPLIED};
use crate::money::{Amount, AmountError, SumError};
use crate::refund::RefundStatus;
use crate::settlement::SettlementStatus;
use crate::state::{IntentStatus, MilestoneStatus, OrderStatus};
use crate::terms::ReleaseType;
use crate::time::{Span, Timestamp};

/// Why a command is refused; the text is what the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The intent has no escrow order.
    #[error("Payment intent is not of type DELIVERY_VS_PAYMENT")]
    NoOrder,
    /// Not a share this order can have.
    #[error("amount {0}")]
    Amount(#[from] AmountError),
    /// The order has no such milestone.
    #[error("Milestone not found")]
    MilestoneNotFound,
    /// The intent has no such settlement.
    #[error("Settlement not found")]
    SettlementNotFound,
    /// The intent has no such refund.
    #[error("Refund not found")]
    RefundNotFound,
    /// Only milestone-locked orders have milestones.
    #[error("Cannot create milestone for order with release type: {0}")]
    NotMilestoneLocked(ReleaseType),
    /// The index is taken.
    #[error("Milestone with index {0} already exists")]
    IndexTaken(u32),
    /// A new milestone would come before one that is done.
    #[error("Milestone index must be above {0}, the highest completed one")]
    IndexBelowCompleted(u32),
    /// The order is full.
    #[error("An order can have at most {MAX_MILESTONES} milestones, deleted ones included")]
    TooManyMilestones,
    /// The shares would exceed the whole.
    #[error("Total milestone amounts exceed escrow order amount")]
    TotalExceeded,
    /// The order is over.
    #[error("Cannot create milestone: order is {0}")]
    OrderOver(OrderStatus),
    /// The share is gone already.
    #[error("Milestone already released")]
    MilestoneReleased,
    /// The milestone is done already.
    #[error("Milestone already completed")]
    MilestoneCompleted,
    /// The milestone is in a state that does not allow this.
    #[error("Cannot {action} milestone in status: {status}")]
    MilestoneStatus {
        /// What was asked for.
        action: &'static str,
        /// The milestone's state.
        status: MilestoneStatus,
    },
    /// A lower milestone is not done.
    #[error("Previous milestone (index {0}) must be completed first")]
    PreviousNotCompleted(u32),
    /// A lower milestone is done but not released.
    #[error("Previous milestone (index {0}) must be released first")]
    PreviousNotReleased(u32),
    /// There is no money in escrow.
    #[error("Payment intent is not funded")]
    NotFunded,
    /// The intent is in a state that does not allow this.
    #[error("Cannot {action} payment intent in status: {status}")]
    IntentStatus {
        /// What was asked for.
        action: &'static str,
        /// The intent's state.
        status: IntentStatus,
    },
    /// Part of the money is the merchant's already.
    #[error("Cannot cancel payment intent after a release")]
    CancelAfterRelease,
    /// Somebody else may ask for this.
    #[error("The {who} may not {action} in this mode")]
    NotAllowed {
        /// Who asked.
        who: Role,
        /// What for.
        action: CommandKind,
    },
    /// Somebody else paid, or nobody yet.
    #[error("Only whoever paid may ask for this")]
    NotThePayer,
    /// The signature is not the payer's under the terms.
    #[error("{0}")]
    Signature(String),
    /// What was signed is void: the terms are others, or the payment has failed.
    #[error("The payment intent has changed since it was signed; sign the current typedData")]
    TermsChanged,
    /// The typed data had a deadline.
    #[error("The deadline for consenting to this payment intent has passed (Unix seconds {})", .0.seconds())]
    ConsentExpired(Timestamp),
    /// Anybody may try, but not for ever.
    #[error("At most {MAX_PAYMENTS} payments of one payment intent can be attempted; create a new payment intent")]
    TooManyPayments,
    /// A simulated payer tries too often.
    #[error(
        "At most {MAX_SIMULATED_UNAPPLIED} payments can be simulated that are not the funding of their payment intent"
    )]
    TooManyUnapplied,
    /// There is no such attempt to pay, or it is not under way any more.
    #[error("The payment is not under way")]
    PaymentNotUnderWay,
    /// A transaction is named already.
    #[error("A transaction hash is already known for this payment intent")]
    TransactionNamed,
    /// The transaction is another intent's.
    #[error("Transaction hash is already used by another payment intent")]
    TransactionTaken,
    /// The order is in a state that does not allow this.
    #[error("Cannot {action} order in status: {status}")]
    OrderStatus {
        /// What was asked for.
        action: &'static str,
        /// The order's state.
        status: OrderStatus,
    },
    /// Milestones are completed one by one.
    #[error("Cannot submit delivery proof for order with release type: MILESTONE_LOCKED")]
    ProofOfMilestones,
    /// The order does not wait for a proof any more. The numbers are those of the escrow contract.
    #[error(
        "Cannot submit delivery proof: order status is {}, must be Created (0) or InTransit (1)",
        contract_status(*.0)
    )]
    ProofStatus(OrderStatus),
    /// The proof is not the one that was agreed.
    #[error("proofHash does not match expectedDeliveryHash")]
    ProofMismatch,
    /// Only the oracle may prove the delivery.
    #[error("submittedBy must be the delivery oracle {0}")]
    NotTheOracle(Address),
    /// The oracle's signature is not one.
    #[error("{0}")]
    OracleSignature(String),
    /// What this release type holds is not released by hand.
    #[error("Cannot release order with release type: {0}")]
    NotReleasedByHand(ReleaseType),
    /// It waits for the resolution of a dispute.
    #[error("{0} is disputed; what it holds moves by the resolution of the dispute")]
    Disputed(&'static str),
    /// A dispute about it is open.
    #[error("Dispute already raised for this {0}")]
    DisputeAlreadyRaised(&'static str),
    /// A dispute over all of it would take in what one over a milestone is about.
    #[error("Dispute already raised for a milestone of this order; dispute the other milestones by milestoneId")]
    MilestoneDisputed,
    /// There is nothing left to dispute.
    #[error("Cannot raise dispute: order is already completed")]
    DisputeTooLate,
    /// The dispute does not exist, or is decided.
    #[error("No open dispute found{}", if .0.is_some() { " for this milestone" } else { "" })]
    DisputeNotFound(Option<MilestoneId>),
    /// Several disputes are open, and none was named.
    #[error("Several disputes are open; say which one by milestoneId")]
    WhichDispute,
    /// A dispute may only lengthen the window.
    #[error("disputeWindow may lengthen the dispute window of the order, which is {} seconds, but not shorten it", .0.seconds())]
    WindowShortened(Span),
    /// One party has said enough.
    #[error("At most {MAX_EVIDENCE} pieces of evidence can be submitted by one party of a dispute")]
    TooMuchEvidence,
    /// The part to be refunded is no amount in the currency of the intent.
    #[error("refundAmount {0}")]
    RefundAmount(AmountError),
    /// A part must be less than the whole.
    #[error("refundAmount must be greater than zero and less than what is disputed, {0}")]
    RefundNotPartial(Amount),
    /// What the payer signed or spoke of is no longer so.
    #[error("{0} has changed since; get it again")]
    Stale(&'static str),
    /// The share does not wait for approval any more.
    #[error("Milestone already approved")]
    MilestoneApproved,
    /// There is not so much that may go back.
    #[error("At most {available} can be refunded{hint}")]
    InsufficientFunds {
        /// How much.
        available: Amount,
        /// What would have to be done first.
        hint: String,
    },
    /// The payer has to wait.
    #[error("Nothing can be reclaimed before {} (Unix seconds), a dispute window after the delivery deadline", .0.seconds())]
    ReclaimTooEarly(Timestamp),
    /// Every share is done, or waits for a decision.
    #[error("Nothing can be reclaimed: what is held was completed, proven or rejected, or is disputed")]
    NothingToReclaim,
    /// There have been enough.
    #[error("At most {MAX_REFUNDS} refunds of one payment intent can be asked for")]
    TooManyRefunds,
    /// What came in without a purpose is sent back until it arrives.
    #[error("A refund of money that is not the payment intent's own cannot fail")]
    RefundMustArrive,
    /// A timer rang for something that no longer waits.
    #[error("Nothing waits for this any more")]
    NothingDue,
    /// Only approval releases this share.
    #[error("Only the payer's approval, or their silence for the approval period, releases this milestone")]
    NeedsApproval,
    /// The settlement is past this.
    #[error("Settlement is in status: {0}")]
    SettlementStatus(SettlementStatus),
    /// The refund is past this.
    #[error("Refund is in status: {0}")]
    RefundStatus(RefundStatus),
    /// A timer rang too early, for instance because the clock stepped back.
    #[error("Not due before {} (Unix milliseconds)", .0.ms())]
    NotDue(Timestamp),
    /// The merchant's totals would not fit any more.
    #[error("The merchant's totals in this currency, over all time, would exceed the largest that can be kept")]
    BalanceTooLarge,
    /// The decision would have broken an invariant: a defect of Milepost, caught before it touched anything.
    #[error("The request would break an invariant of the ledger and was refused: {0}")]
    Broken(String),
}

/// The number that the escrow contract gives a status, where it has one.
const fn contract_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "0",
        OrderStatus::Shipped => "1",
        OrderStatus::Delivered => "2",
        OrderStatus::Disputed => "DISPUTED",
        OrderStatus::Completed => "4",
        OrderStatus::Cancelled => "CANCELLED",
    }
}

/// A sum that cannot be: `decide` checks before it moves money, so that this is a defect.
impl From<SumError> for Rejection {
    fn from(error: SumError) -> Rejection {
        Rejection::Broken(error.to_string())
    }
}
