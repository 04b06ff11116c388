//! Money on its way out: settlements to the payee, refunds to the payer.

use super::Draft;
use crate::event::{EventKind, Subject};
use crate::id::{RefundId, SettlementId};
use crate::ledger::Purpose;
use crate::rejection::Rejection;
use crate::state::{Refund, RefundSource, RefundState, Settlement, SettlementState};
use crate::terms::Mode;

/// Reserves the money of a settlement whose time has come.
pub(super) fn start(draft: &mut Draft<'_>, id: SettlementId) -> Result<(), Rejection> {
    let (clock, now) = (draft.ctx.now, draft.now);
    let settlement = settlement_mut(draft, id)?;
    match settlement.state {
        SettlementState::Scheduled { due } if clock < due => return Err(Rejection::NotDue(due)),
        SettlementState::Scheduled { .. } => {}
        SettlementState::Executed { .. } | SettlementState::Confirmed { .. } => {
            return Err(Rejection::SettlementStatus(settlement.status()));
        }
    }
    settlement.state = SettlementState::Executed { at: now };
    settlement.updated = now;
    let amount = settlement.amount;
    draft.transfer(Purpose::Reserve(id), amount)?;
    draft.event(EventKind::SettlementInitiated, Subject::Settlement(id));
    Ok(())
}

/// Books a settlement that arrived.
pub(super) fn confirm(draft: &mut Draft<'_>, id: SettlementId, reference: String) -> Result<(), Rejection> {
    let now = draft.now;
    let settlement = settlement_mut(draft, id)?;
    let executed_at = match settlement.state {
        SettlementState::Executed { at } => at,
        SettlementState::Scheduled { .. } | SettlementState::Confirmed { .. } => {
            return Err(Rejection::SettlementStatus(settlement.status()));
        }
    };
    settlement.state = SettlementState::Confirmed { executed_at, at: now, reference };
    settlement.updated = now;
    let (amount, method) = (settlement.amount, settlement.method);
    draft.transfer(Purpose::Settle(id, method), amount)?;
    draft.event(EventKind::SettlementCompleted, Subject::Settlement(id));
    draft.advance();
    Ok(())
}

/// Books money that is back where it came from.
pub(super) fn confirm_refund(draft: &mut Draft<'_>, id: RefundId, reference: String) -> Result<(), Rejection> {
    let now = draft.now;
    let refund = refund_mut(draft, id)?;
    match refund.state {
        RefundState::Pending => {}
        RefundState::Succeeded { .. } => return Err(Rejection::RefundStatus(refund.status())),
    }
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

fn settlement_mut<'d>(draft: &'d mut Draft<'_>, id: SettlementId) -> Result<&'d mut Settlement, Rejection> {
    let mut settlements = draft.next.settlements.iter_mut();
    settlements.find(|settlement| settlement.id == id).ok_or(Rejection::SettlementNotFound)
}

fn refund_mut<'d>(draft: &'d mut Draft<'_>, id: RefundId) -> Result<&'d mut Refund, Rejection> {
    draft.next.refunds.iter_mut().find(|refund| refund.id == id).ok_or(Rejection::RefundNotFound)
}
