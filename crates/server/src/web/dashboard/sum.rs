//! Sums of decimal text, as exactly as the API writes it.

use escrow::money::decimal;
use escrow::{Amount, Currency};

/// Minor units of a currency that come of adding and taking away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    minor: i64,
    currency: Currency,
}

impl Sum {
    /// Nothing, of a currency that the API names.
    pub(super) fn zero(currency: &str) -> Sum {
        Sum { minor: 0, currency: Currency::from_code(currency).unwrap_or(Currency::Usdc) }
    }

    pub(super) fn plus(self, amount: &str) -> Sum {
        Sum { minor: self.minor.saturating_add(self.read(amount)), ..self }
    }

    /// Less by an amount, and never less than nothing.
    pub(super) fn minus(self, amount: &str) -> Sum {
        Sum { minor: self.minor.saturating_sub(self.read(amount)).max(0), ..self }
    }

    pub(super) const fn minor(self) -> i64 {
        self.minor
    }

    /// As the API would write it.
    pub(super) fn text(self) -> String {
        decimal(self.minor, self.currency)
    }

    fn read(self, amount: &str) -> i64 {
        Amount::parse(amount, self.currency).map_or(0, Amount::minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        let sum = Sum::zero("USDC").plus("0.10").plus("0.200001").plus("1000");
        assert_eq!(sum.text(), "1000.300001");
        assert_eq!(sum.minus("1000.30").text(), "0.000001");
        assert_eq!(sum.minus("2000").text(), "0.00");
        assert_eq!(Sum::zero("EUR").plus("nonsense").plus("0.00").minor(), 0);
    }
}
