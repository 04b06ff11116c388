//! What a merchant has, and how it came about.

pub(super) mod balance;
pub(super) mod ledger_entries;
