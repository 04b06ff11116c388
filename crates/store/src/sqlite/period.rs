//! Which ids can have been created in a period, so that a list of it begins and ends where it does.
//!
//! Lists are in the order of ids, and ids in the order of the real time at which they were drawn. An escrow is created a little
//! later, by its owner's clock. That clock only ever moves forward, as a test clock or with real time, so that of two escrows the
//! one with the younger id was created later as well: unless their ids were drawn so shortly after one another that one command
//! overtook the other, or that the system's clock was set back in between, which holds ids up but not what is created. Nothing else
//! is asked of the clocks: how far they are ahead, and were ahead when, need not be known. So the ends of a period are
//! looked for by halving the time that ids may have, as in a sorted list, and then [`DISORDER_MS`] is granted on both sides.
//! Within these bounds the condition on `created` itself decides.

use escrow::{Owner, RawId, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::codec::{self, IdBytes};
use super::error::Fault;

/// How much older an id may be than another one of its owner, and its escrow be created later all the same. Requests take seconds,
/// and corrections of a clock that runs at least minutes; a day is far more than either.
const DISORDER_MS: u64 = 24 * 3600 * 1000;

/// Bits of an id below its time.
const BITS_BELOW_TIME: u32 = 80;

/// Past the last time that an id can have.
const END_OF_TIME_MS: u64 = 1 << (u128::BITS - BITS_BELOW_TIME);

/// An escrow: the time of its id, in milliseconds, and when it was created.
type Spot = (u64, Timestamp);

/// The lowest and the highest id that an owner's escrow of a period can have.
pub(super) fn ids(
    db: &Connection,
    owner: Owner,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<(RawId, RawId), Fault> {
    let first = |time_ms| first_drawn_since(db, owner, time_ms);
    let (mut lowest_ms, mut highest_ms) = (0, END_OF_TIME_MS);
    if let Some(from) = from {
        lowest_ms = begin(first, from)?;
    }
    if let Some(to) = to {
        highest_ms = end(first, to)?;
    }
    Ok((lowest_of(lowest_ms), highest_of(highest_ms)))
}

fn lowest_of(time_ms: u64) -> RawId {
    RawId::from_bits(u128::from(time_ms.min(END_OF_TIME_MS - 1)) << BITS_BELOW_TIME)
}

fn highest_of(time_ms: u64) -> RawId {
    RawId::from_bits(lowest_of(time_ms).bits() | ((1 << BITS_BELOW_TIME) - 1))
}

/// The earliest time of an id whose escrow can have been created at `from` or later.
fn begin(first: impl Fn(u64) -> Result<Option<Spot>, Fault>, from: Timestamp) -> Result<u64, Fault> {
    let (time_ms, _) = turn(first, |created| created >= from)?;
    // Right before the turn is an escrow that was created too early, and so was everything that is older than it by a day.
    Ok(time_ms.saturating_sub(1).saturating_sub(DISORDER_MS))
}

/// The latest time of an id whose escrow can have been created at `to` or earlier.
fn end(first: impl Fn(u64) -> Result<Option<Spot>, Fault>, to: Timestamp) -> Result<u64, Fault> {
    let (_, after) = turn(first, |created| created > to)?;
    // This one was created too late, and so was everything that is younger than it by a day.
    Ok(after.map_or(END_OF_TIME_MS, |(time_ms, _)| time_ms.saturating_add(DISORDER_MS)))
}

/// A time of ids from which on escrows have come so far, with the first one since then; while the one before that has not. `first`
/// is the first escrow whose id has this time or a later one.
fn turn(
    first: impl Fn(u64) -> Result<Option<Spot>, Fault>,
    has_come: impl Fn(Timestamp) -> bool,
) -> Result<(u64, Option<Spot>), Fault> {
    let (mut low_ms, mut high_ms, mut found) = (0, END_OF_TIME_MS, None);
    while low_ms < high_ms {
        let middle_ms = low_ms + (high_ms - low_ms) / 2;
        match first(middle_ms)? {
            Some((time_ms, created)) if !has_come(created) => low_ms = time_ms + 1,
            spot => (high_ms, found) = (middle_ms, spot),
        }
    }
    Ok((high_ms, found))
}

fn first_drawn_since(db: &Connection, owner: Owner, time_ms: u64) -> Result<Option<Spot>, Fault> {
    let sql = "SELECT id, created FROM escrows WHERE owner = ?1 AND id >= ?2 ORDER BY id LIMIT 1";
    let key = params![codec::owner_bytes(owner), lowest_of(time_ms).to_bytes()];
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, IdBytes>(0)?, row.get(1)?));
    let found = db.prepare_cached(sql)?.query_row(key, read).optional()?;
    Ok(found.map(|(id, created)| (time_of(RawId::from_bytes(id)), Timestamp::from_ms(created))))
}

fn time_of(id: RawId) -> u64 {
    u64::try_from(id.bits() >> BITS_BELOW_TIME).unwrap_or(END_OF_TIME_MS)
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

    fn first_of(spots: &[Spot], time_ms: u64) -> Result<Option<Spot>, Fault> {
        Ok(spots.iter().copied().find(|(id_ms, _)| *id_ms >= time_ms))
    }

    #[test]
    fn nothing_that_was_created_in_a_period_is_outside_its_bounds() {
        for seed in 1..=500 {
            let mut random = Random(u64::wrapping_mul(seed, 0x9E37_79B9_7F4A_7C15));
            let spots = made_by_a_gateway(&mut random);
            for (_, created) in &spots {
                for time in [-1, 0, 1].map(|by_ms| Timestamp::from_ms(created.ms() + by_ms)) {
                    let begin = begin(|time_ms| first_of(&spots, time_ms), time).expect("a search");
                    let end = end(|time_ms| first_of(&spots, time_ms), time).expect("a search");
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
        let begin = |hour| begin(|time_ms| first_of(&spots, time_ms), created(hour)).expect("a search");
        let end = |hour| end(|time_ms| first_of(&spots, time_ms), created(hour)).expect("a search");
        for hour in [30, 499, 500, 900] {
            assert_eq!(begin(hour), (hour - 1) * hour_ms - DAY_MS);
        }
        for hour in [0, 498, 499, 900] {
            assert_eq!(end(hour), (hour + 1) * hour_ms + DAY_MS);
        }
        assert_eq!((begin(0), end(999)), (0, END_OF_TIME_MS));
        let nothing = |_| Ok(None);
        assert_eq!(super::begin(nothing, created(1)).expect("a search"), 0);
        assert_eq!(super::end(nothing, created(1)).expect("a search"), END_OF_TIME_MS);
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
