//! What always holds of one escrow. Every decision is checked against it before it leaves the domain, and `milepost verify`
//! checks every stored escrow.

use crate::dispute::Dispute;
use crate::limits::MAX_MILESTONES;
use crate::money::Amount;
use crate::payment::{Payment, PaymentState};
use crate::refund::{Refund, RefundStatus};
use crate::settlement::{Settlement, SettlementStatus};
use crate::state::{Escrow, IntentState, IntentStatus, Milestone, MilestoneState, MilestoneStatus, Order, OrderState};
use crate::terms::ReleaseType;

/// An invariant that does not hold, in words.
pub type Broken = String;

impl Escrow {
    /// Checks this state by itself.
    ///
    /// # Errors
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        self.check_funds()?;
        self.check_funding()?;
        self.check_payments()?;
        self.check_settlements()?;
        self.order.as_ref().map_or(Ok(()), |order| self.check_order(order))
    }

    fn check_funds(&self) -> Result<(), Broken> {
        let funds = &self.funds;
        let currency = self.terms.amount.currency();
        for (account, balance) in funds.balances() {
            ensure(balance.minor() >= 0, || format!("{account} is negative: {balance}"))?;
            ensure(balance.currency() == currency, || format!("{account} is in {}", balance.currency()))?;
        }
        let left = funds.funded.minus(funds.released).and_then(|rest| rest.minus(funds.refunded));
        ensure(left == Ok(funds.held), || {
            format!(
                "held {} is not funded {} - released {} - refunded {}",
                funds.held, funds.funded, funds.released, funds.refunded
            )
        })
    }

    fn check_funding(&self) -> Result<(), Broken> {
        let is_paid = match self.state {
            IntentState::Initiated
            | IntentState::RequiresSignature { .. }
            | IntentState::Processing { .. }
            | IntentState::PaymentFailed { .. } => Some(false),
            IntentState::Succeeded
            | IntentState::PayoutFailed { .. }
            | IntentState::Settled { .. }
            | IntentState::Final { .. } => Some(true),
            IntentState::Canceled { .. } => None,
        };
        let status = self.status();
        if let Some(is_paid) = is_paid {
            ensure(self.funding.is_some() == is_paid, || format!("{status}, and funding is {:?}", self.funding))?;
        }
        let expected = if self.funding.is_some() { self.terms.amount.minor() } else { 0 };
        ensure(self.funds.funded.minor() == expected, || {
            format!("funded {} instead of {expected}", self.funds.funded.minor())
        })?;
        let should_be_settled = matches!(status, IntentStatus::Settled | IntentStatus::Final);
        ensure(self.funds.is_settled() == should_be_settled, || format!("{status} with {:?}", self.funds))?;
        let is_failed = matches!(self.state, IntentState::PayoutFailed { .. });
        let is_final = status == IntentStatus::Final;
        let should_fail = self.needs_action() && status != IntentStatus::Canceled;
        ensure(is_failed == should_fail, || format!("{status}, and something did not arrive: {should_fail}"))?;
        ensure(!is_final || self.funds.refunding.is_zero(), || "a refund is on its way after the end".to_owned())?;
        let was_released = !self.funds.released.is_zero();
        ensure(status != IntentStatus::Canceled || !was_released, || "canceled after a release".to_owned())
    }

    /// One payment at most is the funding, one at most is under way, and only where it is waited for or was given up on.
    fn check_payments(&self) -> Result<(), Broken> {
        let count = |wanted: fn(&Payment) -> bool| self.payments.iter().filter(|payment| wanted(payment)).count();
        let finals = count(|payment| matches!(payment.state, PaymentState::Final { .. }));
        ensure(finals <= 1 && (finals == 0 || self.funding.is_some()), || {
            format!("{finals} payments are final, and funding is {:?}", self.funding)
        })?;
        let is_final = |payment: &&Payment| matches!(payment.state, PaymentState::Final { .. });
        let rail = self.payments.iter().find(is_final).map(|payment| payment.rail);
        ensure(rail.is_none() || rail == self.funding.map(|funding| funding.rail), || {
            format!("the final payment came on {rail:?}, funding is {:?}", self.funding)
        })?;
        ensure(self.payments.iter().all(|payment| payment.revision <= self.revision), || {
            "a payment consents to what is not yet".to_owned()
        })?;
        let (under_way, status) = (count(Payment::is_confirming), self.status());
        let may_be_under_way = match status {
            IntentStatus::Processing => 1..=1,
            IntentStatus::Canceled => 0..=1,
            IntentStatus::Initiated
            | IntentStatus::RequiresSignature
            | IntentStatus::RequiresAction
            | IntentStatus::Succeeded
            | IntentStatus::Settled
            | IntentStatus::Final => 0..=0,
        };
        ensure(may_be_under_way.contains(&under_way), || format!("{status} with {under_way} payments under way"))?;
        let returns = |id| self.refund(id).is_some_and(|refund| refund.source.is_unapplied());
        let goes_back = |payment: &Payment| match payment.state {
            PaymentState::Unapplied { refund, .. } => returns(refund),
            PaymentState::Confirming { .. } | PaymentState::Final { .. } | PaymentState::Failed { .. } => true,
        };
        ensure(self.payments.iter().all(goes_back), || "an unapplied payment has no way back".to_owned())
    }

    /// Money goes where the terms say. What waits to be paid out is exactly what is payable, and what is being paid out is exactly what is
    /// reserved.
    fn check_settlements(&self) -> Result<(), Broken> {
        for Settlement { id, method, destination, .. } in &self.settlements {
            let is_agreed =
                *method == self.terms.settlement_method && *destination == self.terms.settlement_destination;
            ensure(is_agreed, || format!("{id} goes to {destination} by {}, which was not agreed", method.name()))?;
        }
        let is_reserved = |settlement: &Settlement| settlement.status() == SettlementStatus::Executed;
        let sum_minor = |is_of_kind: fn(&Settlement) -> bool| {
            let of_kind = self.settlements.iter().filter(|settlement| is_of_kind(settlement));
            of_kind.map(|settlement| settlement.amount.minor()).try_fold(0_i64, i64::checked_add)
        };
        for (name, sum, balance) in [
            ("payable", sum_minor(Settlement::is_payable), self.funds.payable),
            ("reserved", sum_minor(is_reserved), self.funds.reserved),
        ] {
            ensure(sum == Some(balance.minor()), || {
                format!("{name} settlements are {sum:?}, the balance is {balance}")
            })?;
        }
        let waits = |refund: &&Refund| refund.source.is_escrow() && refund.status() == RefundStatus::Pending;
        let going_back =
            self.refunds.iter().filter(waits).try_fold(0_i64, |sum, refund| sum.checked_add(refund.amount.minor()));
        ensure(going_back == Some(self.funds.refunding.minor()), || {
            format!("pending refunds are {going_back:?}, the balance is {}", self.funds.refunding)
        })
    }

    fn check_order(&self, order: &Order) -> Result<(), Broken> {
        ensure(order.milestones.len() <= MAX_MILESTONES, || "too many milestones".to_owned())?;
        ensure(order.milestones.is_sorted_by_key(|milestone| milestone.index), || {
            "milestones out of order".to_owned()
        })?;
        let allocated = self.allocated_minor();
        let allocatable = self.allocatable();
        ensure(allocated <= allocatable.minor(), || format!("milestones of {allocated} exceed {allocatable}"))?;
        let is_empty = self.funding.is_some() && self.funds.held.is_zero();
        let has_come_back = self.refunds.iter().any(|refund| refund.status() == RefundStatus::Failed);
        let fits = match order.state {
            OrderState::Pending
            | OrderState::Shipped { .. }
            | OrderState::Delivered { .. }
            | OrderState::Disputed { .. } => !is_empty,
            OrderState::Completed { .. } => is_empty || has_come_back,
            OrderState::Cancelled { .. } => self.funds.held.is_zero() || has_come_back,
        };
        ensure(fits, || format!("order is {} and holds {}", order.state.status(), self.funds.held))?;
        check_disputes(order)?;
        check_release_order(order)?;
        if self.terms.release_type != ReleaseType::MilestoneLocked {
            let is_whole = self.funds.released.is_zero() || self.funds.held.is_zero() || has_come_back;
            return ensure(is_whole && order.milestones.is_empty(), || {
                format!("{} released and {} held of an order without shares", self.funds.released, self.funds.held)
            });
        }
        // What a resolution of the whole order released beyond the milestones belonged to none.
        let is_resolved = |dispute: &Dispute| dispute.milestone.is_none() && !dispute.is_open();
        let released =
            order.milestones.iter().try_fold(0_i64, |sum, milestone| sum.checked_add(share_minor(milestone)));
        let total = self.funds.released.minor();
        let is_all =
            if order.disputes.iter().any(is_resolved) { released <= Some(total) } else { released == Some(total) };
        ensure(is_all && released.is_some(), || format!("released milestones are {released:?}, the total is {total}"))
    }
}

/// What became the merchant's of a milestone, in minor units.
fn share_minor(milestone: &Milestone) -> i64 {
    let Some(release) = milestone.release() else { return 0 };
    milestone.amount.minor() - release.refunded.map_or(0, Amount::minor)
}

/// Of one thing at most one dispute is open, and the order is disputed while one over all of it is.
fn check_disputes(order: &Order) -> Result<(), Broken> {
    let open = || order.disputes.iter().filter(|dispute| dispute.is_open());
    let is_whole = open().any(|dispute| dispute.milestone.is_none());
    ensure(is_whole == order.is_disputed(), || format!("order is {}, dispute: {is_whole}", order.state.status()))?;
    ensure(!is_whole || open().count() == 1, || "a disputed order has other open disputes".to_owned())?;
    for (position, dispute) in open().enumerate() {
        let is_again = open().skip(position + 1).any(|other| other.milestone == dispute.milestone);
        ensure(!is_again, || format!("{} is not the only one about its milestone", dispute.id))?;
        let mut milestones = order.milestones.iter();
        let about = |id| milestones.any(|milestone| milestone.id == id && milestone.is_open());
        ensure(dispute.milestone.is_none_or(about), || format!("{} freezes what has ended", dispute.id))?;
    }
    Ok(())
}

/// Milestones are released in order, resolutions apart, and completed in order, rejections apart.
fn check_release_order(order: &Order) -> Result<(), Broken> {
    let was_decided = |milestone: &Milestone| {
        let is_about_it = |dispute: &Dispute| dispute.milestone.is_none_or(|id| id == milestone.id);
        order.disputes.iter().any(|dispute| !dispute.is_open() && is_about_it(dispute))
    };
    let (mut has_open_below, mut has_undone_below, mut index_below) = (false, false, None);
    for milestone in order.milestones.iter().filter(|milestone| milestone.status() != MilestoneStatus::Cancelled) {
        let is_ahead = match milestone.state {
            MilestoneState::Released(..) => has_open_below && !was_decided(milestone),
            MilestoneState::Completed(_) => has_undone_below,
            MilestoneState::Pending | MilestoneState::Cancelled { .. } => false,
        };
        ensure(!is_ahead, || format!("milestone {} is ahead of one below it", milestone.index))?;
        ensure(index_below != Some(milestone.index), || format!("two milestones of index {}", milestone.index))?;
        let is_pending = matches!(milestone.state, MilestoneState::Pending);
        ensure(milestone.rejected.is_none() || milestone.status() != MilestoneStatus::Completed, || {
            format!("milestone {} is completed and rejected", milestone.index)
        })?;
        has_open_below |= milestone.is_open();
        has_undone_below |= is_pending && milestone.rejected.is_none();
        index_below = Some(milestone.index);
    }
    Ok(())
}

fn ensure(holds: bool, broken: impl FnOnce() -> Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(broken()) }
}
