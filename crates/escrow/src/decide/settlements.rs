//! Money on its way out to the payee.

use super::Draft;
use crate::authority::Actor;
use crate::event::{EventKind, Subject};
use crate::id::SettlementId;
use crate::ledger::Purpose;
use crate::planted;
use crate::rejection::Rejection;
use crate::settlement::{Settlement, SettlementState};
use crate::state::IntentState;
use crate::time::Timestamp;

/// Reserves the money of a settlement whose time has come.
pub(super) fn start(draft: &mut Draft<'_>, id: SettlementId) -> Result<(), Rejection> {
    let clock = draft.ctx.now;
    let settlement = find(draft, id)?;
    match settlement.state {
        SettlementState::Scheduled { due } if clock < due && !planted!(TooEarly) => Err(Rejection::NotDue(due)),
        SettlementState::Scheduled { .. } => execute(draft, id),
        SettlementState::Executed { .. }
        | SettlementState::Confirmed { .. }
        | SettlementState::Failed { .. }
        | SettlementState::Returned { .. }
        | SettlementState::Cancelled { .. } => Err(Rejection::SettlementStatus(settlement.status())),
    }
}

fn execute(draft: &mut Draft<'_>, id: SettlementId) -> Result<(), Rejection> {
    let now = draft.now;
    let settlement = find(draft, id)?;
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
    let (settlement, executed_at) = executed(draft, id)?;
    settlement.state = SettlementState::Confirmed { executed_at, at: now, reference };
    settlement.updated = now;
    let (amount, method) = (settlement.amount, settlement.method);
    draft.transfer(Purpose::Settle(id, method), amount)?;
    draft.event(EventKind::SettlementCompleted, Subject::Settlement(id));
    draft.advance();
    Ok(())
}

/// Books a settlement that the payout method refuses for good. The simulated one may refuse before it is asked.
pub(super) fn fail(draft: &mut Draft<'_>, id: SettlementId, reason: String) -> Result<(), Rejection> {
    let is_simulated = *draft.ctx.by == Actor::Merchant;
    if is_simulated && matches!(find(draft, id)?.state, SettlementState::Scheduled { .. }) {
        execute(draft, id)?;
    }
    let now = draft.now;
    let (settlement, executed_at) = executed(draft, id)?;
    settlement.state = SettlementState::Failed { executed_at, at: now, reason };
    settlement.updated = now;
    let amount = settlement.amount;
    draft.transfer(Purpose::Unreserve(id), amount)?;
    draft.event(EventKind::SettlementFailed, Subject::Settlement(id));
    draft.advance();
    Ok(())
}

/// Books a settlement that had arrived and that the bank sends back.
pub(super) fn send_back(draft: &mut Draft<'_>, id: SettlementId, reason: String) -> Result<(), Rejection> {
    if matches!(draft.next.state, IntentState::Final { .. }) {
        return Err(Rejection::IntentStatus { action: "return a settlement of", status: draft.next.status() });
    }
    let now = draft.now;
    let settlement = find(draft, id)?;
    let (executed_at, confirmed_at, reference) = match &settlement.state {
        SettlementState::Confirmed { executed_at, at, reference } => (*executed_at, *at, reference.clone()),
        SettlementState::Scheduled { .. }
        | SettlementState::Executed { .. }
        | SettlementState::Failed { .. }
        | SettlementState::Returned { .. }
        | SettlementState::Cancelled { .. } => return Err(Rejection::SettlementStatus(settlement.status())),
    };
    settlement.state = SettlementState::Returned { executed_at, confirmed_at, at: now, reference, reason };
    settlement.updated = now;
    let (amount, method) = (settlement.amount, settlement.method);
    draft.transfer(Purpose::Unsettle(id, method), amount)?;
    draft.event(EventKind::SettlementFailed, Subject::Settlement(id));
    draft.advance();
    Ok(())
}

/// Tries a settlement again that did not arrive: at once, and as a new payment to the payout method, which has refused the former
/// one for good or has seen it come back.
pub(super) fn retry(draft: &mut Draft<'_>, id: SettlementId) -> Result<(), Rejection> {
    let now = draft.now;
    let settlement = find(draft, id)?;
    if !settlement.needs_retry() {
        return Err(Rejection::SettlementStatus(settlement.status()));
    }
    settlement.retries = settlement.retries.saturating_add(1);
    settlement.state = SettlementState::Scheduled { due: now };
    settlement.updated = now;
    draft.event(EventKind::SettlementRetried, Subject::Settlement(id));
    draft.advance();
    Ok(())
}

fn find<'d>(draft: &'d mut Draft<'_>, id: SettlementId) -> Result<&'d mut Settlement, Rejection> {
    let mut settlements = draft.next.settlements.iter_mut();
    settlements.find(|settlement| settlement.id == id).ok_or(Rejection::SettlementNotFound)
}

/// A settlement that is on its way, and since when.
fn executed<'d>(draft: &'d mut Draft<'_>, id: SettlementId) -> Result<(&'d mut Settlement, Timestamp), Rejection> {
    let settlement = find(draft, id)?;
    match settlement.state {
        SettlementState::Executed { at } => Ok((settlement, at)),
        SettlementState::Scheduled { .. }
        | SettlementState::Confirmed { .. }
        | SettlementState::Failed { .. }
        | SettlementState::Returned { .. }
        | SettlementState::Cancelled { .. } => Err(Rejection::SettlementStatus(settlement.status())),
    }
}
