//! Payment intents.

use std::sync::Arc;

use escrow::Escrow;

use crate::gateway::Gateway;
use crate::wire::{self, Reader};

pub(super) mod cancel;
pub(super) mod confirm;
pub(super) mod create;
pub(super) mod get;
pub(super) mod list;
pub(super) mod terms;

/// Writes the intent after a command.
pub(super) fn shown(gateway: &Arc<Gateway>, reader: Reader) -> impl Fn(&Escrow) -> Option<Vec<u8>> + use<> {
    let gateway = gateway.clone();
    move |escrow| Some(wire::json(&wire::intent_envelope(escrow, &gateway.site, reader)))
}
