//! Money on its way back to the payer: asked for by the merchant, taken back by the payer, arrived or refused.

use super::{Draft, milestones};
use crate::command::NewRefund;
use crate::event::{EventKind, Subject};
use crate::id::RefundId;
use crate::ledger::Purpose;
use crate::limits::MAX_REFUNDS;
use crate::money::{Amount, Decimal};
use crate::planted;
use crate::refund::{Refund, RefundSource, RefundState, RefundStatus};
use crate::rejection::Rejection;
use crate::settlement::SettlementState;
use crate::state::{Escrow, IntentState, Milestone, MilestoneState, Order};
use crate::terms::Mode;

/// Gives back what the merchant asks to be given back: first what is held and free, then what was released and has not started on
/// its way to the payee.
pub(super) fn request(draft: &mut Draft<'_>, new: NewRefund) -> Result<(), Rejection> {
    let state = &draft.next;
    match state.state {
        IntentState::Initiated
        | IntentState::RequiresSignature { .. }
        | IntentState::Processing { .. }
        | IntentState::PaymentFailed { .. } => return Err(Rejection::NotFunded),
        IntentState::Succeeded | IntentState::PayoutFailed { .. } | IntentState::Settled { .. } => {}
        // What came back after the end is to be sent again.
        IntentState::Canceled { .. } if !state.funds.held.is_zero() => {}
        IntentState::Final { .. } | IntentState::Canceled { .. } => {
            return Err(Rejection::IntentStatus { action: "refund", status: state.status() });
        }
    }
    // What came back must not keep anybody from sending it again.
    let counts = |refund: &&Refund| refund.source.is_escrow() && refund.status() != RefundStatus::Failed;
    if state.refunds.iter().filter(counts).count() >= MAX_REFUNDS {
        return Err(Rejection::TooManyRefunds);
    }
    let (free, payable) = (state.refundable(), state.funds.payable);
    let wanted = match new.amount {
        Some(decimal) => decimal.in_currency(free.currency())?,
        None if state.funds.held.is_zero() => payable,
        None => free,
    };
    let available = free.plus(payable)?;
    if wanted.is_zero() || available.minus(wanted).is_err() {
        return Err(insufficient(state, new.amount, available));
    }
    let from_escrow = wanted.at_most(free)?;
    let from_payable = wanted.minus(from_escrow)?;
    start(draft, from_escrow, from_payable, new.reason)?;
    draft.advance();
    Ok(())
}

/// Why there is no more to give back, and what would free some.
fn insufficient(state: &Escrow, asked: Option<Decimal>, available: Amount) -> Rejection {
    let order = state.order.as_ref();
    if order.is_some_and(Order::is_disputed) {
        return Rejection::Disputed("The order");
    }
    let is_deletable =
        |milestone: &&Milestone| matches!(milestone.state, MilestoneState::Pending) && !state.is_frozen(milestone);
    let deletable = state.milestones().iter().rfind(is_deletable);
    let hint = deletable.map_or(String::new(), |milestone| {
        format!("; for more, delete the milestone with index {} first ({})", milestone.index, milestone.id)
    });
    // Where none was named, only what is held is meant, as long as anything is.
    let named = asked.is_some() || available.is_zero();
    let of_released = if named { "" } else { ", of what was released: name the amount to take it from there" };
    Rejection::InsufficientFunds { available, hint: format!("{of_released}{hint}") }
}

/// The payer takes back what was not delivered in time.
pub(super) fn reclaim(draft: &mut Draft<'_>, held: Option<Amount>) -> Result<(), Rejection> {
    let order = draft.order()?;
    let is_disputed = order.is_disputed();
    let from = draft.next.reclaimable_from().ok_or(Rejection::NotFunded)?;
    if is_disputed {
        return Err(Rejection::Disputed("The order"));
    }
    if draft.ctx.now < from {
        return Err(Rejection::ReclaimTooEarly(from));
    }
    if held.is_some_and(|held| held != draft.next.funds.held) {
        return Err(Rejection::Stale("What is held"));
    }
    let reclaimable = draft.next.reclaimable();
    if reclaimable.amount.is_zero() {
        return Err(Rejection::NothingToReclaim);
    }
    for id in reclaimable.milestones {
        let (position, _) = milestones::find(&draft.next, id)?;
        milestones::cancel(draft, position)?;
    }
    start(draft, reclaimable.amount, Amount::zero(reclaimable.amount.currency()), None)?;
    draft.advance();
    Ok(())
}

/// Sends money back: so much of what is held, and so much of what was released.
pub(super) fn start(
    draft: &mut Draft<'_>,
    from_escrow: Amount,
    from_payable: Amount,
    reason: Option<String>,
) -> Result<(), Rejection> {
    let rail = draft.next.funding.ok_or(Rejection::NotFunded)?.rail;
    let id = RefundId::fresh(draft.ctx.ids);
    if !from_escrow.is_zero() && !planted!(StillHeld) {
        draft.transfer(Purpose::Refund(id), from_escrow)?;
    }
    if !from_payable.is_zero() {
        take_from_settlements(draft, from_payable)?;
        draft.transfer(Purpose::RefundPayable(id), from_payable)?;
    }
    let amount = from_escrow.plus(from_payable)?;
    let from_payable = Some(from_payable).filter(|part| !part.is_zero());
    let (source, state, created) = (RefundSource::Escrow, RefundState::Pending, draft.now);
    draft.next.refunds.push(Refund { id, amount, rail, source, from_payable, reason, state, created });
    draft.event(EventKind::RefundCreated, Subject::Refund(id));
    Ok(())
}

/// Takes money from the settlements that have not started or did not arrive, the newest first.
fn take_from_settlements(draft: &mut Draft<'_>, amount: Amount) -> Result<(), Rejection> {
    let (now, mut rest) = (draft.now, amount);
    let mut touched = Vec::new();
    for settlement in draft.next.settlements.iter_mut().rev().filter(|settlement| settlement.is_payable()) {
        let part = settlement.amount.at_most(rest)?;
        if part.is_zero() {
            break;
        }
        rest = rest.minus(part)?;
        if part == settlement.amount {
            settlement.state = SettlementState::Cancelled { at: now };
            touched.push((EventKind::SettlementCanceled, settlement.id));
        } else {
            settlement.amount = settlement.amount.minus(part)?;
            touched.push((EventKind::SettlementReduced, settlement.id));
        }
        settlement.updated = now;
    }
    for (kind, id) in touched {
        draft.event(kind, Subject::Settlement(id));
    }
    Ok(())
}

/// Books money that is back where it came from.
pub(super) fn confirm(draft: &mut Draft<'_>, id: RefundId, reference: String) -> Result<(), Rejection> {
    let now = draft.now;
    let refund = pending(draft, id)?;
    refund.state = RefundState::Succeeded { at: now, reference };
    let (amount, rail) = (refund.amount, refund.rail);
    let (purpose, kind) = match refund.source {
        RefundSource::Escrow => (Purpose::Return(id, rail), EventKind::IntentRefunded),
        RefundSource::Unapplied(_) => (Purpose::SendBack(id, rail), EventKind::PaymentReturned),
    };
    // Like the payment that it sends back.
    draft.simulated = kind == EventKind::PaymentReturned && draft.next.owner.mode == Mode::Sandbox;
    draft.transfer(purpose, amount)?;
    draft.event(kind, Subject::Refund(id));
    Ok(())
}

/// Books money that the rail does not take back: it is where it was, and can be sent again.
pub(super) fn fail(draft: &mut Draft<'_>, id: RefundId, reason: String) -> Result<(), Rejection> {
    let now = draft.now;
    let refund = pending(draft, id)?;
    match refund.source {
        RefundSource::Escrow => {}
        RefundSource::Unapplied(_) => return Err(Rejection::RefundMustArrive),
    }
    refund.state = RefundState::Failed { at: now, reason };
    let from_payable = refund.from_payable.unwrap_or(Amount::zero(refund.amount.currency()));
    let from_escrow = refund.amount.minus(from_payable)?;
    if !from_escrow.is_zero() {
        draft.transfer(Purpose::Restore(id), from_escrow)?;
    }
    if !from_payable.is_zero() {
        draft.transfer(Purpose::RestorePayable(id), from_payable)?;
        draft.schedule_settlement(None, from_payable);
    }
    draft.event(EventKind::RefundFailed, Subject::Refund(id));
    draft.advance();
    Ok(())
}

fn pending<'d>(draft: &'d mut Draft<'_>, id: RefundId) -> Result<&'d mut Refund, Rejection> {
    let refund = draft.next.refunds.iter_mut().find(|refund| refund.id == id).ok_or(Rejection::RefundNotFound)?;
    match refund.state {
        RefundState::Pending => Ok(refund),
        RefundState::Succeeded { .. } | RefundState::Failed { .. } => Err(Rejection::RefundStatus(refund.status())),
    }
}
