//! Points in time: served in UTC, shown by `page.js` in the reader's zone, with the exact one on hover.

use escrow::Timestamp;
use maud::{Markup, html};

use crate::wire::rfc3339_text;

const MS_PER_SECOND: i64 = 1000;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A point in time in Unix seconds.
pub(in crate::web) fn at_seconds(seconds: i64) -> Markup {
    at(&rfc3339_text(Timestamp::from_ms(seconds.saturating_mul(MS_PER_SECOND))))
}

/// A point in time as the API writes it, `2026-01-31T23:59:59.000Z`; what is none is shown as it is.
pub(in crate::web) fn at(time: &str) -> Markup {
    match Moment::read(time) {
        Some(moment) => html! { time datetime=(moment.exact) title=(moment.title) { (moment.shown) } },
        None => html! { (time) },
    }
}

struct Moment {
    exact: String,
    title: String,
    shown: String,
}

impl Moment {
    fn read(time: &str) -> Option<Moment> {
        let (date, of_day) = time.split_once('T')?;
        let (clock, _ms) = of_day.strip_suffix('Z')?.split_once('.')?;
        let (minutes, _seconds) = clock.rsplit_once(':')?;
        let mut parts = date.rsplitn(3, '-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let month = month.parse::<usize>().ok()?.checked_sub(1).and_then(|index| MONTHS.get(index))?;
        let day = day.trim_start_matches('0');
        Some(Moment {
            exact: format!("{date}T{clock}Z"),
            title: format!("{date} {clock} UTC"),
            shown: format!("{day} {month} {year}, {minutes} UTC"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_say_what_they_are_exactly() {
        assert_eq!(
            at_seconds(1_735_689_599).into_string(),
            r#"<time datetime="2024-12-31T23:59:59Z" title="2024-12-31 23:59:59 UTC">31 Dec 2024, 23:59 UTC</time>"#
        );
        assert_eq!(at("2026-01-05T00:00:00.123Z").into_string(), at_seconds(1_767_571_200).into_string());
        assert_eq!(at("<b>").into_string(), "&lt;b&gt;");
    }
}
