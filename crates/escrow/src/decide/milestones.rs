//! Milestones: added, changed, deleted, completed in order, released share by share.

use super::{Draft, payments, releases};
use crate::command::{Approving, CompleteMilestone, MilestonePatch, NewMilestone, Rejecting};
use crate::event::{EventKind, Subject};
use crate::id::MilestoneId;
use crate::limits::MAX_MILESTONES;
use crate::money::Amount;
use crate::planted;
use crate::rejection::Rejection;
use crate::state::{
    Approval, Completion, Escrow, Milestone, MilestoneState, MilestoneStatus, Order, OrderState, Rejected, Release,
};
use crate::terms::ReleaseType;

/// Who releases what nobody has spoken against.
const SILENCE: &str = "approval period";

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
        attempts: 0,
        rejected: None,
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
        OrderState::Pending | OrderState::Shipped { .. } | OrderState::Delivered { .. } => {}
        OrderState::Disputed { .. } => return Err(Rejection::Disputed("The order")),
        OrderState::Completed { .. } | OrderState::Cancelled { .. } => {
            return Err(Rejection::OrderOver(order.state.status()));
        }
    }
    check_total(state, amount.minor())?;
    let highest_done =
        live().filter(|milestone| milestone.completion().is_some()).map(|milestone| milestone.index).max();
    if let Some(done) = highest_done.filter(|done| index <= *done) {
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
    let is_exceeded = total > state.allocatable().minor() && !planted!(SharesUnchecked);
    if is_exceeded { Err(Rejection::TotalExceeded) } else { Ok(()) }
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
    cancel(draft, position)?;
    // It may have held back what lies above it: done before it was rejected, and approved since.
    releases::due(draft)
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
        MilestoneState::Released(..) if planted!(ReleasedAgain) => {}
        MilestoneState::Released(..) => return Err(Rejection::MilestoneReleased),
        MilestoneState::Completed(_) => return Err(Rejection::MilestoneCompleted),
        MilestoneState::Cancelled { .. } => {
            return Err(Rejection::MilestoneStatus { action: "complete", status: MilestoneStatus::Cancelled });
        }
        MilestoneState::Pending => check_free(&draft.next, milestone)?,
    }
    let is_pending = |below: &&Milestone| matches!(below.state, MilestoneState::Pending);
    if let Some(open) = draft.next.milestones()[..position].iter().rfind(is_pending)
        && !planted!(AnyOrder)
    {
        return Err(Rejection::PreviousNotCompleted(open.index));
    }
    payments::simulate(draft)?;
    let CompleteMilestone { milestone: _, by, proof, proof_uri } = command;
    let completion = Completion { at: draft.now, by, proof, proof_uri, approval: None };
    draft.change_milestone(position, |milestone| {
        milestone.state = MilestoneState::Completed(completion);
        milestone.attempts = milestone.attempts.saturating_add(1);
        milestone.rejected = None;
    })?;
    if !planted!(SilentCompletion) {
        let previous = vec![("status", MilestoneStatus::Pending.name().to_owned())];
        draft.event_with(EventKind::MilestoneCompleted, Subject::Milestone(id), previous);
    }
    releases::due(draft)
}

pub(super) fn release(draft: &mut Draft<'_>, id: MilestoneId, by: Option<String>) -> Result<(), Rejection> {
    let (position, milestone) = completed(&draft.next, id, "release")?;
    if let Some(waiting) = draft.next.milestones()[..position].iter().rfind(|below| below.is_open()) {
        return Err(Rejection::PreviousNotReleased(waiting.index));
    }
    if draft.next.funding.is_none() {
        return Err(Rejection::NotFunded);
    }
    if draft.next.needs_approval(milestone) {
        return Err(Rejection::NeedsApproval);
    }
    release_at(draft, position, by)?;
    releases::due(draft)
}

/// Releases every completed milestone that may be released by itself, in index order.
pub(super) fn release_completed(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    for position in 0..draft.next.milestones().len() {
        let milestone = &draft.next.milestones()[position];
        let is_released = match milestone.state {
            MilestoneState::Released(..) | MilestoneState::Cancelled { .. } => true,
            MilestoneState::Completed(ref completion) if draft.next.releases_by_itself(milestone) => {
                let by = completion.approval.as_ref().map(|approval| approval.by.clone());
                release_at(draft, position, by)?;
                true
            }
            MilestoneState::Pending | MilestoneState::Completed(_) => false,
        };
        // What waits holds back what lies above it.
        if !is_released {
            break;
        }
    }
    Ok(())
}

/// The payer approves a completed milestone; it is released as soon as those below it have ended.
pub(super) fn approve(draft: &mut Draft<'_>, approving: Approving) -> Result<(), Rejection> {
    let Approving { milestone: id, attempt, by } = approving;
    let (position, milestone) = completed(&draft.next, id, "approve")?;
    milestone.check_attempt(attempt)?;
    if milestone.completion().is_some_and(|completion| completion.approval.is_some()) {
        return Err(Rejection::MilestoneApproved);
    }
    let approval = Approval { at: draft.now, by };
    draft.change_milestone(position, |milestone| {
        if let MilestoneState::Completed(completion) = &mut milestone.state {
            completion.approval = Some(approval);
        }
    })?;
    draft.event(EventKind::MilestoneApproved, Subject::Milestone(id));
    releases::due(draft)
}

/// The payer rejects a completed milestone: it is to be done again, and what was approved of it is void.
pub(super) fn reject(draft: &mut Draft<'_>, rejecting: Rejecting) -> Result<(), Rejection> {
    let Rejecting { milestone: id, attempt, reason } = rejecting;
    let (position, milestone) = completed(&draft.next, id, "reject")?;
    milestone.check_attempt(attempt)?;
    let rejected = Rejected { at: draft.now, reason };
    draft.change_milestone(position, |milestone| {
        milestone.state = MilestoneState::Pending;
        milestone.rejected = Some(rejected);
    })?;
    draft.event_with(
        EventKind::MilestoneRejected,
        Subject::Milestone(id),
        vec![("status", MilestoneStatus::Completed.name().to_owned())],
    );
    Ok(())
}

/// Refuses what is to happen to a milestone that waits for the resolution of a dispute.
fn check_free(state: &Escrow, milestone: &Milestone) -> Result<(), Rejection> {
    if !state.is_frozen(milestone) {
        return Ok(());
    }
    let is_whole = state.order.as_ref().is_some_and(Order::is_disputed);
    Err(Rejection::Disputed(if is_whole { "The order" } else { "The milestone" }))
}

/// Releases a milestone that nobody has spoken against.
pub(super) fn release_in_silence(draft: &mut Draft<'_>, id: MilestoneId) -> Result<(), Rejection> {
    let (position, _) = find(&draft.next, id)?;
    release_at(draft, position, Some(SILENCE.to_owned()))
}

fn release_at(draft: &mut Draft<'_>, position: usize, by: Option<String>) -> Result<(), Rejection> {
    let milestone = draft.next.milestones().get(position).ok_or(Rejection::MilestoneNotFound)?;
    let MilestoneState::Completed(completion) = milestone.state.clone() else {
        return Err(Rejection::Broken("only a completed milestone can be released".to_owned()));
    };
    let share = Share { released: milestone.amount, refunded: None, by };
    release_share(draft, position, Some(completion), share)
}

/// What becomes of a milestone's amount.
pub(super) struct Share {
    /// This becomes the merchant's.
    pub(super) released: Amount,
    /// This goes back to the payer.
    pub(super) refunded: Option<Amount>,
    /// Who asked for it; `None` when it happens by itself.
    pub(super) by: Option<String>,
}

/// Makes a share, or what a dispute leaves of it, the merchant's.
pub(super) fn release_share(
    draft: &mut Draft<'_>,
    position: usize,
    completion: Option<Completion>,
    share: Share,
) -> Result<(), Rejection> {
    let Share { released, refunded, by } = share;
    let milestone = draft.next.milestones().get(position).ok_or(Rejection::MilestoneNotFound)?;
    let (id, previous) = (milestone.id, milestone.status());
    let release = Release { at: draft.now, by, refunded };
    draft.change_milestone(position, |milestone| milestone.state = MilestoneState::Released(completion, release))?;
    draft.event_with(
        EventKind::MilestoneReleased,
        Subject::Milestone(id),
        vec![("status", previous.name().to_owned())],
    );
    releases::amount(draft, Some(id), released)
}

pub(super) fn find(state: &Escrow, id: MilestoneId) -> Result<(usize, &Milestone), Rejection> {
    let milestones = &state.order.as_ref().ok_or(Rejection::NoOrder)?.milestones;
    milestones.iter().enumerate().find(|(_, milestone)| milestone.id == id).ok_or(Rejection::MilestoneNotFound)
}

fn pending<'s>(state: &'s Escrow, id: MilestoneId, action: &'static str) -> Result<(usize, &'s Milestone), Rejection> {
    let (position, milestone) = find(state, id)?;
    match milestone.state {
        MilestoneState::Pending => {
            check_free(state, milestone)?;
            Ok((position, milestone))
        }
        MilestoneState::Completed(_) | MilestoneState::Released(..) | MilestoneState::Cancelled { .. } => {
            Err(Rejection::MilestoneStatus { action, status: milestone.status() })
        }
    }
}

/// A completed milestone that nothing keeps from moving.
fn completed<'s>(
    state: &'s Escrow,
    id: MilestoneId,
    action: &'static str,
) -> Result<(usize, &'s Milestone), Rejection> {
    let (position, milestone) = find(state, id)?;
    match milestone.state {
        MilestoneState::Completed(_) => {
            check_free(state, milestone)?;
            Ok((position, milestone))
        }
        MilestoneState::Released(..) => Err(Rejection::MilestoneReleased),
        MilestoneState::Pending | MilestoneState::Cancelled { .. } => {
            Err(Rejection::MilestoneStatus { action, status: milestone.status() })
        }
    }
}
