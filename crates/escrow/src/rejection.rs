//! Why a command is refused. A refusal changes nothing.

use crate::authority::Role;
use crate::command::CommandKind;
use crate::limits::{MAX_MILESTONES, MAX_PAYMENTS, MAX_SIMULATED_UNAPPLIED};
use crate::money::AmountError;
use crate::state::{IntentStatus, MilestoneStatus, OrderStatus, RefundStatus, SettlementStatus};
use crate::terms::ReleaseType;
use crate::time::Timestamp;

/// Why a command is refused; the text is what the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The intent has no escrow order.
    #[error("Payment intent is not of type DELIVERY_VS_PAYMENT")]
    NoOrder,
    /// Not a share this order can have.
    #[error("{0}")]
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
    /// Only approval releases this share.
    #[error("The milestone came or changed after the payer's consent; only the payer's approval releases it")]
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
