//! The escrow order of an intent.

use escrow::Escrow;

use crate::wire::{self, OrderName, Reader};

pub(super) mod delivery_proof;
pub(super) mod get;
pub(super) mod reclaim;
pub(super) mod release;
pub(super) mod ship;

/// Writes the order after a merchant's command.
fn shown(name: OrderName) -> impl Fn(&Escrow) -> Option<Vec<u8>> {
    shown_to(name, Reader::Merchant)
}

/// Writes the order after anybody's command.
pub(super) fn shown_to(name: OrderName, reader: Reader) -> impl Fn(&Escrow) -> Option<Vec<u8>> {
    move |escrow| {
        let order = escrow.order.as_ref()?;
        Some(wire::json(&wire::escrow_order_envelope(escrow, order, name, reader)))
    }
}
