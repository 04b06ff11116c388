//! The card processor: who is asked whether a card pays. There is only the sandbox's so far, which knows a few test cards by their
//! numbers; a real one takes its place behind [`authorize`]. It will have to be asked under an id of ours that is stored first, since
//! its answer moves money; this one moves none.

use escrow::{CardBrand, CardOutcome};

/// How many digits a card's number has (ISO/IEC 7812-1; the shortest are of cards that were issued before it).
pub(crate) const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// How many digits of a number are ever shown or kept.
const LAST_DIGITS: usize = 4;

/// The number of a card. It cannot be shown, logged or stored: only its last digits leave it.
pub(crate) struct CardNumber {
    digits: String,
}

impl std::fmt::Debug for CardNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardNumber")
    }
}

/// Why a text is no card number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotACard {
    /// It is not made of digits as it should be, or has too few or too many.
    Form,
    /// Its check digit is wrong.
    CheckDigit,
}

impl CardNumber {
    /// The number that a text spells, with blanks and dashes anywhere between its digits.
    pub(crate) fn parse(text: &str) -> Result<CardNumber, NotACard> {
        let ends_in_digits = |text: &str| text.ends_with(is_digit) && text.starts_with(is_digit);
        let is_plain = text.chars().all(|c| is_digit(c) || c == ' ' || c == '-');
        if !ends_in_digits(text) || !is_plain {
            return Err(NotACard::Form);
        }
        let digits: String = text.chars().filter(|c| is_digit(*c)).collect();
        if !NUMBER_DIGITS.contains(&digits.len()) {
            Err(NotACard::Form)
        } else if !has_right_check_digit(&digits) {
            Err(NotACard::CheckDigit)
        } else {
            Ok(CardNumber { digits })
        }
    }

    /// What may be kept of it.
    pub(crate) fn last_four(&self) -> &str {
        self.digits.get(self.digits.len() - LAST_DIGITS..).unwrap_or_default()
    }
}

const fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The formula of Luhn (ISO/IEC 7812-1, annex B): from the right, every second digit counts twice, and the digits of all that sum
/// up to a multiple of ten.
fn has_right_check_digit(digits: &str) -> bool {
    let weighed = digits.bytes().rev().map(|byte| u32::from(byte - b'0')).zip([1, 2].into_iter().cycle());
    let sum: u32 = weighed.map(|(digit, weight)| digit * weight).map(|product| product / 10 + product % 10).sum();
    sum.is_multiple_of(10)
}

/// What the processor answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    /// Who issued the card.
    pub(crate) brand: CardBrand,
    /// Whether the money will come.
    pub(crate) outcome: CardOutcome,
}

/// Asks the sandbox's processor; `None` for a card that is none of the test cards.
pub(crate) fn authorize(number: &CardNumber) -> Option<Authorization> {
    let declined = |reason: &str| CardOutcome::Declined(reason.to_owned());
    let (brand, outcome) = match number.digits.as_str() {
        "4242424242424242" => (CardBrand::Visa, CardOutcome::Authorized),
        "5555555555554444" => (CardBrand::Mastercard, CardOutcome::Authorized),
        // It takes nothing back: `engine::CARD_WITHOUT_REFUNDS`.
        "4000000000005126" => (CardBrand::Visa, CardOutcome::Authorized),
        "4000000000000002" => (CardBrand::Visa, declined("The card was declined")),
        "4000000000009995" => (CardBrand::Visa, declined("The card has insufficient funds")),
        _ => return None,
    };
    Some(Authorization { brand, outcome })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_card_number() {
        for (text, found) in [
            ("4242424242424242", Ok("4242")),
            ("4242 4242 4242 4242", Ok("4242")),
            ("4242-4242-4242-4242", Ok("4242")),
            ("42 4242--424242  4242 42", Ok("4242")),
            ("378282246310005", Ok("0005")),
            ("6304000000000000", Ok("0000")),
            ("000000000000", Ok("0000")),
            ("0000000000000000000", Ok("0000")),
            ("4242424242424241", Err(NotACard::CheckDigit)),
            ("2424242424242424", Err(NotACard::CheckDigit)),
            ("00000000000", Err(NotACard::Form)),
            ("00000000000000000000", Err(NotACard::Form)),
            ("", Err(NotACard::Form)),
            (" ", Err(NotACard::Form)),
            ("-", Err(NotACard::Form)),
            (" 4242424242424242", Err(NotACard::Form)),
            ("4242424242424242-", Err(NotACard::Form)),
            ("4242.4242.4242.4242", Err(NotACard::Form)),
            ("4242\t4242\t4242\t4242", Err(NotACard::Form)),
            ("+4242424242424242", Err(NotACard::Form)),
            ("424242424242424O", Err(NotACard::Form)),
            ("４２４２424242424242", Err(NotACard::Form)),
        ] {
            let number = CardNumber::parse(text);
            assert_eq!(number.as_ref().map(CardNumber::last_four).map_err(|error| *error), found, "{text}");
        }
    }

    #[test]
    fn a_wrong_digit_is_seen_wherever_it_is() {
        let right = "5555555555554444";
        for place in 0..right.len() {
            for digit in '0'..='9' {
                let mut text = right.to_owned();
                text.replace_range(place..=place, digit.encode_utf8(&mut [0; 1]));
                assert_eq!(CardNumber::parse(&text).is_ok(), text == right, "{text}");
            }
        }
    }

    #[test]
    fn a_number_cannot_be_shown() {
        let number = CardNumber::parse("4242424242424242").expect("a number");
        assert_eq!(format!("{number:?} {number:#?}"), "CardNumber CardNumber");
    }
}
