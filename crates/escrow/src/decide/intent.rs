//! The intent as a whole: created, given up, final.

use super::{Ctx, Decision, Draft, milestones, refunds};
use crate::chain::Chain;
use crate::command::NewIntent;
use crate::dispute::Dispute;
use crate::event::{EventKind, Subject};
use crate::ledger::Funds;
use crate::money::Amount;
use crate::rejection::Rejection;
use crate::state::{Escrow, IntentState, Order, OrderState};

pub(super) fn open(new: NewIntent, ctx: &Ctx<'_>) -> Result<Decision, Rejection> {
    let currency = new.terms.amount.currency();
    let has_escrow = new.terms.payment_type.has_escrow();
    let order = has_escrow.then(|| Order {
        id: new.order_id,
        state: OrderState::Pending,
        milestones: Vec::new(),
        shipment: None,
        proof: None,
        disputes: Vec::new(),
        longer_window: None,
    });
    let escrow = Escrow {
        id: new.id,
        owner: new.owner,
        terms: new.terms,
        revision: 0,
        state: IntentState::Initiated,
        payments: Vec::new(),
        hint: None,
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

/// Gives the intent up; what is held goes back whole, and so will a payment that is still under way.
pub(super) fn cancel(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    let now = draft.now;
    match draft.next.state {
        IntentState::Initiated
        | IntentState::RequiresSignature { .. }
        | IntentState::Processing { .. }
        | IntentState::PaymentFailed { .. } => {}
        IntentState::Succeeded if draft.next.funds.released.is_zero() => refund_held(draft)?,
        IntentState::Succeeded | IntentState::PayoutFailed { .. } => return Err(Rejection::CancelAfterRelease),
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
    if draft.next.disputes().iter().any(Dispute::is_open) {
        return Err(Rejection::Disputed("The order"));
    }
    let amount = draft.next.funds.held;
    refunds::start(draft, amount, Amount::zero(amount.currency()), None)
}

/// Ends the finality period.
pub(super) fn finalize(draft: &mut Draft<'_>) -> Result<(), Rejection> {
    match draft.next.state {
        IntentState::Settled { final_due, .. } if draft.ctx.now < final_due => Err(Rejection::NotDue(final_due)),
        IntentState::Settled { at: settled_at, .. } => {
            if !draft.next.funds.refunding.is_zero() {
                return Err(Rejection::NothingDue);
            }
            draft.set_state(IntentState::Final { settled_at, at: draft.now });
            Ok(())
        }
        IntentState::Initiated
        | IntentState::RequiresSignature { .. }
        | IntentState::Processing { .. }
        | IntentState::PaymentFailed { .. }
        | IntentState::Succeeded
        | IntentState::PayoutFailed { .. }
        | IntentState::Final { .. }
        | IntentState::Canceled { .. } => {
            Err(Rejection::IntentStatus { action: "finalize", status: draft.next.status() })
        }
    }
}
