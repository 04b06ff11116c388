//! Amounts as tokens count them.

use alloy_primitives::U256;
use escrow::{Amount, Currency};

/// What one of our minor units of DAI is in the token's: we keep six of its eighteen decimals.
const DAI_UNITS_PER_MINOR: u64 = 1_000_000_000_000;

/// How many decimals the token of this currency has; ISO currencies stand for themselves.
#[must_use]
pub const fn token_decimals(currency: Currency) -> u8 {
    match currency {
        Currency::Usdc | Currency::Usdt => 6,
        Currency::Dai => 18,
        Currency::Usd | Currency::Eur | Currency::Gbp | Currency::Inr => 2,
    }
}

/// An amount in the smallest units of its token.
#[must_use]
pub fn token_units(amount: Amount) -> U256 {
    // An amount is never negative, and 63 bits times 40 bits always fit.
    let minor = U256::from(amount.minor().unsigned_abs());
    match amount.currency() {
        Currency::Dai => minor * U256::from(DAI_UNITS_PER_MINOR),
        Currency::Usdc | Currency::Usdt | Currency::Usd | Currency::Eur | Currency::Gbp | Currency::Inr => minor,
    }
}
