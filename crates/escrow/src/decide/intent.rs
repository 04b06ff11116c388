//! The intent as a whole: created, funded, given up, final.

use super::{Ctx, Decision, Draft, milestones};
use crate::chain::Chain;
use crate::command::NewIntent;
use crate::event::{EventKind, Subject};
use crate::id::RefundId;
use crate::ledger::{Funds, Purpose, Rail};
use crate::rejection::Rejection;
use crate::state::{Escrow, Funding, IntentState, MilestoneState, Order, OrderState, Refund, RefundState};
use crate::terms::Mode;

pub(super) fn open(new: NewIntent, ctx: &Ctx<'_>) -> Result<Decision, Rejection> {
    let currency = new.terms.amount.currency();
    let has_escrow = new.terms.payment_type.has_escrow();
    let order = has_escrow.then(|| Order { id: new.order_id, state: OrderState::Pending, milestones: Vec::new() });
    let escrow = Escrow {
        id: new.id,
        owner: new.owner,
        terms: new.terms,
        state: IntentState::Initiated,
        funding: None,
        order,
        funds: Funds::none(currency),
        settlements: Vec::new(),
        refunds: Vec::new(),
        chain: Chain::EMPTY,
        created: ctx.now,
        updated: ctx.now,
    };
    let mut draft = Draft::of(escrow, Vec::new(), ctx);
    draft.event(EventKind::IntentCreated, Subject::Intent);
    if has_escrow {
        draft.event(EventKind::OrderCreated, Subject::Order);
    }
    for milestone in new.milestones {
        milestones::add(&mut draft, milestone)?;
    }
    draft.finish()
}

/// Books the payer's payment: it is seen, it is final, and what was waiting for it is released.
pub(super) fn fund(draft: &mut Draft<'_>, rail: Rail) -> Result<(), Rejection> {
    let now = draft.now;
    if draft.next.owner.mode == Mode::Live && rail == Rail::Sandbox {
        return Err(Rejection::SandboxOnly);
    }
    draft.simulated = rail == Rail::Sandbox;
    match draft.next.state {
        IntentState::Initiated => draft.set_state(IntentState::Processing { since: now }),
        IntentState::Processing { .. } => {}
        IntentState::Succeeded
        | IntentState::Settled { .. }
        | IntentState::Final { .. }
        | IntentState::Canceled { .. } => {
            return Err(Rejection::IntentStatus { action: "fund", status: draft.next.status() });
        }
    }
    draft.transfer(Purpose::Fund(rail), draft.next.terms.amount)?;
    draft.next.funding = Some(Funding { rail, at: now });
    draft.set_state(IntentState::Succeeded);
    draft.event(EventKind::IntentSucceeded, Subject::Intent);
    if draft.next.order.is_some() {
        draft.event(EventKind::OrderFunded, Subject::Order);
    }
    draft.simulated = false;
    if draft.next.order.is_some() {
        milestones::release_due(draft)
    } else {
        milestones::release_amount(draft, None, draft.next.terms.amount)?;
        draft.advance();
        Ok(())
    }
}

/// Gives the intent up; what is held goes back whole.
pub(super) fn cancel(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let now = draft.now;
    match draft.next.state {
        IntentState::Initiated | IntentState::Processing { .. } => {}
        IntentState::Succeeded if draft.next.funds.released.is_zero() => refund_held(draft)?,
        IntentState::Succeeded => return Err(Rejection::CancelAfterRelease),
        IntentState::Settled { .. } | IntentState::Final { .. } | IntentState::Canceled { .. } => {
            return Err(Rejection::IntentStatus { action: "cancel", status: draft.next.status() });
        }
    }
    if let Some(order) = &mut draft.next.order {
        order.state = OrderState::Cancelled { at: now };
        let open: Vec<usize> =
            (0..order.milestones.len()).filter(|position| order.milestones[*position].is_open()).collect();
        for position in open {
            milestones::cancel(draft, position)?;
        }
    }
    draft.set_state(IntentState::Canceled { at: now });
    draft.event(EventKind::IntentCanceled, Subject::Intent);
    Ok(())
}

fn refund_held(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let amount = draft.next.funds.held;
    let rail = draft.next.funding.ok_or(Rejection::NotFunded)?.rail;
    let id = RefundId::fresh(draft.ctx.ids);
    draft.transfer(Purpose::Refund(id), amount)?;
    draft.next.refunds.push(Refund { id, amount, rail, state: RefundState::Pending, created: draft.now });
    Ok(())
}

/// Ends the finality period.
pub(super) fn finalize(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    match draft.next.state {
        IntentState::Settled { final_due, .. } if draft.ctx.now < final_due => Err(Rejection::NotDue(final_due)),
        IntentState::Settled { at: settled_at, .. } => {
            draft.set_state(IntentState::Final { settled_at, at: draft.now });
            Ok(())
        }
        IntentState::Initiated
        | IntentState::Processing { .. }
        | IntentState::Succeeded
        | IntentState::Final { .. }
        | IntentState::Canceled { .. } => {
            Err(Rejection::IntentStatus { action: "finalize", status: draft.next.status() })
        }
    }
}

/// Makes the simulated payer pay an escrow that needs money and may be paid by simulation.
///
/// # Errors
/// [`Rejection::NotFunded`] for live money.
pub(super) fn fund_by_simulation(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    match (draft.next.state, draft.next.owner.mode) {
        (IntentState::Initiated | IntentState::Processing { .. }, Mode::Sandbox) => fund(draft, Rail::Sandbox),
        (IntentState::Initiated | IntentState::Processing { .. }, Mode::Live) => Err(Rejection::NotFunded),
        (
            IntentState::Succeeded
            | IntentState::Settled { .. }
            | IntentState::Final { .. }
            | IntentState::Canceled { .. },
            Mode::Sandbox | Mode::Live,
        ) => Ok(()),
    }
}

/// Whether a milestone of this draft may be released without anybody asking.
pub(super) fn releases_by_itself(draft: &Draft<'_>, state: &MilestoneState) -> bool {
    draft.next.terms.auto_release && draft.next.funding.is_some() && matches!(state, MilestoneState::Completed(_))
}
