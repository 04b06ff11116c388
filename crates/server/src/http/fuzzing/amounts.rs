//! Amounts: as text, in JSON and in forms.

use escrow::limits::MAX_AMOUNT_UNITS;
use escrow::money::decimal;
use escrow::{Amount, Currency, Decimal};
use serde_json::Value;

use super::escaped;
use crate::http::body::Sent;
use crate::http::fields::Style;

/// What is taken is what the documentation says, and nothing else; shown, it reads as the same amount. In JSON only a text is an
/// amount, in a form it is the same one.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for currency in Currency::ALL {
        check_text(text, currency);
    }
    check_json(text);
    check_form(text);
}

fn check_text(text: &str, currency: Currency) {
    let parsed = Amount::parse(text, currency);
    assert_eq!(parsed.ok().map(Amount::minor), documented(text, currency), "{text:?} {currency}");
    let Ok(amount) = parsed else { return };
    let shown = amount.to_string();
    assert_eq!(Amount::parse(&shown, currency), Ok(amount), "{text:?} is shown as {shown}");
    assert!(shown.split_once('.').is_some_and(|(_, decimals)| decimals.len() >= 2), "{shown}");
    assert_eq!(decimal(-amount.minor(), currency), format!("-{shown}"));
    assert_eq!(amount.plus(amount).and_then(|twice| twice.minus(amount)), Ok(amount));
    let basis_points = u16::try_from(amount.minor() % 10_001).unwrap_or_default();
    let share = amount.share(basis_points);
    let rest = amount.minus(share).expect("a share is never more than the whole");
    assert!((share.minor() - (amount.minor() - amount.share(10_000 - basis_points).minor())).abs() <= 1, "{rest}");
}

/// The minor units of a text that the documentation calls an amount: digits with at most one point between them, more than zero.
fn documented(text: &str, currency: Currency) -> Option<i64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let is_plain = !whole.is_empty() && whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit());
    if !is_plain || fraction.len() > currency.decimals() {
        return None;
    }
    let padded = format!("{whole}{fraction:0<width$}", width = currency.decimals());
    let minor = padded.trim_start_matches('0').parse::<i64>().ok()?;
    (minor <= MAX_AMOUNT_UNITS * currency.scale()).then_some(minor)
}

fn check_json(text: &str) {
    let raw = format!("{{\"amount\":{text}}}").into_bytes();
    let Ok(sent) = Sent::parse(raw.into(), Style::Strict, None) else { return };
    let fields = sent.fields();
    let read = fields.amount("amount");
    match fields.members().get("amount") {
        Some(Value::String(text)) => assert_eq!(read.ok(), Decimal::parse(text).ok().map(Some), "{text:?}"),
        None | Some(Value::Null) => assert!(matches!(read, Ok(None))),
        Some(Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            assert!(read.is_err(), "{text} is taken for an amount");
        }
    }
}

fn check_form(text: &str) {
    let raw = format!("amount={}", escaped(text)).into_bytes();
    let sent = Sent::parse(raw.into(), Style::Lenient, None).expect("a form");
    assert_eq!(sent.fields().amount("amount").ok(), Decimal::parse(text).ok().map(Some), "{text:?}");
}
