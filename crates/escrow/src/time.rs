//! Points in time and spans of it. The domain has no clock: the time comes in with every command.

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point this many milliseconds after the epoch.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The point `span` later; the last point there is when that lies beyond it.
    #[must_use]
    pub const fn after(self, span: Span) -> Timestamp {
        Timestamp(self.0.saturating_add(span.0))
    }
}

/// A length of time, in milliseconds, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// So many milliseconds; a negative number counts as zero.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Span {
        Span(match ms {
            ..0 => 0,
            ms => ms,
        })
    }

    /// So many seconds; a negative number counts as zero.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Span {
        Span::from_ms(seconds.saturating_mul(1000))
    }

    /// The length in milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// The length in whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0 / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_and_their_seconds_are_rounded_down() {
        for (ms, seconds) in [(0, 0), (999, 0), (1_000, 1), (2_999, 2), (-1, -1), (-1_000, -1), (-1_001, -2)] {
            let time = Timestamp::from_ms(ms);
            assert_eq!((time.ms(), time.seconds()), (ms, seconds));
        }
        assert_eq!(Timestamp::from_ms(1).after(Span::from_ms(2)), Timestamp::from_ms(3));
        assert_eq!(Timestamp::from_ms(i64::MAX).after(Span::from_ms(2)), Timestamp::from_ms(i64::MAX));
    }

    #[test]
    fn spans_are_never_negative() {
        for (span, ms, seconds) in [
            (Span::from_ms(1_999), 1_999, 1),
            (Span::from_ms(0), 0, 0),
            (Span::from_ms(-1), 0, 0),
            (Span::from_seconds(2), 2_000, 2),
            (Span::from_seconds(-2), 0, 0),
            (Span::from_seconds(i64::MAX), i64::MAX, i64::MAX / 1_000),
        ] {
            assert_eq!((span.ms(), span.seconds()), (ms, seconds));
        }
    }
}
