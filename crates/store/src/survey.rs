//! What whoever watches over the gateway wants to know at a glance.

use escrow::{Account, Currency, Mode, Timestamp};

/// How much there is to do, and where the money is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// The duties that are not done yet, by the names of their kinds, in their order; kinds without any are left out.
    pub backlog: Vec<Backlog>,
    /// The money of everybody, in the order of mode, account and currency; what nobody ever had is left out.
    pub totals: Vec<Total>,
}

/// The duties of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backlog {
    /// The name of the kind.
    pub duty: &'static str,
    /// How many there are.
    pub waiting: u64,
    /// How many of them could be claimed by now.
    pub due: u64,
    /// When the first of them can be claimed, in real time.
    pub first: Timestamp,
}

/// What everybody has in one account, mode and currency together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total {
    /// Sandbox or live.
    pub mode: Mode,
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// The sum of the balances, in minor units.
    pub minor: i128,
}
