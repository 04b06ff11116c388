//! What was paid in and what was released, day by day.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::listing::table;
use super::read::Entry;
use super::sum::Sum;
use crate::web::parts::{grouped, money};

/// The most days that are drawn.
const DAYS: usize = 14;

/// How high the highest column is, in pixels.
const HIGHEST: i64 = 110;

/// How many characters of a time are its day: `2026-01-31`.
const DAY_CHARS: usize = 10;

/// What moved on a day.
struct Day {
    date: String,
    held: Sum,
    released: Sum,
}

/// The last days on which money of a currency moved, as columns, and as a table for whoever reads rather than looks.
pub(super) fn draw(paid_in: &[Entry], released: &[Entry], currency: &str) -> Markup {
    let days = days(paid_in, released, currency);
    let highest = days.iter().map(|day| day.held.minor().max(day.released.minor())).max().unwrap_or(0);
    let rows: Vec<Vec<Markup>> = days
        .iter()
        .rev()
        .map(|day| vec![html! { (day.date) }, money(&day.held.text(), currency), money(&day.released.text(), currency)])
        .collect();
    html! {
        figure.chart {
            figcaption {
                span { span.dot.held {} "Paid in and held" } " " span { span.dot.released {} "Released" }
                span.quiet { " in " (currency) ", on the last days on which money moved (UTC)" }
            }
            div.columns-of-days aria-hidden="true" {
                @for day in &days {
                    div.day {
                        svg width="100%" height=(HIGHEST) focusable="false" {
                            (column("held", "8%", day.held, highest))
                            (column("released", "54%", day.released, highest))
                        }
                        span { (day.date.get(5..).unwrap_or_default()) }
                    }
                }
            }
            details.numbers {
                summary #numbers { "The same in numbers" }
                (table("Paid in and released by day", &["Day", "Paid in", "Released"], &rows))
            }
        }
    }
}

fn column(class: &str, x: &str, sum: Sum, highest: i64) -> Markup {
    // Whatever moved is seen, however small it is beside the highest.
    let scaled = i128::from(sum.minor()) * i128::from(HIGHEST) / i128::from(highest.max(1));
    let height = if sum.minor() > 0 { scaled.max(2) } else { 0 };
    html! {
        rect .(class) x=(x) width="38%" y=(i128::from(HIGHEST) - height) height=(height) rx="2" {
            title { (grouped(&sum.text())) }
        }
    }
}

fn days(paid_in: &[Entry], released: &[Entry], currency: &str) -> Vec<Day> {
    let mut days: BTreeMap<&str, (Sum, Sum)> = BTreeMap::new();
    let day = |entry: &'_ Entry| entry.created_at.len().min(DAY_CHARS);
    for entry in paid_in.iter().filter(|entry| entry.currency == currency) {
        let date = entry.created_at.get(..day(entry)).unwrap_or_default();
        let (held, _) = days.entry(date).or_insert((Sum::zero(currency), Sum::zero(currency)));
        *held = held.plus(&entry.amount);
    }
    for entry in released.iter().filter(|entry| entry.currency == currency) {
        let date = entry.created_at.get(..day(entry)).unwrap_or_default();
        let (_, released) = days.entry(date).or_insert((Sum::zero(currency), Sum::zero(currency)));
        *released = released.plus(&entry.amount);
    }
    let from = days.len().saturating_sub(DAYS);
    days.into_iter().skip(from).map(|(date, (held, released))| Day { date: date.to_owned(), held, released }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(day: &str, amount: &str, currency: &str) -> Entry {
        let entry = json!({
            "transactionType": "CREDIT", "amount": amount, "currency": currency, "balanceAfter": amount,
            "paymentIntentId": "intent_1", "description": "", "createdAt": format!("{day}T12:00:00.000Z"),
        });
        serde_json::from_value(entry).expect("an entry")
    }

    #[test]
    fn days_hold_what_moved_on_them() {
        let paid_in =
            [entry("2026-01-02", "10", "USDC"), entry("2026-01-01", "1", "USDC"), entry("2026-01-01", "2", "USDC")];
        let released = [entry("2026-01-03", "4.50", "USDC"), entry("2026-01-01", "9", "EUR")];
        let found: Vec<_> = days(&paid_in, &released, "USDC")
            .into_iter()
            .map(|day| (day.date, day.held.text(), day.released.text()))
            .collect();
        let day = |date: &str, held: &str, released: &str| (date.to_owned(), held.to_owned(), released.to_owned());
        let expected =
            [day("2026-01-01", "3.00", "0.00"), day("2026-01-02", "10.00", "0.00"), day("2026-01-03", "0.00", "4.50")];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_highest_column_fills_the_chart_and_the_smallest_is_seen() {
        let html = draw(&[entry("2026-01-01", "1000000", "USDC")], &[entry("2026-01-01", "0.01", "USDC")], "USDC");
        let html = html.into_string();
        assert!(html.contains(r#"<rect class="held" x="8%" width="38%" y="0" height="110""#), "{html}");
        assert!(html.contains(r#"<rect class="released" x="54%" width="38%" y="108" height="2""#), "{html}");
    }

    #[test]
    fn no_more_days_are_drawn_than_fit() {
        let entries: Vec<Entry> = (10..30).map(|day| entry(&format!("2026-01-{day}"), "1", "USDC")).collect();
        let found = days(&entries, &[], "USDC");
        assert_eq!((found.len(), found[0].date.as_str()), (DAYS, "2026-01-16"));
    }
}
