//! Held money becomes the merchant's: by itself, when a time comes, or when nobody has spoken.

use super::{Draft, milestones};
use crate::event::{EventKind, Subject};
use crate::id::MilestoneId;
use crate::ledger::Purpose;
use crate::money::Amount;
use crate::rejection::Rejection;

/// Releases whatever needs nobody to ask for it, and moves the order and the intent on.
pub(super) fn due(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    milestones::release_completed(draft)?;
    if draft.next.time_lock().is_some_and(|until| until <= draft.ctx.now) {
        draft.event(EventKind::TimeLockReleased, Subject::Order);
        return all(draft);
    }
    if draft.next.is_proven_for_release() {
        return all(draft);
    }
    draft.advance();
    Ok(())
}

/// Releases all that is held.
pub(super) fn all(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    amount(draft, None, draft.next.funds.held)?;
    draft.advance();
    Ok(())
}

/// Opens a time lock whose time has come.
pub(super) fn open_time_lock(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    match draft.next.time_lock() {
        None => Err(Rejection::NothingDue),
        Some(until) if draft.ctx.now < until => Err(Rejection::NotDue(until)),
        Some(_) => due(draft),
    }
}

/// Releases what nobody has spoken against for long enough.
pub(super) fn end_silence(draft: &mut Draft<'_>, subject: Option<MilestoneId>) -> Result<(), Rejection> {
    match draft.next.silence() {
        Some((waiting, _)) if waiting != subject => Err(Rejection::NothingDue),
        None => Err(Rejection::NothingDue),
        Some((_, until)) if draft.ctx.now < until => Err(Rejection::NotDue(until)),
        Some((Some(id), _)) => {
            milestones::release_in_silence(draft, id)?;
            due(draft)
        }
        Some((None, _)) => all(draft),
    }
}

/// Makes a held amount the merchant's, less the fee, and schedules its settlement.
pub(super) fn amount(draft: &mut Draft<'_>, milestone: Option<MilestoneId>, amount: Amount) -> Result<(), Rejection> {
    draft.transfer(Purpose::Release(milestone), amount)?;
    let fee = amount.share(draft.next.terms.fee_basis_points);
    if !fee.is_zero() {
        draft.transfer(Purpose::Fee(milestone), fee)?;
    }
    let net = amount.minus(fee)?;
    if !net.is_zero() {
        draft.schedule_settlement(milestone, net);
    }
    Ok(())
}
