//! Lengths of time in words.

const UNITS: [(i64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];

/// A length of time in whole seconds, in the largest unit that it is a whole number of: `7 days`.
pub(in crate::web) fn period(seconds: i64) -> String {
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length && seconds % length == 0);
    let (length, name) = unit.unwrap_or((1, "second"));
    let count = seconds / length;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (90, "90 seconds"),
            (60, "1 minute"),
            (86_400, "1 day"),
            (90_000, "25 hours"),
            (604_800, "7 days"),
        ] {
            assert_eq!(period(seconds), text);
        }
    }
}
