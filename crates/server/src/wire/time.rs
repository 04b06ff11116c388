//! Points in time as text.

use escrow::Timestamp;

use super::schema::{Rfc3339, Seconds};

const MS_PER_SECOND: i64 = 1000;
const SECONDS_PER_DAY: i64 = 24 * 3600;

/// Unix seconds in decimal: how the original API shows what it keeps as big integers.
pub(super) fn seconds_text(time: Timestamp) -> Seconds {
    Seconds(time.seconds().to_string())
}

/// RFC 3339 in UTC with milliseconds: `2026-01-31T23:59:59.000Z`.
pub(super) fn rfc3339(time: Timestamp) -> Rfc3339 {
    let seconds = time.seconds();
    let (year, month, day) = civil_date(seconds.div_euclid(SECONDS_PER_DAY));
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let ms = time.ms().rem_euclid(MS_PER_SECOND);
    Rfc3339(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"))
}

/// The same as plain text, for pages.
pub(crate) fn rfc3339_text(time: Timestamp) -> String {
    rfc3339(time).0
}

/// The year and the month of it, in UTC.
pub(crate) const fn year_and_month(time: Timestamp) -> (i64, i64) {
    let (year, month, _) = civil_date(time.seconds().div_euclid(SECONDS_PER_DAY));
    (year, month)
}

/// Year, month and day of the day so many days after 1970-01-01 in the proleptic Gregorian calendar: Howard Hinnant's
/// `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>). Years begin in March there, so that the leap day
/// is the last of a year, and 400 of them are an era of always the same length.
const fn civil_date(days_since_epoch: i64) -> (i64, i64, i64) {
    const DAYS_TO_EPOCH: i64 = 719_468;
    const DAYS_PER_ERA: i64 = 146_097;
    let days = days_since_epoch + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        // Checked with `date -u -d @… +%FT%TZ` of GNU coreutils.
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
            (1_735_689_599_000, "2024-12-31T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_000, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(Timestamp::from_ms(ms)).0, text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil_date(-800_000);
        for days in -799_999..800_000 {
            let (year, month, day) = civil_date(days);
            let is_next = match before {
                _ if day > 1 => (year, month, day - 1) == before,
                (last_year, 12, 31) => (year, month) == (last_year + 1, 1),
                (last_year, last_month, _) => (year, month) == (last_year, last_month + 1),
            };
            assert!(is_next, "{before:?} {year}-{month}-{day}");
            before = (year, month, day);
        }
    }

    #[test]
    fn no_time_panics() {
        for ms in [i64::MIN, i64::MAX] {
            let _ = rfc3339(Timestamp::from_ms(ms));
        }
    }
}
