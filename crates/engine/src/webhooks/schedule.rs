//! When a call that was not taken is made again.

use escrow::Span;

/// How long after each call that was not taken the next one comes. The first call is not among them.
pub const RETRIES: [Span; 5] = [
    Span::from_seconds(60),
    Span::from_seconds(5 * 60),
    Span::from_seconds(30 * 60),
    Span::from_seconds(2 * 3600),
    Span::from_seconds(6 * 3600),
];

/// How much later than the schedule says a call may come, as a part of the wait: a tenth. What failed at once is not tried again at once.
const JITTER: i64 = 10;

/// The longest that an endpoint can ask to be left alone.
pub const LONGEST_REQUESTED_WAIT: Span = Span::from_seconds(24 * 3600);

/// How long an endpoint may fail without one success before it is disabled.
pub const PATIENCE: Span = Span::from_seconds(5 * 24 * 3600);

/// How long to wait after so many calls that were made because it was time; `None` when there will be no more. `random` is drawn for
/// this wait; `asked` is how long the endpoint asked to be left alone.
pub(crate) fn wait(tries: u32, random: u16, asked: Option<Span>) -> Option<Span> {
    let number = usize::try_from(tries).ok()?.checked_sub(1)?;
    let base = RETRIES.get(number)?.ms();
    let later = base / JITTER * i64::from(random) / i64::from(u16::MAX);
    let asked = asked.map_or(0, |asked| asked.min(LONGEST_REQUESTED_WAIT).ms());
    Some(Span::from_ms((base + later).max(asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_follow_the_schedule_with_jitter_and_what_the_endpoint_asks() {
        let day_s = 24 * 3600;
        for (tries, random, asked_s, waited_ms) in [
            (1, 0, None, Some(60_000)),
            (1, u16::MAX, None, Some(66_000)),
            (2, 0, None, Some(300_000)),
            (3, u16::MAX / 2, None, Some(1_889_998)),
            (4, 0, None, Some(7_200_000)),
            (5, u16::MAX, None, Some(23_760_000)),
            (6, 0, None, None),
            (6, 0, Some(5), None),
            (1, 0, Some(5), Some(60_000)),
            (1, 0, Some(3600), Some(3_600_000)),
            (1, 0, Some(30 * day_s), Some(day_s * 1000)),
        ] {
            let waited = wait(tries, random, asked_s.map(Span::from_seconds));
            assert_eq!(waited.map(Span::ms), waited_ms, "{tries} {random} {asked_s:?}");
        }
    }
}
