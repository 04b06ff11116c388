//! Money: integer minor units with their currency, and decimal text at the edge.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::MAX_AMOUNT_UNITS;

/// A currency that a payment intent may be denominated in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Currency {
    /// USD Coin.
    #[serde(rename = "USDC")]
    Usdc,
    /// Tether.
    #[serde(rename = "USDT")]
    Usdt,
    /// Dai; kept with six decimals here, scaled to its eighteen on a chain.
    #[serde(rename = "DAI")]
    Dai,
    /// US dollar.
    #[serde(rename = "USD")]
    Usd,
    /// Euro.
    #[serde(rename = "EUR")]
    Eur,
    /// Pound sterling.
    #[serde(rename = "GBP")]
    Gbp,
    /// Indian rupee.
    #[serde(rename = "INR")]
    Inr,
}

impl Currency {
    /// Every currency, in the order the documentation lists them.
    pub const ALL: [Currency; 7] =
        [Currency::Usdc, Currency::Usdt, Currency::Dai, Currency::Usd, Currency::Eur, Currency::Gbp, Currency::Inr];

    /// The code as clients send it: a token symbol, or ISO 4217.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Currency::Usdc => "USDC",
            Currency::Usdt => "USDT",
            Currency::Dai => "DAI",
            Currency::Usd => "USD",
            Currency::Eur => "EUR",
            Currency::Gbp => "GBP",
            Currency::Inr => "INR",
        }
    }

    /// The currency with this code, if there is one. Codes are case-sensitive.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Currency> {
        Currency::ALL.into_iter().find(|currency| currency.code() == code)
    }

    /// How many decimals the minor unit stands for.
    #[must_use]
    pub const fn decimals(self) -> usize {
        match self {
            Currency::Usdc | Currency::Usdt | Currency::Dai => 6,
            Currency::Usd | Currency::Eur | Currency::Gbp | Currency::Inr => 2,
        }
    }

    /// Minor units in one unit: `10^decimals`.
    #[must_use]
    pub const fn scale(self) -> i64 {
        match self {
            Currency::Usdc | Currency::Usdt | Currency::Dai => 1_000_000,
            Currency::Usd | Currency::Eur | Currency::Gbp | Currency::Inr => 100,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is no amount of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Nothing was given.
    #[error("must not be empty")]
    Empty,
    /// A leading `+` or `-`.
    #[error("must not have a sign")]
    Sign,
    /// Scientific notation.
    #[error("must not have an exponent")]
    Exponent,
    /// A thousands separator, a space, or a decimal comma.
    #[error("must not have separators or spaces; use digits and one decimal point")]
    Separator,
    /// Anything else that is no plain decimal.
    #[error("must be a decimal number such as \"1000.00\"")]
    NotDecimal,
    /// More digits after the point than the currency has.
    #[error("must have at most {decimals} decimals for {currency}")]
    TooPrecise {
        /// The currency asked for.
        currency: Currency,
        /// How many decimals it has.
        decimals: usize,
    },
    /// Zero.
    #[error("must be greater than zero")]
    Zero,
    /// Above [`MAX_AMOUNT_UNITS`].
    #[error("must be at most {MAX_AMOUNT_UNITS} units")]
    TooLarge,
}

/// Why a sum cannot be formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SumError {
    /// The two amounts are of different currencies.
    #[error("amounts of different currencies cannot be added")]
    Currency,
    /// The result does not fit, or would be negative.
    #[error("the amount is out of range")]
    Range,
}

/// A positive decimal number whose currency is not known yet: the share of a milestone, before its intent is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The digits before the point, as a number.
    units: i64,
    /// The digits behind the point, as a number; meaningless when there are more than any currency has.
    fraction: i64,
    /// How many digits stand behind the point.
    fraction_digits: usize,
}

impl Decimal {
    /// Reads digits with at most one point: more than zero, at most [`MAX_AMOUNT_UNITS`] units.
    ///
    /// # Errors
    /// Why the text is no such number.
    pub fn parse(text: &str) -> Result<Decimal, AmountError> {
        check_notation(text)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) {
            return Err(AmountError::NotDecimal);
        }
        let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
        if is_zero(whole) && is_zero(fraction) {
            return Err(AmountError::Zero);
        }
        let units = parse_digits(whole).filter(|units| *units <= MAX_AMOUNT_UNITS).ok_or(AmountError::TooLarge)?;
        let fraction_digits = if text.contains('.') { fraction.len() } else { 0 };
        Ok(Decimal { units, fraction: parse_digits(fraction).unwrap_or(0), fraction_digits })
    }

    /// The same number as an amount of this currency.
    ///
    /// # Errors
    /// [`AmountError::TooPrecise`] or [`AmountError::TooLarge`].
    pub fn in_currency(self, currency: Currency) -> Result<Amount, AmountError> {
        let decimals = currency.decimals();
        if self.fraction_digits > decimals {
            return Err(AmountError::TooPrecise { currency, decimals });
        }
        let missing_digits = decimals - self.fraction_digits;
        let fraction = (0..missing_digits).fold(self.fraction, |fraction, _| fraction * 10);
        let minor = self.units * currency.scale() + fraction;
        if minor > MAX_AMOUNT_UNITS * currency.scale() {
            return Err(AmountError::TooLarge);
        }
        Ok(Amount { minor, currency })
    }
}

/// A non-negative amount of one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

impl Amount {
    /// Nothing, in this currency.
    #[must_use]
    pub const fn zero(currency: Currency) -> Amount {
        Amount { minor: 0, currency }
    }

    /// An amount from minor units.
    ///
    /// # Errors
    /// [`SumError::Range`] when `minor` is negative.
    pub const fn from_minor(minor: i64, currency: Currency) -> Result<Amount, SumError> {
        if minor < 0 { Err(SumError::Range) } else { Ok(Amount { minor, currency }) }
    }

    /// Reads the decimal text of a payment in this currency: [`Decimal::parse`], then [`Decimal::in_currency`].
    ///
    /// # Errors
    /// Why the text is no such amount.
    pub fn parse(text: &str, currency: Currency) -> Result<Amount, AmountError> {
        Decimal::parse(text)?.in_currency(currency)
    }

    /// The amount in minor units, never negative.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum of two amounts.
    ///
    /// # Errors
    /// When the currencies differ or the sum does not fit.
    pub fn plus(self, other: Amount) -> Result<Amount, SumError> {
        self.same_currency(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(SumError::Range)?;
        Ok(Amount { minor, currency: self.currency })
    }

    /// What is left when `other` is taken away.
    ///
    /// # Errors
    /// When the currencies differ or less than `other` is there.
    pub fn minus(self, other: Amount) -> Result<Amount, SumError> {
        self.same_currency(other)?;
        Amount::from_minor(self.minor - other.minor, self.currency)
    }

    /// The smaller of both.
    ///
    /// # Errors
    /// When the currencies differ.
    pub fn at_most(self, other: Amount) -> Result<Amount, SumError> {
        self.same_currency(other)?;
        Ok(Amount { minor: self.minor.min(other.minor), currency: self.currency })
    }

    /// The share of `basis_points` hundredths of a percent, rounded half to even, at most the whole amount.
    #[must_use]
    pub fn share(self, basis_points: u16) -> Amount {
        const WHOLE: i128 = 10_000;
        let product = i128::from(self.minor) * i128::from(basis_points);
        let (quotient, remainder) = (product / WHOLE, product % WHOLE);
        let up = remainder * 2 > WHOLE || (remainder * 2 == WHOLE && quotient % 2 == 1);
        let minor = i64::try_from(quotient + i128::from(up)).unwrap_or(i64::MAX).min(self.minor);
        Amount { minor, currency: self.currency }
    }

    fn same_currency(self, other: Amount) -> Result<(), SumError> {
        if self.currency == other.currency { Ok(()) } else { Err(SumError::Currency) }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.minor, self.currency))
    }
}

/// Minor units as decimal text with at least two decimals, a minus in front where negative: `"1000.00"`, `"-0.000001"`.
#[must_use]
pub fn decimal(minor: i64, currency: Currency) -> String {
    const SHOWN_DECIMALS: usize = 2;
    let scale = currency.scale().unsigned_abs();
    let decimals = currency.decimals();
    let sign = if minor < 0 { "-" } else { "" };
    let (units, rest) = (minor.unsigned_abs() / scale, minor.unsigned_abs() % scale);
    let mut fraction = format!("{rest:0decimals$}");
    while fraction.len() > SHOWN_DECIMALS && fraction.ends_with('0') {
        fraction.pop();
    }
    format!("{sign}{units}.{fraction}")
}

fn check_notation(text: &str) -> Result<(), AmountError> {
    if text.is_empty() {
        return Err(AmountError::Empty);
    }
    if text.starts_with(['+', '-']) {
        return Err(AmountError::Sign);
    }
    let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
    if starts_with_digit && text.contains(['e', 'E']) {
        return Err(AmountError::Exponent);
    }
    if text.contains(|c: char| c.is_whitespace() || matches!(c, ',' | '_' | '\'')) {
        return Err(AmountError::Separator);
    }
    Ok(())
}

/// The number that these ASCII digits spell; `None` when it does not fit.
fn parse_digits(digits: &str) -> Option<i64> {
    digits.bytes().try_fold(0_i64, |sum, byte| sum.checked_mul(10)?.checked_add(i64::from(byte.checked_sub(b'0')?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accepted_texts_and_how_they_are_shown() {
        for (text, currency, minor, shown) in [
            ("1000", Currency::Usdc, 1_000_000_000, "1000.00"),
            ("1000.0", Currency::Usdc, 1_000_000_000, "1000.00"),
            ("1000.00", Currency::Usdc, 1_000_000_000, "1000.00"),
            ("0.000001", Currency::Dai, 1, "0.000001"),
            ("0.1234", Currency::Usdt, 123_400, "0.1234"),
            ("007.50", Currency::Usd, 750, "7.50"),
            ("0.01", Currency::Inr, 1, "0.01"),
            ("1000000000", Currency::Eur, 100_000_000_000, "1000000000.00"),
            ("1000000000.000000", Currency::Usdc, 1_000_000_000_000_000, "1000000000.00"),
        ] {
            let amount = Amount::parse(text, currency).expect(text);
            assert_eq!((amount.minor(), amount.to_string().as_str()), (minor, shown), "{text}");
        }
    }

    #[test]
    fn refused_texts_and_why() {
        let too_precise = AmountError::TooPrecise { currency: Currency::Usdc, decimals: 6 };
        for (text, why) in [
            ("", AmountError::Empty),
            ("-1", AmountError::Sign),
            ("+1", AmountError::Sign),
            ("1e3", AmountError::Exponent),
            ("1E3", AmountError::Exponent),
            ("1,000", AmountError::Separator),
            ("1_000", AmountError::Separator),
            ("1'000", AmountError::Separator),
            (" 1", AmountError::Separator),
            ("1 ", AmountError::Separator),
            ("1\n", AmountError::Separator),
            (".5", AmountError::NotDecimal),
            ("5.", AmountError::NotDecimal),
            (".", AmountError::NotDecimal),
            ("1.2.3", AmountError::NotDecimal),
            ("0x10", AmountError::NotDecimal),
            ("ten", AmountError::NotDecimal),
            ("NaN", AmountError::NotDecimal),
            ("١", AmountError::NotDecimal),
            ("0.0000001", too_precise),
            ("1.0000000", too_precise),
            ("0", AmountError::Zero),
            ("0.00", AmountError::Zero),
            ("1000000001", AmountError::TooLarge),
            ("1000000000.000001", AmountError::TooLarge),
            ("99999999999999999999999999", AmountError::TooLarge),
        ] {
            assert_eq!(Amount::parse(text, Currency::Usdc), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_share_rounds_half_to_even_and_never_exceeds_the_whole() {
        for (minor, basis_points, share) in [
            (10_000, 0, 0),
            (10_000, 250, 250),
            (50, 100, 0),  // 0.5 to the even 0
            (150, 100, 2), // 1.5 to the even 2
            (250, 100, 2), // 2.5 to the even 2
            (251, 100, 3), // above the half
            (1, 10_000, 1),
            (7, u16::MAX, 7),
        ] {
            let whole = Amount::from_minor(minor, Currency::Usd).expect("not negative");
            assert_eq!(whole.share(basis_points).minor(), share, "{minor} x {basis_points}");
        }
    }

    #[test]
    fn every_currency_is_known_by_its_code_alone() {
        for (currency, code) in Currency::ALL.into_iter().zip(["USDC", "USDT", "DAI", "USD", "EUR", "GBP", "INR"]) {
            assert_eq!((currency.code(), currency.to_string().as_str()), (code, code));
            assert_eq!(Currency::from_code(code), Some(currency));
            assert_eq!(Currency::from_code(&code.to_lowercase()), None);
        }
    }

    #[test]
    fn amounts_of_two_currencies_have_no_sum() {
        let amount = |minor, currency| Amount::from_minor(minor, currency).expect("not negative");
        let (dollars, euros) = (amount(2, Currency::Usd), amount(1, Currency::Eur));
        for sum in [dollars.plus(euros), dollars.minus(euros), dollars.at_most(euros)] {
            assert_eq!(sum, Err(SumError::Currency));
        }
        let less = amount(1, Currency::Usd);
        assert_eq!((less.at_most(dollars), dollars.at_most(less)), (Ok(less), Ok(less)));
        assert_eq!(less.minus(dollars), Err(SumError::Range));
        assert_eq!(dollars.minus(dollars), Ok(Amount::zero(Currency::Usd)));
        assert_eq!(amount(i64::MAX, Currency::Usd).plus(less), Err(SumError::Range));
    }

    #[test]
    fn balances_are_shown_with_their_sign() {
        for (minor, currency, shown) in [
            (0, Currency::Usdc, "0.00"),
            (-1, Currency::Usdc, "-0.000001"),
            (-150, Currency::Usd, "-1.50"),
            (-1_000_000, Currency::Dai, "-1.00"),
            (i64::MIN, Currency::Eur, "-92233720368547758.08"),
        ] {
            assert_eq!(decimal(minor, currency), shown);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back_as_the_same(minor in 1..=1_000_000_000_000_000_i64) {
            let amount = Amount::from_minor(minor, Currency::Usdc).expect("not negative");
            prop_assert_eq!(Amount::parse(&amount.to_string(), Currency::Usdc), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = Amount::parse(&text, Currency::Usd);
        }
    }
}
