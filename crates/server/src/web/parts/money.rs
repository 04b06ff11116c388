//! Amounts of money.

use maud::{Markup, html};

/// How many digits stand together.
const GROUP: usize = 3;

/// An amount and its currency, as the API has them: `1000.00` and `USDC`.
pub(in crate::web) fn money(amount: &str, currency: &str) -> Markup {
    html! { span.money { (grouped(amount)) "\u{a0}" span.currency { (currency) } } }
}

/// Decimal text with a comma between thousands: `1,000.00`. What is no number stays as it is.
pub(in crate::web) fn grouped(amount: &str) -> String {
    let (sign, digits) = amount.strip_prefix('-').map_or(("", amount), |digits| ("-", digits));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return amount.to_owned();
    }
    let mut text = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(GROUP) {
            text.push(',');
        }
        text.push(digit);
    }
    text.push_str(fraction);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (amount, text) in [
            ("0.00", "0.00"),
            ("999.99", "999.99"),
            ("1000.00", "1,000.00"),
            ("12345678.123456", "12,345,678.123456"),
            ("-1000.50", "-1,000.50"),
            ("100", "100"),
            ("1000", "1,000"),
            ("", ""),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(grouped(amount), text);
        }
    }
}
