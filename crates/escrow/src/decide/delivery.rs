//! The order as a whole: shipped, proven, released.

use super::{Draft, payments, releases};
use crate::address::Address;
use crate::chain::Hash;
use crate::command::{NewProof, Shipping};
use crate::event::{EventKind, Subject};
use crate::money::Amount;
use crate::rejection::Rejection;
use crate::state::{DeliveryProof, Escrow, Order, OrderState, Shipment};
use crate::terms::{Mode, ReleaseType};

/// Notes that the goods are on their way.
pub(super) fn ship(draft: &mut Draft<'_>, shipping: Shipping) -> Result<(), Rejection> {
    let now = draft.now;
    let order = draft.order_mut()?;
    match order.state {
        OrderState::Pending => {}
        OrderState::Shipped { .. }
        | OrderState::Delivered { .. }
        | OrderState::Disputed { .. }
        | OrderState::Completed { .. }
        | OrderState::Cancelled { .. } => {
            return Err(Rejection::OrderStatus { action: "ship", status: order.state.status() });
        }
    }
    let Shipping { carrier, tracking_number } = shipping;
    order.state = OrderState::Shipped { at: now };
    order.shipment = Some(Shipment { at: now, carrier, tracking_number });
    draft.event(EventKind::OrderShipped, Subject::Order);
    releases::due(draft)
}

/// Takes a proof of delivery. The same proof again changes nothing.
pub(super) fn submit_proof(draft: &mut Draft<'_>, new: NewProof) -> Result<(), Rejection> {
    let order = draft.next.order.as_ref().ok_or(Rejection::NoOrder)?;
    if order.proof.as_ref().is_some_and(|proof| proof.hash == new.hash) {
        return Ok(());
    }
    check_proof(&draft.next, order, &new)?;
    payments::simulate(draft)?;
    let now = draft.now;
    let NewProof { id, hash, uri, submitted_by, transaction, oracle_signature } = new;
    let oracle_signature = oracle_signature.and_then(Result::ok);
    let order = draft.order_mut()?;
    order.proof = Some(DeliveryProof { id, hash, uri, submitted_by, transaction, oracle_signature, created: now });
    // A time lock may have opened with the payment.
    if matches!(order.state, OrderState::Pending | OrderState::Shipped { .. }) {
        order.state = OrderState::Delivered { at: now };
    }
    draft.event(EventKind::ProofSubmitted, Subject::Proof(id));
    releases::due(draft)
}

fn check_proof(state: &Escrow, order: &Order, new: &NewProof) -> Result<(), Rejection> {
    match state.terms.release_type {
        ReleaseType::DeliveryProof | ReleaseType::AutoRelease | ReleaseType::TimeLocked => {}
        ReleaseType::MilestoneLocked => return Err(Rejection::ProofOfMilestones),
    }
    match order.state {
        OrderState::Pending | OrderState::Shipped { .. } => {}
        OrderState::Delivered { .. }
        | OrderState::Disputed { .. }
        | OrderState::Completed { .. }
        | OrderState::Cancelled { .. } => {
            return Err(Rejection::ProofStatus(order.state.status()));
        }
    }
    let expected = state.terms.expected_delivery_hash.as_deref().filter(|text| !is_zero(text));
    if expected.is_some_and(|text| !text.eq_ignore_ascii_case(&format!("0x{}", new.hash))) {
        return Err(Rejection::ProofMismatch);
    }
    let Some(oracle) = &state.terms.delivery_oracle else { return Ok(()) };
    let is_oracle = new.submitted_by.parse().is_ok_and(|address: Address| address == *oracle);
    match (&new.oracle_signature, state.owner.mode) {
        (Some(Ok(_)), _) => Ok(()),
        (Some(Err(why)), _) => Err(Rejection::OracleSignature(why.clone())),
        (None, Mode::Sandbox) if is_oracle => Ok(()),
        (None, Mode::Sandbox) => Err(Rejection::NotTheOracle(oracle.clone())),
        (None, Mode::Live) => {
            Err(Rejection::OracleSignature("oracleSignature is required: the delivery oracle must sign".to_owned()))
        }
    }
}

/// Whether a hash expects nothing.
fn is_zero(text: &str) -> bool {
    text.eq_ignore_ascii_case(&format!("0x{}", Hash::ZERO))
}

/// Releases all that is held, by hand.
pub(super) fn release(draft: &mut Draft<'_>, held: Option<Amount>) -> Result<(), Rejection> {
    let order = draft.order()?;
    let release_type = draft.next.terms.release_type;
    if !release_type.is_by_proof() {
        return Err(Rejection::NotReleasedByHand(release_type));
    }
    match order.state {
        OrderState::Delivered { .. } => {}
        OrderState::Disputed { .. } => return Err(Rejection::Disputed("The order")),
        OrderState::Pending
        | OrderState::Shipped { .. }
        | OrderState::Completed { .. }
        | OrderState::Cancelled { .. } => {
            return Err(Rejection::OrderStatus { action: "release", status: order.state.status() });
        }
    }
    if held.is_some_and(|held| held != draft.next.funds.held) {
        return Err(Rejection::Stale("What is held"));
    }
    releases::all(draft)
}
