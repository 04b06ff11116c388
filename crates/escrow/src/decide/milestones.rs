//! Milestones: added, changed, deleted, completed in order, released share by share.

use super::{Draft, payments};
use crate::command::{CompleteMilestone, MilestonePatch, NewMilestone};
use crate::event::{EventKind, Subject};
use crate::id::{MilestoneId, SettlementId};
use crate::ledger::Purpose;
use crate::limits::MAX_MILESTONES;
use crate::money::Amount;
use crate::rejection::Rejection;
use crate::state::{
    Completion, Escrow, Milestone, MilestoneState, MilestoneStatus, OrderState, Release, Settlement, SettlementState,
};
use crate::terms::ReleaseType;

pub(super) fn add(draft: &mut Draft<'_>, new: NewMilestone) -> Result<(), Rejection> {
    let now = draft.now;
    let amount = new.amount.in_currency(draft.next.terms.amount.currency())?;
    check_addition(&draft.next, new.index, amount)?;
    let after_consent = draft.is_after_consent();
    let milestones = &mut draft.order_mut()?.milestones;
    let position = milestones.partition_point(|milestone| milestone.index <= new.index);
    let milestone = Milestone {
        id: new.id,
        index: new.index,
        amount,
        description: new.description,
        percentage: new.percentage,
        after_consent,
        state: MilestoneState::Pending,
        created: now,
        updated: now,
    };
    milestones.insert(position, milestone);
    draft.next.revision = draft.next.revision.saturating_add(1);
    draft.event(EventKind::MilestoneCreated, Subject::Milestone(new.id));
    Ok(())
}

fn check_addition(state: &Escrow, index: u32, amount: Amount) -> Result<(), Rejection> {
    let order = state.order.as_ref().ok_or(Rejection::NoOrder)?;
    match state.terms.release_type {
        ReleaseType::MilestoneLocked => {}
        other @ (ReleaseType::DeliveryProof | ReleaseType::TimeLocked | ReleaseType::AutoRelease) => {
            return Err(Rejection::NotMilestoneLocked(other));
        }
    }
    let live = || order.milestones.iter().filter(|milestone| milestone.status() != MilestoneStatus::Cancelled);
    if live().any(|milestone| milestone.index == index) {
        return Err(Rejection::IndexTaken(index));
    }
    match order.state {
        OrderState::Pending | OrderState::Delivered { .. } => {}
        OrderState::Completed { .. } | OrderState::Cancelled { .. } => {
            return Err(Rejection::OrderOver(order.state.status()));
        }
    }
    check_total(state, amount.minor())?;
    let highest_done =
        live().filter(|milestone| milestone.completion().is_some()).map(|milestone| milestone.index).max();
    if let Some(done) = highest_done.filter(|done| index < *done) {
        return Err(Rejection::IndexBelowCompleted(done));
    }
    if order.milestones.len() >= MAX_MILESTONES {
        return Err(Rejection::TooManyMilestones);
    }
    Ok(())
}

/// Refuses what would make the open milestones `more_minor` larger than they may be.
fn check_total(state: &Escrow, more_minor: i64) -> Result<(), Rejection> {
    let total = state.allocated_minor().saturating_add(more_minor);
    if total > state.allocatable().minor() { Err(Rejection::TotalExceeded) } else { Ok(()) }
}

pub(super) fn update(draft: &mut Draft<'_>, id: MilestoneId, patch: MilestonePatch) -> Result<(), Rejection> {
    let (position, before) = pending(&draft.next, id, "update")?;
    let before = before.clone();
    let mut after = before.clone();
    if let Some(decimal) = patch.amount {
        after.amount = decimal.in_currency(before.amount.currency())?;
        check_total(&draft.next, after.amount.minor() - before.amount.minor())?;
    }
    if let Some(description) = patch.description {
        after.description = description;
    }
    if let Some(percentage) = patch.percentage {
        after.percentage = percentage;
    }
    let is_of_terms = after.amount != before.amount || after.description != before.description;
    let mut previous = Vec::new();
    if after.amount != before.amount {
        previous.push(("amount", before.amount.to_string()));
    }
    if after.description != before.description {
        previous.push(("description", before.description.unwrap_or_default()));
    }
    if after.percentage != before.percentage {
        previous.push(("percentage", before.percentage.unwrap_or_default()));
    }
    if previous.is_empty() {
        return Ok(());
    }
    // The percentage says nothing that is agreed.
    if is_of_terms {
        after.after_consent |= draft.is_after_consent();
        draft.next.revision = draft.next.revision.saturating_add(1);
    }
    draft.change_milestone(position, |milestone| *milestone = after)?;
    draft.event_with(EventKind::MilestoneUpdated, Subject::Milestone(id), previous);
    Ok(())
}

pub(super) fn delete(draft: &mut Draft<'_>, id: MilestoneId) -> Result<(), Rejection> {
    let (position, _) = pending(&draft.next, id, "delete")?;
    draft.next.revision = draft.next.revision.saturating_add(1);
    cancel(draft, position)
}

/// Ends an open milestone without releasing it.
pub(super) fn cancel(draft: &mut Draft<'_>, position: usize) -> Result<(), Rejection> {
    let now = draft.now;
    let milestone = draft.next.milestones().get(position).ok_or(Rejection::MilestoneNotFound)?;
    let (id, previous) = (milestone.id, milestone.status());
    draft.change_milestone(position, |milestone| milestone.state = MilestoneState::Cancelled { at: now })?;
    draft.event_with(
        EventKind::MilestoneCanceled,
        Subject::Milestone(id),
        vec![("status", previous.name().to_owned())],
    );
    Ok(())
}

pub(super) fn complete(draft: &mut Draft<'_>, command: CompleteMilestone) -> Result<(), Rejection> {
    let id = command.milestone;
    let (position, milestone) = find(&draft.next, id)?;
    match milestone.state {
        MilestoneState::Released(..) => return Err(Rejection::MilestoneReleased),
        MilestoneState::Completed(_) => return Err(Rejection::MilestoneCompleted),
        MilestoneState::Cancelled { .. } => {
            return Err(Rejection::MilestoneStatus { action: "complete", status: MilestoneStatus::Cancelled });
        }
        MilestoneState::Pending => {}
    }
    let is_pending = |below: &&Milestone| matches!(below.state, MilestoneState::Pending);
    if let Some(open) = draft.next.milestones()[..position].iter().rfind(is_pending) {
        return Err(Rejection::PreviousNotCompleted(open.index));
    }
    payments::simulate(draft)?;
    let completion = Completion { at: draft.now, by: command.by, proof: command.proof, proof_uri: command.proof_uri };
    draft.change_milestone(position, |milestone| milestone.state = MilestoneState::Completed(completion))?;
    draft.event_with(
        EventKind::MilestoneCompleted,
        Subject::Milestone(id),
        vec![("status", MilestoneStatus::Pending.name().to_owned())],
    );
    release_due(draft)
}

pub(super) fn release(draft: &mut Draft<'_>, id: MilestoneId, by: Option<String>) -> Result<(), Rejection> {
    let (position, milestone) = find(&draft.next, id)?;
    match milestone.state {
        MilestoneState::Completed(_) => {}
        MilestoneState::Released(..) => return Err(Rejection::MilestoneReleased),
        MilestoneState::Pending | MilestoneState::Cancelled { .. } => {
            return Err(Rejection::MilestoneStatus { action: "release", status: milestone.status() });
        }
    }
    if let Some(waiting) = draft.next.milestones()[..position].iter().rfind(|below| below.is_open()) {
        return Err(Rejection::PreviousNotReleased(waiting.index));
    }
    if draft.next.funding.is_none() {
        return Err(Rejection::NotFunded);
    }
    if milestone.after_consent {
        return Err(Rejection::NeedsApproval);
    }
    release_at(draft, position, by)?;
    draft.advance();
    Ok(())
}

/// Releases every completed milestone that may be released by itself, in index order.
pub(super) fn release_due(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    for position in 0..draft.next.milestones().len() {
        let milestone = &draft.next.milestones()[position];
        let is_released = match milestone.state {
            MilestoneState::Released(..) | MilestoneState::Cancelled { .. } => true,
            MilestoneState::Completed(_) if releases_by_itself(&draft.next, milestone) => {
                release_at(draft, position, None)?;
                true
            }
            MilestoneState::Pending | MilestoneState::Completed(_) => false,
        };
        // What waits holds back what lies above it.
        if !is_released {
            break;
        }
    }
    draft.advance();
    Ok(())
}

/// Whether the share of a completed milestone needs nobody to ask for it.
const fn releases_by_itself(state: &Escrow, milestone: &Milestone) -> bool {
    state.terms.auto_release && state.funding.is_some() && !milestone.after_consent
}

fn release_at(draft: &mut Draft<'_>, position: usize, by: Option<String>) -> Result<(), Rejection> {
    let release = Release { at: draft.now, by };
    let milestone = draft.next.milestones().get(position).ok_or(Rejection::MilestoneNotFound)?;
    let MilestoneState::Completed(completion) = milestone.state.clone() else {
        return Err(Rejection::Broken("only a completed milestone can be released".to_owned()));
    };
    let (id, amount) = (milestone.id, milestone.amount);
    draft.change_milestone(position, |milestone| milestone.state = MilestoneState::Released(completion, release))?;
    draft.event_with(
        EventKind::MilestoneReleased,
        Subject::Milestone(id),
        vec![("status", MilestoneStatus::Completed.name().to_owned())],
    );
    release_amount(draft, Some(id), amount)
}

/// Makes a held amount the merchant's, less the fee, and schedules its settlement.
pub(super) fn release_amount(
    draft: &mut Draft<'_>,
    milestone: Option<MilestoneId>,
    amount: Amount,
) -> Result<(), Rejection> {
    draft.transfer(Purpose::Release(milestone), amount)?;
    let fee = amount.share(draft.next.terms.fee_basis_points);
    if !fee.is_zero() {
        draft.transfer(Purpose::Fee(milestone), fee)?;
    }
    let net = amount.minus(fee).map_err(|error| Rejection::Broken(error.to_string()))?;
    if net.is_zero() {
        return Ok(());
    }
    let settlement = Settlement {
        id: SettlementId::fresh(draft.ctx.ids),
        milestone,
        amount: net,
        method: draft.next.terms.settlement_method,
        destination: draft.next.terms.settlement_destination.clone(),
        state: SettlementState::Scheduled { due: draft.now.after(draft.ctx.settings.settlement_delay) },
        created: draft.now,
        updated: draft.now,
    };
    draft.next.settlements.push(settlement);
    Ok(())
}

fn find(state: &Escrow, id: MilestoneId) -> Result<(usize, &Milestone), Rejection> {
    let milestones = &state.order.as_ref().ok_or(Rejection::NoOrder)?.milestones;
    milestones.iter().enumerate().find(|(_, milestone)| milestone.id == id).ok_or(Rejection::MilestoneNotFound)
}

fn pending<'s>(state: &'s Escrow, id: MilestoneId, action: &'static str) -> Result<(usize, &'s Milestone), Rejection> {
    let (position, milestone) = find(state, id)?;
    match milestone.state {
        MilestoneState::Pending => Ok((position, milestone)),
        MilestoneState::Completed(_) | MilestoneState::Released(..) | MilestoneState::Cancelled { .. } => {
            Err(Rejection::MilestoneStatus { action, status: milestone.status() })
        }
    }
}
