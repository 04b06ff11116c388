//! What gateways count together: how often a key was used in a window of time.

use std::collections::BTreeMap;

use escrow::{KeyId, Timestamp};

/// Something that was counted, to be added to what all gateways have counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The key that was used.
    pub key: KeyId,
    /// Which of the windows of a key; opaque here.
    pub window: u8,
    /// When the window began.
    pub since: Timestamp,
    /// How often it was used.
    pub count: u32,
}

/// The tallies of a store that no other process uses.
#[derive(Clone, Default)]
pub(crate) struct Tallies(BTreeMap<(KeyId, u8, Timestamp), u64>);

impl Tallies {
    /// Adds to each, and gives what it has come to; forgets windows that began before a time.
    pub(crate) fn add(&mut self, tallies: &[Tally], forgotten: Timestamp) -> Vec<u64> {
        self.0.retain(|(_, _, since), _| *since >= forgotten);
        let add = |tally: &Tally| {
            let total = self.0.entry((tally.key, tally.window, tally.since)).or_default();
            *total = total.saturating_add(u64::from(tally.count));
            *total
        };
        tallies.iter().map(add).collect()
    }
}
