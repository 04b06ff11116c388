//! Fresh ids: 48 bits of time, then 80 bits that nobody can guess, growing with every one.

use std::sync::{Arc, Mutex, PoisonError};

use escrow::{Ids, RawId};

use crate::host::Host;

/// Bits below the time.
const RANDOM_BITS: u32 = 80;

/// How many ids' randomness is drawn at a time. It is asked of the operating system, which takes longer than all the rest.
const DRAWN_AT_ONCE: usize = 32;

/// Makes ids that grow with time; while this process runs, within a millisecond and when the clock steps back too.
pub struct FreshIds {
    host: Arc<dyn Host>,
    state: Mutex<State>,
}

struct State {
    last: u128,
    /// Randomness that no id has yet.
    drawn: Vec<u128>,
}

impl FreshIds {
    /// Ids from the clock and the randomness of `host`.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> FreshIds {
        FreshIds { host, state: Mutex::new(State { last: 0, drawn: Vec::with_capacity(DRAWN_AT_ONCE) }) }
    }
}

impl FreshIds {
    /// Randomness for an id, and for the next ones.
    fn draw(&self, drawn: &mut Vec<u128>) -> u128 {
        let mut bytes = [0; 16 * DRAWN_AT_ONCE];
        self.host.random(&mut bytes);
        let (words, _) = bytes.as_chunks();
        drawn.extend(words.iter().map(|word| u128::from_be_bytes(*word)));
        drawn.pop().unwrap_or_default()
    }
}

impl Ids for FreshIds {
    fn next(&self) -> RawId {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let random = state.drawn.pop().unwrap_or_else(|| self.draw(&mut state.drawn));
        let time = u128::from(self.host.now().ms().unsigned_abs()) << RANDOM_BITS;
        let by_time = time | (random >> (128 - RANDOM_BITS));
        // Where the time has not moved on, the next id lies an unguessable step of up to 2^64 behind the last one.
        let by_step = state.last.saturating_add(1 + (random & u128::from(u64::MAX)));
        state.last = by_time.max(by_step);
        RawId::from_bits(state.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualHost;

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_steps_back() {
        let host = Arc::new(ManualHost::at_ms(1_700_000_000_000));
        let ids = FreshIds::new(host.clone());
        let mut before = ids.next();
        for round in 0..10_000 {
            if round == 5_000 {
                host.set_ms(1_600_000_000_000);
            }
            let id = ids.next();
            assert!(before < id);
            before = id;
        }
    }
}
