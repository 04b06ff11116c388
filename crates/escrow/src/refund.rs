//! Payments back to the payer, and where they stand.

use serde::{Deserialize, Serialize};

use crate::id::RefundId;
use crate::ledger::Rail;
use crate::money::Amount;
use crate::terms::names;
use crate::time::Timestamp;

/// One payment back to whoever paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Its id; the rail is asked under it, however often.
    pub id: RefundId,
    /// How much.
    pub amount: Amount,
    /// The rail it goes back on.
    pub rail: Rail,
    /// Where the money was.
    #[serde(default)]
    pub source: RefundSource,
    /// How much of it had been released already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_payable: Option<Amount>,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it stands.
    pub state: RefundState,
    /// When it was created.
    pub created: Timestamp,
}

names! {
    /// The name of a refund's state.
    RefundStatus {
        /// On its way.
        Pending = "PENDING",
        /// The payer has it.
        Succeeded = "SUCCEEDED",
        /// The rail refused it for good.
        Failed = "FAILED",
    }
}

/// Where the money of a refund was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundSource {
    /// In escrow, or released from it and not yet on its way to the payee.
    #[default]
    Escrow,
    /// Nowhere: it came in without a purpose.
    Unapplied(Unapplied),
}

impl RefundSource {
    /// Whether the money was the intent's own.
    #[must_use]
    pub const fn is_escrow(&self) -> bool {
        matches!(self, RefundSource::Escrow)
    }

    /// Whether the money came in without a purpose.
    #[must_use]
    pub const fn is_unapplied(&self) -> bool {
        matches!(self, RefundSource::Unapplied(_))
    }
}

names! {
    /// Why money that came in is not the funding of its intent.
    Unapplied {
        /// The intent had been given up.
        Late = "late",
        /// The intent had been paid.
        Double = "double",
        /// It was less than the intent's amount.
        Short = "short",
        /// It was what exceeded the intent's amount.
        Excess = "excess",
    }
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundState {
    /// The rail is asked, under the same id until it answers.
    Pending,
    /// The payer has it.
    Succeeded {
        /// When it arrived.
        at: Timestamp,
        /// The rail's own name for the payment.
        reference: String,
    },
    /// The rail refused it for good; the money is back where it was.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

impl Refund {
    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> RefundStatus {
        match self.state {
            RefundState::Pending => RefundStatus::Pending,
            RefundState::Succeeded { .. } => RefundStatus::Succeeded,
            RefundState::Failed { .. } => RefundStatus::Failed,
        }
    }
}
