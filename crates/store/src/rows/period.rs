//! Which ids can have been created in a period, so that a list of it begins and ends where it does.
//!
//! Lists are in the order of ids, and ids in the order of the real time at which they were drawn. An escrow is created a little
//! later, by its owner's clock. That clock only ever moves forward, as a test clock or with real time, so that of two escrows the
//! one with the younger id was created later as well: unless their ids were drawn so shortly after one another that one command
//! overtook the other, or that the system's clock was set back in between, which holds ids up but not what is created. Nothing else
//! is asked of the clocks: how far they are ahead, and were ahead when, need not be known. So the ends of a period are
//! looked for by halving the time that ids may have, as in a sorted list, and then [`DISORDER_MS`] is granted on both sides.
//! Within these bounds the condition on `created` itself decides.

use escrow::{RawId, Timestamp};

/// How much older an id may be than another one of its owner, and its escrow be created later all the same. Requests take seconds,
/// and corrections of a clock that runs at least minutes; a day is far more than either.
const DISORDER_MS: u64 = 24 * 3600 * 1000;

/// Bits of an id below its time.
const BITS_BELOW_TIME: u32 = 80;

/// Past the last time that an id can have.
const END_OF_TIME_MS: u64 = 1 << (u128::BITS - BITS_BELOW_TIME);

/// An escrow: the time of its id, in milliseconds, and when it was created.
type Spot = (u64, Timestamp);

/// The lowest and the highest id that there can be.
pub(crate) type Bounds = (RawId, RawId);

/// A search for the ids that an owner's escrows of a period are between. It asks for escrows and is told of them, since databases are
/// asked in different ways.
pub(crate) struct Search {
    from: Option<Turn>,
    to: Option<Turn>,
}

impl Search {
    /// For escrows created at `from` or later, and at `to` or earlier.
    pub(crate) fn of(from: Option<Timestamp>, to: Option<Timestamp>) -> Search {
        Search { from: from.map(Turn::at), to: to.map(Turn::behind) }
    }

    /// The id at which to look next: what is wanted is the owner's first escrow with this id or a higher one. `None` at the end.
    pub(crate) fn next(&self) -> Option<RawId> {
        self.under_way().map(|turn| lowest_of(turn.middle_ms()))
    }

    /// Tells it what is there, as the id and when it was created.
    pub(crate) fn tell(&mut self, found: Option<(RawId, Timestamp)>) {
        let turns = [&mut self.from, &mut self.to];
        if let Some(turn) = turns.into_iter().flatten().find(|turn| turn.is_under_way()) {
            turn.tell(found.map(|(id, created)| (time_of(id), created)));
        }
    }

    /// The lowest and the highest id that an escrow of the period can have.
    pub(crate) fn bounds(&self) -> Bounds {
        let lowest_ms = self.from.as_ref().map_or(0, Turn::begin_ms);
        let highest_ms = self.to.as_ref().map_or(END_OF_TIME_MS, Turn::end_ms);
        (lowest_of(lowest_ms), highest_of(highest_ms))
    }

    fn under_way(&self) -> Option<&Turn> {
        [&self.from, &self.to].into_iter().flatten().find(|turn| turn.is_under_way())
    }
}

fn lowest_of(time_ms: u64) -> RawId {
    RawId::from_bits(u128::from(time_ms.min(END_OF_TIME_MS - 1)) << BITS_BELOW_TIME)
}

fn highest_of(time_ms: u64) -> RawId {
    RawId::from_bits(lowest_of(time_ms).bits() | ((1 << BITS_BELOW_TIME) - 1))
}

fn time_of(id: RawId) -> u64 {
    u64::try_from(id.bits() >> BITS_BELOW_TIME).unwrap_or(END_OF_TIME_MS)
}

/// A time of ids from which on escrows have come so far, while the one before that has not; looked for by halving.
struct Turn {
    /// Escrows have come so far that were created then or later.
    since: Timestamp,
    low_ms: u64,
    high_ms: u64,
    /// The first one that has.
    found: Option<Spot>,
}

impl Turn {
    const fn at(since: Timestamp) -> Turn {
        Turn { since, low_ms: 0, high_ms: END_OF_TIME_MS, found: None }
    }

    /// The turn to those that were created later than this.
    const fn behind(time: Timestamp) -> Turn {
        Turn::at(Timestamp::from_ms(time.ms().saturating_add(1)))
    }

    const fn is_under_way(&self) -> bool {
        self.low_ms < self.high_ms
    }

    const fn middle_ms(&self) -> u64 {
        self.low_ms + (self.high_ms - self.low_ms) / 2
    }

    /// Tells it the first escrow whose id has the time in the middle, or a later one.
    fn tell(&mut self, first: Option<Spot>) {
        match first {
            Some((time_ms, created)) if created < self.since => self.low_ms = time_ms.saturating_add(1),
            spot => (self.high_ms, self.found) = (self.middle_ms(), spot),
        }
    }

    /// The earliest time of an id whose escrow can have come so far.
    const fn begin_ms(&self) -> u64 {
        // Right before the turn is an escrow that was created too early, and so was everything that is older than it by a day.
        self.high_ms.saturating_sub(1).saturating_sub(DISORDER_MS)
    }

    /// The latest time of an id whose escrow cannot have.
    fn end_ms(&self) -> u64 {
        // The first one was created too late, and so was everything that is younger than it by a day.
        self.found.map_or(END_OF_TIME_MS, |(time_ms, _)| time_ms.saturating_add(DISORDER_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = DISORDER_MS;

    /// Numbers below a bound, from a seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    /// Escrows as a gateway makes them: time goes on by anything from a millisecond to a month, or is set back by up to most of a day,
    /// which ids do not follow; the owner's clock jumps ahead by up to years; and some commands are overtaken by others.
    fn made_by_a_gateway(random: &mut Random) -> Vec<Spot> {
        let (mut real_ms, mut ahead_ms, mut last_id_ms) = (1_700_000_000_000_u64, 0, 0_u64);
        let (mut spots, mut waiting) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            match random.below(8) {
                0 => real_ms += random.below(30 * DAY_MS),
                1 => real_ms -= random.below(DAY_MS / 3),
                2 => ahead_ms += random.below(1000 * DAY_MS),
                _ => real_ms += random.below(1000),
            }
            real_ms = real_ms.max(last_id_ms.saturating_sub(DAY_MS * 9 / 10));
            last_id_ms = real_ms.max(last_id_ms);
            waiting.push((last_id_ms, real_ms));
            // Nothing waits for longer than a few requests take.
            while waiting.len() > 2 || waiting.first().is_some_and(|(_, since_ms)| since_ms.abs_diff(real_ms) > 60_000)
            {
                let place = usize::try_from(random.below(waiting.len() as u64)).expect("small");
                let (id_ms, since_ms) = waiting.remove(place);
                let is_old = since_ms.abs_diff(real_ms) > 60_000;
                let created_ms = ahead_ms + if is_old { since_ms } else { real_ms };
                spots.push((id_ms, Timestamp::from_ms(i64::try_from(created_ms).expect("small"))));
            }
        }
        spots.sort_by_key(|(id_ms, _)| *id_ms);
        spots
    }

    /// Lets a search for a turn look at these until its end.
    fn searched(mut turn: Turn, spots: &[Spot]) -> Turn {
        while turn.is_under_way() {
            let middle_ms = turn.middle_ms();
            turn.tell(spots.iter().copied().find(|(id_ms, _)| *id_ms >= middle_ms));
        }
        turn
    }

    #[test]
    fn nothing_that_was_created_in_a_period_is_outside_its_bounds() {
        for seed in 1..=500 {
            let mut random = Random(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
            let spots = made_by_a_gateway(&mut random);
            for (_, created) in &spots {
                for time in [-1, 0, 1].map(|by_ms| Timestamp::from_ms(created.ms() + by_ms)) {
                    let begin = searched(Turn::at(time), &spots).begin_ms();
                    let end = searched(Turn::behind(time), &spots).end_ms();
                    for (id_ms, created) in &spots {
                        assert!(*created < time || *id_ms >= begin, "seed {seed}: {created:?} is not in from {time:?}");
                        assert!(*created > time || *id_ms <= end, "seed {seed}: {created:?} is not in to {time:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_bounds_are_a_day_from_the_period_however_far_the_clock_is_ahead() {
        let hour_ms = DAY_MS / 24;
        let ahead_ms = 20_000 * DAY_MS;
        let created = |hour: u64| {
            let jumped_ms = if hour < 500 { 0 } else { ahead_ms };
            Timestamp::from_ms(i64::try_from(hour * hour_ms + jumped_ms).expect("small"))
        };
        let spots: Vec<Spot> = (0..1000).map(|hour| (hour * hour_ms, created(hour))).collect();
        let begin = |hour| searched(Turn::at(created(hour)), &spots).begin_ms();
        let end = |hour| searched(Turn::behind(created(hour)), &spots).end_ms();
        for hour in [30, 499, 500, 900] {
            assert_eq!(begin(hour), (hour - 1) * hour_ms - DAY_MS);
        }
        for hour in [0, 498, 499, 900] {
            assert_eq!(end(hour), (hour + 1) * hour_ms + DAY_MS);
        }
        assert_eq!((begin(0), end(999)), (0, END_OF_TIME_MS));
        assert_eq!(searched(Turn::at(created(1)), &[]).begin_ms(), 0);
        assert_eq!(searched(Turn::behind(created(1)), &[]).end_ms(), END_OF_TIME_MS);
    }

    #[test]
    fn bounds_hold_every_id_of_their_times() {
        for (time_ms, lowest, highest) in [
            (0, 0, (1 << 80) - 1),
            (1, 1 << 80, (2 << 80) - 1),
            (END_OF_TIME_MS - 1, u128::MAX - ((1 << 80) - 1), u128::MAX),
            (u64::MAX, u128::MAX - ((1 << 80) - 1), u128::MAX),
        ] {
            assert_eq!((lowest_of(time_ms).bits(), highest_of(time_ms).bits()), (lowest, highest));
        }
    }
}
