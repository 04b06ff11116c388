//! Numbers that follow from a seed (SplitMix64).

/// Draws numbers; the same seed draws the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// One for this purpose: those of different purposes have nothing to do with each other.
    pub(crate) fn new(seed: u64, purpose: &str) -> Rng {
        let mut rng = Rng(seed);
        for byte in purpose.bytes() {
            rng.0 = rng.next() ^ u64::from(byte);
        }
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one, or 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// A number from the first up to, and without, the last.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to.saturating_sub(from)).unwrap_or(1).max(1);
        from.saturating_add(i64::try_from(self.next() % span).unwrap_or(0))
    }

    /// Whether something happens that happens once in so many times; never, for 0.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        times > 0 && self.next().is_multiple_of(u64::from(times))
    }

    pub(crate) fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        among.get(self.below(among.len()))
    }

    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}
