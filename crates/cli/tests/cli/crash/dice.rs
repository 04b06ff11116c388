//! Randomness that a seed replays.

use engine::{Host, System};

/// Which environment variable sets the seed.
const SEED: &str = "MILEPOST_CRASH_SEED";

/// A generator of random numbers (SplitMix64, by Sebastiano Vigna).
pub(crate) struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    /// Dice with the seed that was set, or a fresh one; it is printed, for whoever wants the same rolls again.
    pub(crate) fn new() -> Dice {
        let set = std::env::var(SEED).ok().map(|text| text.parse().expect("the seed is a number"));
        let seed = set.unwrap_or_else(|| {
            let mut bytes = [0; 8];
            System::new().random(&mut bytes);
            u64::from_le_bytes(bytes)
        });
        println!("{SEED}={seed}");
        Dice { seed, state: seed }
    }

    /// What replays these dice.
    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    /// Other dice, which follow from these.
    pub(crate) const fn fork(&mut self) -> Dice {
        let seed = self.roll();
        Dice { seed, state: seed }
    }

    /// Any number.
    pub(crate) const fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, which is above 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }

    /// Heads or tails.
    pub(crate) const fn flip(&mut self) -> bool {
        self.roll() >> 63 == 1
    }
}
