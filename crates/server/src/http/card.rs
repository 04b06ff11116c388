//! Reading a card: its number, when it expires, its verification code and its holder's name. Only the number is handed on; the rest
//! is checked and forgotten. No error repeats anything that was sent.

use std::ops::RangeInclusive;

use escrow::Timestamp;

use super::error::ApiError;
use super::fields::{Fields, Limit, Read, Style, digits};
use super::openapi::{Field, field};
use crate::processor::{CardNumber, NUMBER_DIGITS, NotACard};
use crate::wire::year_and_month;

const CARD: &str = "card";
const NUMBER: &str = "cardNumber";
const EXPIRY: &str = "expiry";
const EXPIRY_MONTH: &str = "expiryMonth";
const EXPIRY_YEAR: &str = "expiryYear";
const CODE: &str = "cvv";
const NAME: &str = "name";

/// How many digits a verification code has.
const CODE_DIGITS: RangeInclusive<usize> = 3..=4;

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 256;

const MONTHS: RangeInclusive<i64> = 1..=12;

/// The years that four digits spell.
const YEARS: RangeInclusive<i64> = 1000..=9999;

/// The century of years that are sent as two digits.
const CENTURY: i64 = 2000;

/// A year and a month of it, which order like the points in time that they are.
type Month = (i64, i64);

/// The fields of a body with a card.
pub(super) fn documented() -> Vec<Field> {
    let text = || field::text(Limit::Chars(MAX_NAME_CHARS));
    let month = || field::seconds(&MONTHS);
    let card = field::object(&[
        Field::required(NUMBER, text(), "Its number: 12 to 19 digits, which blanks and dashes may separate."),
        Field::optional(EXPIRY, text(), "Its last month: `MM/YY`, `MM/YYYY` or `MMYY`. Or both of the next two."),
        Field::optional(EXPIRY_MONTH, month(), "Its last month."),
        Field::optional(EXPIRY_YEAR, field::seconds(&(0..=*YEARS.end())), "The year of it, as two or four digits."),
        Field::required(CODE, text(), "Its verification code: three or four digits."),
        Field::optional(NAME, text(), "Its holder."),
    ]);
    vec![Field::required(CARD, card, "The card. Nothing of it is repeated in any answer.")]
}

/// The number of the card in a body that may pay at this time.
pub(super) fn read(body: &Fields<'_>, now: Timestamp) -> Read<CardNumber> {
    // Months and years may be numbers or digits.
    let card = body.required(CARD, body.object(CARD, Style::Lenient)?)?;
    let number = number(&card)?;
    check_expiry(&card, now)?;
    check_code(&card)?;
    let name_rule = format!("must be a string of at most {MAX_NAME_CHARS} characters without control characters");
    card.text(NAME, Limit::Chars(MAX_NAME_CHARS)).map_err(|_| invalid(&card, NAME, &name_rule))?;
    Ok(number)
}

/// The error for a card that the sandbox's processor does not know. It tells the test cards by their ends, so that no answer ever
/// has a number in it.
pub(super) fn unknown() -> ApiError {
    let param = format!("{CARD}.{NUMBER}");
    let message = "Only the test cards pay in the sandbox: those that end in 4242 and 4444 work, the one in 5126 works and \
                   refuses every refund, the one in 0002 is declined, and the one in 9995 lacks funds";
    ApiError::Card { param, message: message.to_owned() }
}

fn invalid(card: &Fields<'_>, name: &str, rule: &str) -> ApiError {
    let param = card.param(name);
    ApiError::Card { message: format!("{param} {rule}"), param }
}

/// A text that must be there.
fn text<'a>(card: &Fields<'a>, name: &str, rule: &str) -> Read<&'a str> {
    let text = card.text(name, Limit::Bytes(usize::MAX)).map_err(|_| invalid(card, name, rule))?;
    text.ok_or_else(|| invalid(card, name, "is required"))
}

fn number(card: &Fields<'_>) -> Read<CardNumber> {
    let rule = format!(
        "must be a string of {} to {} digits, which blanks and dashes may separate",
        NUMBER_DIGITS.start(),
        NUMBER_DIGITS.end()
    );
    CardNumber::parse(text(card, NUMBER, &rule)?).map_err(|error| match error {
        NotACard::Form => invalid(card, NUMBER, &rule),
        NotACard::CheckDigit => invalid(card, NUMBER, "must be the number of a card: its check digit is wrong"),
    })
}

fn check_code(card: &Fields<'_>) -> Read<()> {
    let rule = format!("must be a string of {} to {} digits", CODE_DIGITS.start(), CODE_DIGITS.end());
    let code = text(card, CODE, &rule)?;
    let is_one = CODE_DIGITS.contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(()) } else { Err(invalid(card, CODE, &rule)) }
}

/// A card is valid to the end of its last month, in UTC.
fn check_expiry(card: &Fields<'_>, now: Timestamp) -> Read<()> {
    let is_split = !card.has(EXPIRY) && (card.has(EXPIRY_MONTH) || card.has(EXPIRY_YEAR));
    let (name, last) = if is_split { (EXPIRY_YEAR, split_expiry(card)?) } else { (EXPIRY, whole_expiry(card)?) };
    if last < year_and_month(now) {
        return Err(invalid(card, name, "must not be in the past: the card has expired"));
    }
    Ok(())
}

fn whole_expiry(card: &Fields<'_>) -> Read<Month> {
    const RULE: &str = "must be a month and a year, as \"MM/YY\", \"MM/YYYY\" or \"MMYY\"";
    month(text(card, EXPIRY, RULE)?).ok_or_else(|| invalid(card, EXPIRY, RULE))
}

fn split_expiry(card: &Fields<'_>) -> Read<Month> {
    let read = |name, range, rule| {
        let number = card.integer(name, range).map_err(|_| invalid(card, name, rule))?;
        number.ok_or_else(|| invalid(card, name, "is required"))
    };
    let rule = "must be a month, from 1 to 12";
    let month = read(EXPIRY_MONTH, &MONTHS, rule)?;
    let rule = "must be a year, as two or four digits";
    let year = read(EXPIRY_YEAR, &(0..=*YEARS.end()), rule)?;
    Ok((full_year(year).ok_or_else(|| invalid(card, EXPIRY_YEAR, rule))?, month))
}

/// `MM/YY`, `MM/YYYY`, the same with a dash or with blanks around either, or `MMYY`.
fn month(text: &str) -> Option<Month> {
    let (month, year) = match text.split_once(['/', '-']) {
        Some((month, year)) => (month.trim(), year.trim()),
        None if text.len() == 4 => text.split_at_checked(2)?,
        None => return None,
    };
    let has_right_lengths = (1..=2).contains(&month.len()) && [2, 4].contains(&year.len());
    let month = digits(month).filter(|month| has_right_lengths && MONTHS.contains(month))?;
    let is_whole = year.len() == 4;
    let year = digits(year).filter(|year| is_whole == YEARS.contains(year))?;
    Some((full_year(year)?, month))
}

fn full_year(year: i64) -> Option<i64> {
    if YEARS.contains(&year) { Some(year) } else { (0..100).contains(&year).then_some(CENTURY + year) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months() {
        for (text, found) in [
            ("12/30", Some((2030, 12))),
            ("1/30", Some((2030, 1))),
            ("01/2030", Some((2030, 1))),
            ("01-30", Some((2030, 1))),
            ("01-2030", Some((2030, 1))),
            ("01 / 30", Some((2030, 1))),
            ("0130", Some((2030, 1))),
            ("0100", Some((2000, 1))),
            ("12/9999", Some((9999, 12))),
            ("13/30", None),
            ("00/30", None),
            ("1330", None),
            ("2030-01", None),
            ("01/0030", None),
            ("01/030", None),
            ("01/3", None),
            ("001/30", None),
            ("01/30/31", None),
            ("+1/30", None),
            ("/30", None),
            ("01/", None),
            ("/", None),
            ("", None),
            ("130", None),
            ("012030", None),
            ("0é1", None),
            ("é30", None),
            ("０１/30", None),
        ] {
            assert_eq!(month(text), found, "{text}");
        }
    }
}
