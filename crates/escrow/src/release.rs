//! The release rules: what needs nobody to ask for it, what silence or time releases, and what the payer may take back.
//!
//! | release type | releases | when it is funded, not frozen, and |
//! |---|---|---|
//! | MILESTONE_LOCKED | a milestone's share, in order | completed, and auto release, or approved, or by hand, or after silence |
//! | DELIVERY_PROOF | all that is held | proven, and auto release, or by hand, or after silence |
//! | AUTO_RELEASE | all that is held | proven |
//! | TIME_LOCKED | all that is held | its time has come, where that was agreed also shipped or delivered |
//!
//! Where approval is required, completion and proof release nothing by themselves: what was completed or proven waits for the payer,
//! for the approval period to pass in silence, or for a resolution. A time lock has nothing to approve, and opens all the same.

use crate::id::MilestoneId;
use crate::money::Amount;
use crate::planted;
use crate::settlement::Settlement;
use crate::state::{DeliveryProof, Escrow, Milestone, MilestoneState, Order, OrderState};
use crate::terms::ReleaseType;
use crate::time::Timestamp;

/// What a payer may take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclaimable {
    /// How much.
    pub amount: Amount,
    /// The milestones that end by it.
    pub milestones: Vec<MilestoneId>,
}

impl Escrow {
    /// The order, while money is held for it and may move.
    fn held_order(&self) -> Option<&Order> {
        let is_held = !self.funds.held.is_zero();
        self.order.as_ref().filter(|order| is_held && !order.state.is_over() && !order.is_disputed())
    }

    /// Whether a milestone waits for the resolution of a dispute.
    #[must_use]
    pub fn is_frozen(&self, milestone: &Milestone) -> bool {
        self.order.as_ref().is_some_and(|order| order.is_frozen(milestone))
    }

    /// Whether only the payer's approval, or silence in its place, releases a milestone.
    #[must_use]
    pub const fn needs_approval(&self, milestone: &Milestone) -> bool {
        self.terms.require_approval || milestone.after_consent
    }

    /// Whether a milestone could be approved now: completed, neither approved nor frozen.
    #[must_use]
    pub fn awaits_approval(&self, milestone: &Milestone) -> bool {
        let MilestoneState::Completed(completion) = &milestone.state else { return false };
        completion.approval.is_none() && !self.is_frozen(milestone)
    }

    /// The delivery proof after which all that is held could be released by hand now.
    #[must_use]
    pub fn releasable_proof(&self) -> Option<&DeliveryProof> {
        self.held_order().filter(|_| self.terms.release_type.is_by_proof())?.proof.as_ref()
    }

    /// Whether the payer could take something back now.
    #[must_use]
    pub fn is_reclaimable(&self, now: Timestamp) -> bool {
        self.reclaimable_from().is_some_and(|from| from <= now) && !self.reclaimable().amount.is_zero()
    }

    /// Whether the share of a completed milestone needs nobody to ask for it any more.
    #[must_use]
    pub fn releases_by_itself(&self, milestone: &Milestone) -> bool {
        let is_approved = milestone.completion().is_some_and(|completion| completion.approval.is_some());
        let is_agreed = self.terms.auto_release && !self.needs_approval(milestone);
        self.funding.is_some() && (is_agreed || is_approved) && !self.is_frozen(milestone)
    }

    /// Whether an accepted proof is enough to release all that is held.
    const fn proof_is_enough(&self) -> bool {
        let is_agreed = match self.terms.release_type {
            ReleaseType::AutoRelease => true,
            ReleaseType::DeliveryProof => self.terms.auto_release,
            ReleaseType::TimeLocked | ReleaseType::MilestoneLocked => false,
        };
        is_agreed && !self.terms.require_approval
    }

    /// Whether a proof was accepted that releases all that is held, without anybody asking.
    #[must_use]
    pub fn is_proven_for_release(&self) -> bool {
        self.proof_is_enough() && self.held_order().is_some_and(|order| order.proof.is_some())
    }

    /// When the time lock of what is held opens: once its time has come, and where that was agreed, no earlier than the delivery.
    #[must_use]
    pub fn time_lock(&self) -> Option<Timestamp> {
        let order = self.held_order().filter(|_| self.terms.release_type == ReleaseType::TimeLocked)?;
        let until = self.terms.time_lock_until?;
        let is_waiting = match order.state {
            OrderState::Pending => self.terms.require_delivery,
            OrderState::Shipped { .. } | OrderState::Delivered { .. } => false,
            OrderState::Disputed { .. } | OrderState::Completed { .. } | OrderState::Cancelled { .. } => true,
        };
        (!is_waiting).then_some(until)
    }

    /// What silence will release next, a milestone or the whole order, and when it has lasted long enough.
    #[must_use]
    pub fn silence(&self) -> Option<(Option<MilestoneId>, Timestamp)> {
        let order = self.held_order().filter(|_| !planted!(EndlessSilence))?;
        let (subject, since) = match self.terms.release_type {
            ReleaseType::MilestoneLocked => self.next_to_release(order)?,
            // Where the proof was enough, nothing is held any more.
            ReleaseType::DeliveryProof | ReleaseType::AutoRelease => (None, order.proof.as_ref()?.created),
            ReleaseType::TimeLocked => return None,
        };
        let funded = self.funding.map_or(since, |funding| funding.at);
        Some((subject, since.max(funded).after(self.terms.approval_period)))
    }

    /// The lowest milestone that has not ended, where it is completed and waits for somebody.
    fn next_to_release(&self, order: &Order) -> Option<(Option<MilestoneId>, Timestamp)> {
        let lowest = order.milestones.iter().find(|milestone| milestone.is_open())?;
        match &lowest.state {
            MilestoneState::Completed(completion) if !self.releases_by_itself(lowest) && !order.is_frozen(lowest) => {
                Some((Some(lowest.id), completion.at))
            }
            MilestoneState::Pending
            | MilestoneState::Completed(_)
            | MilestoneState::Released(..)
            | MilestoneState::Cancelled { .. } => None,
        }
    }

    /// The milestones that were rejected and not completed again, and when each becomes a dispute: at the delivery deadline.
    pub fn rejections(&self) -> impl Iterator<Item = (MilestoneId, Timestamp)> {
        let waiting = self.held_order().zip(self.delivery_deadline()).map(|(order, deadline)| {
            order.milestones.iter().filter_map(move |milestone| {
                let rejected = milestone.rejected.as_ref()?;
                let is_waiting = matches!(milestone.state, MilestoneState::Pending) && !order.is_frozen(milestone);
                is_waiting.then_some((milestone.id, deadline.max(rejected.at)))
            })
        });
        waiting.into_iter().flatten()
    }

    /// When the payer may take back what was not delivered: the dispute window that was agreed after the delivery deadline, however
    /// long one that was raised since may last. What came back after the order had ended is the payer's at once.
    #[must_use]
    pub fn reclaimable_from(&self) -> Option<Timestamp> {
        let is_over = self.order.as_ref().is_some_and(|order| order.state.is_over());
        let funded = self.funding.map(|funding| funding.at);
        if is_over {
            funded
        } else {
            self.delivery_deadline().map(|deadline| deadline.after(self.terms.dispute_window))
        }
    }

    /// What the payer may take back once the time for it has come: everything but shares that are completed, proven, rejected or
    /// frozen.
    #[must_use]
    pub fn reclaimable(&self) -> Reclaimable {
        let held = self.funds.held;
        let nothing = Reclaimable { amount: Amount::zero(held.currency()), milestones: Vec::new() };
        let Some(order) = &self.order else { return nothing };
        if order.state.is_over() {
            return Reclaimable { amount: held, milestones: Vec::new() };
        }
        if order.is_disputed() || order.proof.is_some() {
            return nothing;
        }
        let is_given_up = |milestone: &&Milestone| {
            matches!(milestone.state, MilestoneState::Pending)
                && milestone.rejected.is_none()
                && !order.is_frozen(milestone)
        };
        let given_up = || order.milestones.iter().filter(is_given_up);
        let shares_minor = given_up().fold(0_i64, |sum, milestone| sum.saturating_add(milestone.amount.minor()));
        let minor = self.unallocated().minor().saturating_add(shares_minor);
        let amount = Amount::from_minor(minor, held.currency()).unwrap_or(nothing.amount);
        Reclaimable { amount, milestones: given_up().map(|milestone| milestone.id).collect() }
    }

    /// What a refund may take of what is held: all that belongs to no open milestone and is not frozen.
    #[must_use]
    pub fn refundable(&self) -> Amount {
        let is_disputed = self.order.as_ref().is_some_and(Order::is_disputed);
        if is_disputed { Amount::zero(self.funds.held.currency()) } else { self.unallocated() }
    }

    /// Whether some of what left did not arrive, and somebody must see to it.
    #[must_use]
    pub fn needs_action(&self) -> bool {
        let is_over = self.order.as_ref().is_some_and(|order| order.state.is_over());
        self.settlements.iter().any(Settlement::needs_retry) || (is_over && !self.funds.held.is_zero())
    }
}
