//! Disputes: raised, argued, decided by somebody or by time. What is frozen moves by the resolution and by nothing else.

use super::{Draft, milestones, payments, refunds, releases};
use crate::authority::Role;
use crate::command::{NewDispute, NewEvidence, Resolving, Ruling};
use crate::dispute::{DefaultResolution, Dispute, DisputeState, Evidence, Resolved};
use crate::event::{EventKind, Subject};
use crate::id::{DisputeId, MilestoneId};
use crate::limits::MAX_EVIDENCE;
use crate::money::Amount;
use crate::rejection::Rejection;
use crate::state::{Milestone, MilestoneState, Order, OrderState};

/// Who raises disputes for the gateway.
const GATEWAY: &str = "system";

/// Freezes the order, or one milestone of it.
pub(super) fn raise(draft: &mut Draft<'_>, new: NewDispute) -> Result<(), Rejection> {
    check_subject(draft.order()?, new.milestone)?;
    let count = u32::try_from(draft.next.disputes().len()).unwrap_or(u32::MAX);
    if new.count.is_some_and(|seen| seen != count) {
        return Err(Rejection::Stale("The number of disputes"));
    }
    let window = draft.next.dispute_window();
    if new.window.is_some_and(|longer| longer < window) {
        return Err(Rejection::WindowShortened(window));
    }
    payments::simulate(draft)?;
    // The payment may have released all of it.
    check_subject(draft.order()?, new.milestone)?;
    if new.window.is_some_and(|longer| longer > window) {
        draft.order_mut()?.longer_window = new.window;
    }
    let by = draft.ctx.by.role();
    freeze(draft, new.milestone, by, new.raised_by, new.reason)
}

/// Refuses a dispute over what nothing can be held for, or what one is open about.
fn check_subject(order: &Order, milestone: Option<MilestoneId>) -> Result<(), Rejection> {
    match order.state {
        OrderState::Pending | OrderState::Shipped { .. } | OrderState::Delivered { .. } => {}
        OrderState::Disputed { .. } => return Err(Rejection::DisputeAlreadyRaised("order")),
        OrderState::Completed { .. } => return Err(Rejection::DisputeTooLate),
        OrderState::Cancelled { .. } => {
            return Err(Rejection::OrderStatus { action: "dispute", status: order.state.status() });
        }
    }
    let Some(id) = milestone else {
        let has_open = order.disputes.iter().any(Dispute::is_open);
        return if has_open { Err(Rejection::MilestoneDisputed) } else { Ok(()) };
    };
    let milestone = order.milestones.iter().find(|known| known.id == id).ok_or(Rejection::MilestoneNotFound)?;
    if !milestone.is_open() {
        return Err(Rejection::MilestoneStatus { action: "dispute", status: milestone.status() });
    }
    if order.is_frozen(milestone) { Err(Rejection::DisputeAlreadyRaised("milestone")) } else { Ok(()) }
}

fn freeze(
    draft: &mut Draft<'_>,
    milestone: Option<MilestoneId>,
    by: Role,
    raised_by: String,
    reason: String,
) -> Result<(), Rejection> {
    let (now, window) = (draft.now, draft.next.dispute_window());
    let id = DisputeId::fresh(draft.ctx.ids);
    let state = DisputeState::Open { due: now.after(window) };
    let order = draft.order_mut()?;
    order.disputes.push(Dispute { id, milestone, by, raised_by, reason, raised: now, evidence: Vec::new(), state });
    if milestone.is_none() {
        order.state = OrderState::Disputed { at: now };
    }
    draft.event(EventKind::DisputeRaised, Subject::Dispute(id));
    Ok(())
}

/// Makes a dispute of a milestone that was rejected and not completed again by the delivery deadline.
pub(super) fn dispute_rejection(draft: &mut Draft<'_>, id: MilestoneId) -> Result<(), Rejection> {
    let due = draft.next.rejections().find(|(milestone, _)| *milestone == id).map(|(_, due)| due);
    let due = due.ok_or(Rejection::NothingDue)?;
    if draft.ctx.now < due {
        return Err(Rejection::NotDue(due));
    }
    let rejected = draft.next.milestone(id).and_then(|milestone| milestone.rejected.as_ref());
    let reason = rejected.map(|rejected| rejected.reason.clone()).unwrap_or_default();
    freeze(draft, Some(id), Role::Gateway, GATEWAY.to_owned(), reason)
}

/// Notes what a party has to say about an open dispute. The same again changes nothing: a signature binds no time, so that what was
/// signed once could else be sent for ever. The label does not count, since nobody signs it.
pub(super) fn submit_evidence(draft: &mut Draft<'_>, new: NewEvidence) -> Result<(), Rejection> {
    let NewEvidence { milestone, dispute, submitted_by, text, uri, hash } = new;
    let position = open_dispute(draft.order()?, milestone, dispute)?;
    let (by, at) = (draft.ctx.by.role(), draft.now);
    let found = &mut draft.order_mut()?.disputes[position];
    let is_same = |known: &Evidence| known.by == by && known.text == text && known.uri == uri && known.hash == hash;
    if found.evidence.iter().any(is_same) {
        return Ok(());
    }
    if found.evidence.iter().filter(|evidence| evidence.by == by).count() >= MAX_EVIDENCE {
        return Err(Rejection::TooMuchEvidence);
    }
    let id = found.id;
    found.evidence.push(Evidence { at, by, submitted_by, text, uri, hash });
    draft.event(EventKind::EvidenceSubmitted, Subject::Dispute(id));
    Ok(())
}

/// The place of the dispute that is meant, which is open.
fn open_dispute(order: &Order, milestone: Option<MilestoneId>, dispute: Option<DisputeId>) -> Result<usize, Rejection> {
    let id = order.open_dispute(milestone)?.id;
    if dispute.is_some_and(|meant| meant != id) {
        return Err(Rejection::Stale("The dispute"));
    }
    order.disputes.iter().position(|dispute| dispute.id == id).ok_or(Rejection::DisputeNotFound(milestone))
}

/// Decides a dispute.
pub(super) fn resolve(draft: &mut Draft<'_>, resolving: Resolving) -> Result<(), Rejection> {
    let Resolving { milestone, dispute, ruling, by, note } = resolving;
    let position = open_dispute(draft.order()?, milestone, dispute)?;
    rule(draft, position, ruling, Some(by), note)
}

/// Decides a dispute that nobody has decided in time, as the operator has set.
pub(super) fn end(draft: &mut Draft<'_>, id: DisputeId) -> Result<(), Rejection> {
    let position = draft.next.disputes().iter().position(|dispute| dispute.id == id).ok_or(Rejection::NothingDue)?;
    match draft.next.disputes()[position].state {
        DisputeState::Open { due } if draft.ctx.now < due => return Err(Rejection::NotDue(due)),
        DisputeState::Open { .. } => {}
        DisputeState::Resolved(_) => return Err(Rejection::NothingDue),
    }
    let ruling = match draft.ctx.settings.default_resolution {
        DefaultResolution::MerchantWon => Ruling::MerchantWon,
        DefaultResolution::BuyerWon => Ruling::BuyerWon,
    };
    rule(draft, position, ruling, None, None)
}

/// How what is frozen is divided: together exactly that.
#[derive(Clone, Copy)]
struct Shares {
    refunded: Amount,
    released: Amount,
}

impl Shares {
    fn of(frozen: Amount, ruling: Ruling) -> Result<Shares, Rejection> {
        let nothing = Amount::zero(frozen.currency());
        match ruling {
            Ruling::MerchantWon => Ok(Shares { refunded: nothing, released: frozen }),
            Ruling::BuyerWon => Ok(Shares { refunded: frozen, released: nothing }),
            Ruling::PartialRefund(decimal) => {
                let refunded = decimal.in_currency(frozen.currency()).map_err(Rejection::RefundAmount)?;
                let rest = frozen.minus(refunded).ok().filter(|rest| !rest.is_zero() && !refunded.is_zero());
                let released = rest.ok_or(Rejection::RefundNotPartial(frozen))?;
                Ok(Shares { refunded, released })
            }
        }
    }
}

/// Divides what is frozen, and ends what it was frozen for.
fn rule(
    draft: &mut Draft<'_>,
    position: usize,
    ruling: Ruling,
    by: Option<String>,
    note: Option<String>,
) -> Result<(), Rejection> {
    let dispute = &draft.next.disputes()[position];
    let (id, subject) = (dispute.id, dispute.milestone);
    let frozen = match subject {
        Some(milestone) => draft.next.milestone(milestone).ok_or(Rejection::MilestoneNotFound)?.amount,
        None => draft.next.funds.held,
    };
    let shares = Shares::of(frozen, ruling)?;
    let Shares { refunded, released } = shares;
    let label = by.clone();
    let resolved = Resolved { at: draft.now, resolution: ruling.resolution(), refunded, released, by, note };
    draft.order_mut()?.disputes[position].state = DisputeState::Resolved(resolved);
    draft.event(EventKind::DisputeResolved, Subject::Dispute(id));
    if !refunded.is_zero() {
        refunds::start(draft, refunded, Amount::zero(refunded.currency()), None)?;
    }
    match subject {
        Some(milestone) => {
            let (position, _) = milestones::find(&draft.next, milestone)?;
            end_milestone(draft, position, released, label)?;
        }
        None => end_order(draft, released, label.as_deref())?,
    }
    releases::due(draft)
}

/// Ends every milestone that is open, in index order, as far as what is released reaches; what it leaves over belonged to none.
fn end_order(draft: &mut Draft<'_>, released: Amount, by: Option<&str>) -> Result<(), Rejection> {
    let mut rest = released;
    for position in 0..draft.next.milestones().len() {
        let milestone = &draft.next.milestones()[position];
        if milestone.is_open() {
            let share = milestone.amount.at_most(rest)?;
            rest = rest.minus(share)?;
            end_milestone(draft, position, share, by.map(str::to_owned))?;
        }
    }
    if !rest.is_zero() {
        releases::amount(draft, None, rest)?;
    }
    // Where something was released, the order is moved on as whenever nothing is held any more.
    if draft.next.funds.released.is_zero() {
        let at = draft.now;
        draft.order_mut()?.state = OrderState::Completed { at };
    }
    Ok(())
}

/// Ends a milestone, whatever lies below it: released as far as `released` reaches.
fn end_milestone(
    draft: &mut Draft<'_>,
    position: usize,
    released: Amount,
    by: Option<String>,
) -> Result<(), Rejection> {
    if released.is_zero() {
        return milestones::cancel(draft, position);
    }
    let Milestone { amount, state, .. } = &draft.next.milestones()[position];
    let completion = match state {
        MilestoneState::Completed(completion) => Some(completion.clone()),
        MilestoneState::Pending | MilestoneState::Released(..) | MilestoneState::Cancelled { .. } => None,
    };
    let refunded = amount.minus(released).ok().filter(|refunded| !refunded.is_zero());
    milestones::release_share(draft, position, completion, milestones::Share { released, refunded, by })
}
