//! Where the money of an intent is, in figures and as a bar.

use escrow::Currency;
use escrow::money::decimal;
use serde_json::{Value, json};

use crate::api::{amount, list, text};
use crate::failure::Failure;
use crate::output::{Out, Style};

/// The currency of the demo.
pub(super) const CURRENCY: Currency = Currency::Usdc;

/// Characters of a bar.
const BAR_CHARS: i64 = 40;

/// How the parts of a bar look: held, to settle, settled.
const LOOKS: [(char, Style); 3] = [('░', Style::Dim), ('▒', Style::Yellow), ('█', Style::Green)];

/// Where the money of one intent is, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Money {
    /// Locked in escrow.
    pub(super) held: i64,
    /// Released: the merchant's, not yet on its way.
    pub(super) available: i64,
    /// On its way to the merchant's bank, which in the sandbox takes milliseconds.
    pub(super) reserved: i64,
    /// Arrived.
    pub(super) settled: i64,
    /// Everything that was ever released, fees included.
    pub(super) released: i64,
}

impl Money {
    /// Reads the escrow object of an intent.
    ///
    /// # Errors
    /// When something of it is missing or unknown.
    pub(super) fn of(escrow: &Value) -> Result<Money, Failure> {
        let mut money = Money {
            held: minor(text(escrow, "/data/heldAmount")?)?,
            released: minor(text(escrow, "/data/releasedAmount")?)?,
            ..Money::default()
        };
        for settlement in list(escrow, "/data/settlements")? {
            let amount = minor(text(settlement, "/amount")?)?;
            match text(settlement, "/status")? {
                "SCHEDULED" => money.available += amount,
                "EXECUTED" => money.reserved += amount,
                "CONFIRMED" => money.settled += amount,
                other => return Err(Failure::no(format!("a settlement is {other}"))),
            }
        }
        Ok(money)
    }

    /// What has left escrow for the merchant, after fees.
    pub(super) const fn paid_out(&self) -> i64 {
        self.unsettled() + self.settled
    }

    /// What the merchant has, and their bank has not.
    pub(super) const fn unsettled(&self) -> i64 {
        self.available + self.reserved
    }

    /// The figures in columns as wide as [`heading`]'s, and the bar.
    pub(super) fn row(&self, out: Out) -> String {
        let figures = self.parts().map(|(_, minor)| format!("{:>12}", decimal(minor, CURRENCY)));
        format!("{}  {}", figures.join(""), self.bar(out))
    }

    /// The figures for machines.
    pub(super) fn json(&self) -> Value {
        json!({
            "held": decimal(self.held, CURRENCY),
            "available": decimal(self.available, CURRENCY),
            "reserved": decimal(self.reserved, CURRENCY),
            "settled": decimal(self.settled, CURRENCY),
        })
    }

    const fn parts(&self) -> [(&'static str, i64); 3] {
        [("held", self.held), ("to settle", self.unsettled()), ("settled", self.settled)]
    }

    /// Every part begins where the one before it ends, rounded down, so that the bar is always as long as the whole.
    fn bar(&self, out: Out) -> String {
        let whole = (self.held + self.paid_out()).max(1);
        let mut below = 0;
        let parts = self.parts().into_iter().zip(LOOKS).map(|((_, minor), (character, style))| {
            let from = below * BAR_CHARS / whole;
            below += minor;
            let chars = below * BAR_CHARS / whole - from;
            let part: String = (0..chars).map(|_| character).collect();
            if part.is_empty() { part } else { out.paint(style, part) }
        });
        parts.collect()
    }
}

/// The titles of the columns of [`Money::row`], each with how its part of the bar looks.
pub(super) fn heading() -> String {
    let titles = Money::default().parts().into_iter().zip(LOOKS);
    titles.map(|((name, _), (look, _))| format!("{:>12}", format!("{look} {name}"))).collect()
}

/// Reads an amount of the demo's currency, which may be nothing.
///
/// # Errors
/// When it is no amount.
pub(super) fn minor(text: &str) -> Result<i64, Failure> {
    Ok(amount(text, CURRENCY)?.minor())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_always_as_long_as_the_whole() {
        let thirds = Money { held: 1, available: 1, reserved: 1, ..Money::default() };
        let all = Money { settled: 1_000_000_000, ..Money::default() };
        for money in [thirds, all] {
            assert_eq!(money.bar(Out::plain()).chars().count(), 40, "{money:?}");
        }
        assert_eq!(Money::default().bar(Out::plain()), "");
    }

    #[test]
    fn an_escrow_is_read_by_the_state_of_its_settlements() {
        let escrow = json!({"data": {"heldAmount": "0.00", "releasedAmount": "1000.00", "settlements": [
            {"amount": "300.00", "status": "CONFIRMED"},
            {"amount": "500.00", "status": "EXECUTED"},
            {"amount": "199.999999", "status": "SCHEDULED"},
        ]}});
        let money = Money::of(&escrow).expect("it is understood");
        assert_eq!((money.held, money.settled, money.reserved), (0, 300_000_000, 500_000_000));
        assert_eq!((money.available, money.released), (199_999_999, 1_000_000_000));
    }
}
