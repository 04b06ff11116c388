//! What always holds of one escrow. Every decision is checked against it before it leaves the domain, and `milepost verify`
//! checks every stored escrow.

use crate::limits::MAX_MILESTONES;
use crate::payment::{Payment, PaymentState};
use crate::state::{Escrow, IntentState, IntentStatus, MilestoneState, Order, OrderState, Refund, RefundStatus};

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
            IntentState::Succeeded | IntentState::Settled { .. } | IntentState::Final { .. } => Some(true),
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

    /// What waits to be paid out is exactly what is payable, and what is being paid out is exactly what is reserved.
    fn check_settlements(&self) -> Result<(), Broken> {
        use crate::state::SettlementStatus::{Executed, Scheduled};
        for (status, balance) in [(Scheduled, self.funds.payable), (Executed, self.funds.reserved)] {
            let sum = self
                .settlements
                .iter()
                .filter(|settlement| settlement.status() == status)
                .try_fold(0_i64, |sum, settlement| sum.checked_add(settlement.amount.minor()));
            ensure(sum == Some(balance.minor()), || {
                format!("{status} settlements are {sum:?}, the balance is {balance}")
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
        let is_over = matches!(order.state, OrderState::Completed { .. });
        let nothing_held = self.funding.is_some() && self.funds.held.is_zero() && !self.funds.released.is_zero();
        ensure(is_over == nothing_held, || format!("order is {} and holds {}", order.state.status(), self.funds.held))?;
        self.check_release_order(order)?;
        let released = order
            .milestones
            .iter()
            .filter(|milestone| milestone.release().is_some())
            .try_fold(0_i64, |sum, milestone| sum.checked_add(milestone.amount.minor()));
        ensure(released == Some(self.funds.released.minor()), || {
            format!("released milestones are {released:?}, the total is {}", self.funds.released)
        })
    }

    /// Nothing below a released milestone waits for its release, nothing below a completed one is pending, and no index
    /// stands twice.
    fn check_release_order(&self, order: &Order) -> Result<(), Broken> {
        let live =
            order.milestones.iter().filter(|milestone| !matches!(milestone.state, MilestoneState::Cancelled { .. }));
        let mut rank_below = u8::MAX;
        let mut index_below = None;
        for milestone in live {
            let rank = match milestone.state {
                MilestoneState::Released(..) => 2,
                MilestoneState::Completed(_) => 1,
                MilestoneState::Pending => 0,
                MilestoneState::Cancelled { .. } => continue,
            };
            ensure(rank <= rank_below, || format!("milestone {} is ahead of one below it", milestone.index))?;
            ensure(index_below != Some(milestone.index), || format!("two milestones of index {}", milestone.index))?;
            rank_below = rank;
            index_below = Some(milestone.index);
        }
        Ok(())
    }
}

fn ensure(holds: bool, broken: impl FnOnce() -> Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(broken()) }
}
