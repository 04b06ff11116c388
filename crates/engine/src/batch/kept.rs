//! Escrows as a lane has left them, so that they need not be read again.

use std::collections::HashMap;

use escrow::IntentId;

/// How many escrows make a generation, of which there are two.
const GENERATION: usize = 1024;

/// The escrows that were lately changed, in two generations: whatever nobody has asked for since before the younger one began goes with
/// the older one. What is taken out must be put in again, so that nothing stays of which it is not known what became.
pub(super) struct Kept<E> {
    younger: HashMap<IntentId, E>,
    older: HashMap<IntentId, E>,
}

impl<E> Kept<E> {
    pub(super) fn new() -> Kept<E> {
        Kept { younger: HashMap::new(), older: HashMap::new() }
    }

    pub(super) fn take(&mut self, intent: IntentId) -> Option<E> {
        self.younger.remove(&intent).or_else(|| self.older.remove(&intent))
    }

    pub(super) fn put(&mut self, intent: IntentId, escrow: E) {
        if self.younger.len() >= GENERATION {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(intent, escrow);
    }
}

#[cfg(test)]
mod tests {
    use escrow::RawId;

    use super::*;

    fn id(number: usize) -> IntentId {
        IntentId::new(RawId::from_bits(u128::try_from(number).expect("a number")))
    }

    #[test]
    fn what_nobody_asks_for_goes_after_two_generations() {
        let mut kept = Kept::new();
        for number in 0..3 * GENERATION {
            kept.put(id(number), number);
        }
        assert_eq!(kept.take(id(0)), None);
        for number in [GENERATION, 3 * GENERATION - 1] {
            assert_eq!(kept.take(id(number)), Some(number));
            assert_eq!(kept.take(id(number)), None, "it was taken");
        }
    }
}
