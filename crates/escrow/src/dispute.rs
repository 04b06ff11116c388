//! Disputes: what is held about them waits until somebody, or time, decides.

use serde::{Deserialize, Serialize};

use crate::authority::Role;
use crate::chain::Hash;
use crate::id::{DisputeId, MilestoneId};
use crate::money::Amount;
use crate::planted;
use crate::rejection::Rejection;
use crate::state::{Escrow, Milestone, Order, OrderState};
use crate::terms::names;
use crate::time::{Span, Timestamp};

/// A dispute over an order, or one milestone of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// The milestone that it freezes; `None` is all that is held.
    pub milestone: Option<MilestoneId>,
    /// Who raised it; the gateway does so for a milestone that was rejected and not done again in time.
    pub by: Role,
    /// Who that is; a label, no authority.
    pub raised_by: String,
    /// Why.
    pub reason: String,
    /// When it was raised.
    pub raised: Timestamp,
    /// What was submitted about it, oldest first.
    pub evidence: Vec<Evidence>,
    /// Where it stands.
    pub state: DisputeState,
}

/// What a party submits about a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When.
    pub at: Timestamp,
    /// Which party.
    pub by: Role,
    /// Who that is; a label, no authority.
    pub submitted_by: String,
    /// What it says.
    pub text: Option<String>,
    /// Where it is.
    pub uri: Option<String>,
    /// The hash of what is there.
    pub hash: Option<Hash>,
}

/// Where a dispute stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisputeState {
    /// Nobody has decided.
    Open {
        /// When it decides itself.
        due: Timestamp,
    },
    /// It is decided.
    Resolved(Resolved),
}

/// How a dispute was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// When.
    pub at: Timestamp,
    /// For whom.
    pub resolution: Resolution,
    /// What went back to the payer of what was frozen.
    pub refunded: Amount,
    /// What became the merchant's of it.
    pub released: Amount,
    /// Who decided; a label, no authority. `None` when nobody did in time.
    pub by: Option<String>,
    /// What was said to it.
    pub note: Option<String>,
}

names! {
    /// How a dispute ends.
    Resolution {
        /// What is frozen is released.
        MerchantWon = "MERCHANT_WON",
        /// What is frozen is refunded.
        BuyerWon = "BUYER_WON",
        /// Some of it is refunded, the rest released.
        PartialRefund = "PARTIAL_REFUND",
    }
}

names! {
    /// The name of a dispute's state, as the API has always written it.
    DisputeStatus {
        /// Nobody has decided.
        Raised = "raised",
        /// It is decided.
        Resolved = "resolved",
    }
}

names! {
    /// How a dispute ends that nobody decides in time.
    DefaultResolution {
        /// What is frozen is released.
        MerchantWon = "MERCHANT_WON",
        /// What is frozen is refunded.
        BuyerWon = "BUYER_WON",
    }
}

impl Dispute {
    /// The name of its state.
    #[must_use]
    pub const fn status(&self) -> DisputeStatus {
        match self.state {
            DisputeState::Open { .. } => DisputeStatus::Raised,
            DisputeState::Resolved(_) => DisputeStatus::Resolved,
        }
    }

    /// Whether nobody has decided.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, DisputeState::Open { .. })
    }

    /// How it was decided, if it was.
    #[must_use]
    pub const fn resolved(&self) -> Option<&Resolved> {
        match &self.state {
            DisputeState::Open { .. } => None,
            DisputeState::Resolved(resolved) => Some(resolved),
        }
    }
}

impl Order {
    /// Whether this milestone waits for the resolution of a dispute.
    #[must_use]
    pub fn is_frozen(&self, milestone: &Milestone) -> bool {
        let is_about_it = |dispute: &Dispute| dispute.milestone.is_none_or(|id| id == milestone.id);
        milestone.is_open()
            && !planted!(NothingFrozen)
            && self.disputes.iter().any(|dispute| dispute.is_open() && is_about_it(dispute))
    }

    /// The open dispute over a milestone; where none is named, the only one that is open.
    ///
    /// # Errors
    /// When none is open about it, or several are and none was named.
    pub fn open_dispute(&self, milestone: Option<MilestoneId>) -> Result<&Dispute, Rejection> {
        let is_about_it = |dispute: &&Dispute| milestone.is_none() || dispute.milestone == milestone;
        let mut open = self.disputes.iter().filter(|dispute| dispute.is_open()).filter(is_about_it);
        match (open.next(), open.next()) {
            (Some(dispute), None) => Ok(dispute),
            (Some(_), Some(_)) => Err(Rejection::WhichDispute),
            (None, _) => Err(Rejection::DisputeNotFound(milestone)),
        }
    }

    /// Whether all that is held waits for the resolution of a dispute.
    #[must_use]
    pub const fn is_disputed(&self) -> bool {
        matches!(self.state, OrderState::Disputed { .. })
    }
}

impl Escrow {
    /// The disputes, oldest first; none where there is no order.
    #[must_use]
    pub fn disputes(&self) -> &[Dispute] {
        self.order.as_ref().map_or(&[], |order| order.disputes.as_slice())
    }

    /// The dispute with this id.
    #[must_use]
    pub fn dispute(&self, id: DisputeId) -> Option<&Dispute> {
        self.disputes().iter().find(|dispute| dispute.id == id)
    }

    /// How long a dispute waits for its resolution.
    #[must_use]
    pub fn dispute_window(&self) -> Span {
        self.order.as_ref().and_then(|order| order.longer_window).unwrap_or(self.terms.dispute_window)
    }
}
