//! Payouts to the payee, and where they stand.

use serde::{Deserialize, Serialize};

use crate::id::{MilestoneId, SettlementId};
use crate::money::Amount;
use crate::state::is_zero;
use crate::terms::{SettlementMethod, names};
use crate::time::Timestamp;

/// One payout to the payee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// Its id; the payout method is asked under it, however often.
    pub id: SettlementId,
    /// The milestone whose release it pays out.
    pub milestone: Option<MilestoneId>,
    /// How much, after fees.
    pub amount: Amount,
    /// How.
    pub method: SettlementMethod,
    /// Where to, as the payout method understands it.
    pub destination: String,
    /// How often it was tried again after it had failed or come back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retries: u32,
    /// Where it stands.
    pub state: SettlementState,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

names! {
    /// The name of a settlement's state.
    SettlementStatus {
        /// Waiting for its time.
        Scheduled = "SCHEDULED",
        /// The payout method was asked, or is about to be.
        Executed = "EXECUTED",
        /// The money arrived.
        Confirmed = "CONFIRMED",
        /// The payout method refused it for good.
        Failed = "FAILED",
        /// The bank sent it back.
        Returned = "RETURNED",
        /// Its money was refunded before it started.
        Cancelled = "CANCELLED",
    }
}

/// Where a settlement stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettlementState {
    /// Waiting for its time.
    Scheduled {
        /// When it starts.
        due: Timestamp,
    },
    /// The money is reserved; the payout method is asked, under the same id until it answers.
    Executed {
        /// When it started.
        at: Timestamp,
    },
    /// The money arrived.
    Confirmed {
        /// When it started.
        executed_at: Timestamp,
        /// When it arrived.
        at: Timestamp,
        /// The payout method's own name for the payment.
        reference: String,
    },
    /// The payout method refused it for good; the money is the merchant's again.
    Failed {
        /// When it started.
        executed_at: Timestamp,
        /// When it was refused.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It arrived, and the bank sent it back; the money is the merchant's again.
    Returned {
        /// When it started.
        executed_at: Timestamp,
        /// When it had arrived.
        confirmed_at: Timestamp,
        /// When it came back.
        at: Timestamp,
        /// The payout method's own name for the payment.
        reference: String,
        /// Why.
        reason: String,
    },
    /// Its money was refunded before it started.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

impl Settlement {
    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> SettlementStatus {
        match self.state {
            SettlementState::Scheduled { .. } => SettlementStatus::Scheduled,
            SettlementState::Executed { .. } => SettlementStatus::Executed,
            SettlementState::Confirmed { .. } => SettlementStatus::Confirmed,
            SettlementState::Failed { .. } => SettlementStatus::Failed,
            SettlementState::Returned { .. } => SettlementStatus::Returned,
            SettlementState::Cancelled { .. } => SettlementStatus::Cancelled,
        }
    }

    /// Whether it did not reach the payee and waits for somebody to try it again.
    #[must_use]
    pub const fn needs_retry(&self) -> bool {
        matches!(self.state, SettlementState::Failed { .. } | SettlementState::Returned { .. })
    }

    /// Whether its money is the merchant's and not on its way.
    #[must_use]
    pub const fn is_payable(&self) -> bool {
        matches!(self.state, SettlementState::Scheduled { .. }) || self.needs_retry()
    }
}
