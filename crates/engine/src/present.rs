//! How events look to the world: told by the server, stored and hashed by the engine.

use escrow::chain::Numbered;
use escrow::{Escrow, Timestamp};

/// Writes the bodies of events.
pub trait Present: Send + Sync + 'static {
    /// The body of an event, as it is stored, hashed and served: JSON without the hashes. `escrow` is the state after the
    /// decision that the event belongs to.
    fn event(&self, escrow: &Escrow, numbered: Numbered<'_>, created: Timestamp) -> Vec<u8>;
}
