//! Double entry: a transfer moves a positive amount between two accounts, and nothing else changes a balance.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{MilestoneId, RefundId, SettlementId, TransferId};
use crate::money::{Amount, Currency, SumError};
use crate::terms::{SettlementMethod, names};

names! {
    /// How money comes in, and goes back.
    Rail {
        /// The simulated payer.
        Sandbox = "sandbox",
        /// A card payment.
        Card = "card",
        /// A deposit on an EVM chain.
        Evm = "evm",
    }
}

/// An account of the ledger. `Escrow`, `Payable`, `Reserved` and `Refunding` are kept per intent (and summed per merchant), the
/// others per merchant; each per currency and mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Account {
    /// The outside world, where money comes from. Never positive.
    Rail(Rail),
    /// Locked, neither party's yet.
    Escrow,
    /// Released: the merchant's, not yet on its way.
    Payable,
    /// In a settlement that has started.
    Reserved,
    /// On its way back to the payer.
    Refunding,
    /// Came in without a purpose; to be returned.
    Unapplied,
    /// Paid out.
    Payout(SettlementMethod),
    /// Kept by the gateway.
    Fees,
}

impl Account {
    /// Whether the balance may go below zero: only the outside world's may, and it must.
    #[must_use]
    pub const fn may_be_negative(self) -> bool {
        matches!(self, Account::Rail(_))
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Rail(rail) => write!(f, "rail:{rail}"),
            Account::Escrow => f.write_str("escrow"),
            Account::Payable => f.write_str("payable"),
            Account::Reserved => f.write_str("reserved"),
            Account::Refunding => f.write_str("refunding"),
            Account::Unapplied => f.write_str("unapplied"),
            Account::Payout(method) => write!(f, "payout:{method}"),
            Account::Fees => f.write_str("fees"),
        }
    }
}

impl std::str::FromStr for Account {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Account, UnknownAccount> {
        let unknown = || UnknownAccount(text.to_owned());
        match text.split_once(':') {
            Some(("rail", rail)) => Rail::from_name(rail).map(Account::Rail).ok_or_else(unknown),
            Some(("payout", method)) => SettlementMethod::from_name(method).map(Account::Payout).ok_or_else(unknown),
            Some(_) => Err(unknown()),
            None => match text {
                "escrow" => Ok(Account::Escrow),
                "payable" => Ok(Account::Payable),
                "reserved" => Ok(Account::Reserved),
                "refunding" => Ok(Account::Refunding),
                "unapplied" => Ok(Account::Unapplied),
                "fees" => Ok(Account::Fees),
                _ => Err(unknown()),
            },
        }
    }
}

/// The text names no account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown account {0:?}")]
pub struct UnknownAccount(String);

/// Why a transfer was made. It fixes both accounts, so that no transfer can connect two that do not belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// The payer paid: rail → escrow.
    Fund(Rail),
    /// A share became the merchant's: escrow → payable.
    Release(Option<MilestoneId>),
    /// The gateway's part of a release: payable → fees.
    Fee(Option<MilestoneId>),
    /// A settlement started: payable → reserved.
    Reserve(SettlementId),
    /// A settlement arrived: reserved → payout.
    Settle(SettlementId, SettlementMethod),
    /// A refund started: escrow → refunding.
    Refund(RefundId),
    /// A refund arrived: refunding → rail.
    Return(RefundId, Rail),
    /// A refund of what had been released started: payable → refunding.
    RefundPayable(RefundId),
    /// A refund was refused: refunding → escrow.
    Restore(RefundId),
    /// A refund of what had been released was refused: refunding → payable.
    RestorePayable(RefundId),
    /// A settlement was refused: reserved → payable.
    Unreserve(SettlementId),
    /// A settlement was sent back: payout → payable.
    Unsettle(SettlementId, SettlementMethod),
    /// Money came in without a purpose, and goes back as this refund: rail → unapplied.
    Receive(RefundId, Rail),
    /// It arrived where it had come from: unapplied → rail.
    SendBack(RefundId, Rail),
}

names! {
    /// Why a transfer was made, without what it was made for.
    PurposeKind {
        /// [`Purpose::Fund`]
        Fund = "fund",
        /// [`Purpose::Release`]
        Release = "release",
        /// [`Purpose::Fee`]
        Fee = "fee",
        /// [`Purpose::Reserve`]
        Reserve = "reserve",
        /// [`Purpose::Settle`]
        Settle = "settle",
        /// [`Purpose::Refund`]
        Refund = "refund",
        /// [`Purpose::Return`]
        Return = "return",
        /// [`Purpose::RefundPayable`]
        RefundPayable = "refund payable",
        /// [`Purpose::Restore`]
        Restore = "restore",
        /// [`Purpose::RestorePayable`]
        RestorePayable = "restore payable",
        /// [`Purpose::Unreserve`]
        Unreserve = "unreserve",
        /// [`Purpose::Unsettle`]
        Unsettle = "unsettle",
        /// [`Purpose::Receive`]
        Receive = "receive",
        /// [`Purpose::SendBack`]
        SendBack = "send back",
    }
}

impl Purpose {
    /// Its kind.
    #[must_use]
    pub const fn kind(self) -> PurposeKind {
        match self {
            Purpose::Fund(_) => PurposeKind::Fund,
            Purpose::Release(_) => PurposeKind::Release,
            Purpose::Fee(_) => PurposeKind::Fee,
            Purpose::Reserve(_) => PurposeKind::Reserve,
            Purpose::Settle(..) => PurposeKind::Settle,
            Purpose::Refund(_) => PurposeKind::Refund,
            Purpose::Return(..) => PurposeKind::Return,
            Purpose::RefundPayable(_) => PurposeKind::RefundPayable,
            Purpose::Restore(_) => PurposeKind::Restore,
            Purpose::RestorePayable(_) => PurposeKind::RestorePayable,
            Purpose::Unreserve(_) => PurposeKind::Unreserve,
            Purpose::Unsettle(..) => PurposeKind::Unsettle,
            Purpose::Receive(..) => PurposeKind::Receive,
            Purpose::SendBack(..) => PurposeKind::SendBack,
        }
    }

    /// The account that the money leaves and the one it reaches.
    #[must_use]
    pub const fn accounts(self) -> (Account, Account) {
        match self {
            Purpose::Fund(rail) => (Account::Rail(rail), Account::Escrow),
            Purpose::Release(_) => (Account::Escrow, Account::Payable),
            Purpose::Fee(_) => (Account::Payable, Account::Fees),
            Purpose::Reserve(_) => (Account::Payable, Account::Reserved),
            Purpose::Settle(_, method) => (Account::Reserved, Account::Payout(method)),
            Purpose::Refund(_) => (Account::Escrow, Account::Refunding),
            Purpose::Return(_, rail) => (Account::Refunding, Account::Rail(rail)),
            Purpose::RefundPayable(_) => (Account::Payable, Account::Refunding),
            Purpose::Restore(_) => (Account::Refunding, Account::Escrow),
            Purpose::RestorePayable(_) => (Account::Refunding, Account::Payable),
            Purpose::Unreserve(_) => (Account::Reserved, Account::Payable),
            Purpose::Unsettle(_, method) => (Account::Payout(method), Account::Payable),
            Purpose::Receive(_, rail) => (Account::Rail(rail), Account::Unapplied),
            Purpose::SendBack(_, rail) => (Account::Unapplied, Account::Rail(rail)),
        }
    }

    /// The milestone it was made for, if any.
    #[must_use]
    pub const fn milestone(self) -> Option<MilestoneId> {
        match self {
            Purpose::Release(milestone) | Purpose::Fee(milestone) => milestone,
            Purpose::Fund(_)
            | Purpose::Reserve(_)
            | Purpose::Settle(..)
            | Purpose::Refund(_)
            | Purpose::Return(..)
            | Purpose::RefundPayable(_)
            | Purpose::Restore(_)
            | Purpose::RestorePayable(_)
            | Purpose::Unreserve(_)
            | Purpose::Unsettle(..)
            | Purpose::Receive(..)
            | Purpose::SendBack(..) => None,
        }
    }
}

/// One movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// Why, and thereby from where to where.
    pub purpose: Purpose,
    /// How much; always positive.
    pub amount: Amount,
}

/// Why a transfer cannot be made. Reaching this is a defect of the caller: `decide` checks before it moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// A transfer of nothing.
    #[error("a transfer must move something")]
    Nothing,
    /// An account would end on the wrong side of zero, overflow, or change its currency.
    #[error("a balance would leave its range: {0}")]
    Sum(#[from] SumError),
}

/// The balances of one intent, with the totals they came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Funds {
    /// Everything that ever came in.
    pub funded: Amount,
    /// Everything that was ever released, fees included.
    pub released: Amount,
    /// Everything that left escrow for the payer.
    pub refunded: Amount,
    /// The balance of `escrow`.
    pub held: Amount,
    /// The balance of `payable`.
    pub payable: Amount,
    /// The balance of `reserved`.
    pub reserved: Amount,
    /// The balance of `refunding`.
    pub refunding: Amount,
}

impl Funds {
    /// Nothing anywhere.
    #[must_use]
    pub const fn none(currency: Currency) -> Funds {
        let zero = Amount::zero(currency);
        Funds {
            funded: zero,
            released: zero,
            refunded: zero,
            held: zero,
            payable: zero,
            reserved: zero,
            refunding: zero,
        }
    }

    /// The balances after `transfer`.
    ///
    /// # Errors
    /// When the transfer moves nothing, or a balance would leave its range.
    pub fn after(self, transfer: &Transfer) -> Result<Funds, TransferError> {
        let amount = transfer.amount;
        if amount.is_zero() {
            return Err(TransferError::Nothing);
        }
        let mut next = self;
        let (from, to) = transfer.purpose.accounts();
        if let Some(balance) = next.balance_mut(from) {
            *balance = balance.minus(amount)?;
        }
        if let Some(balance) = next.balance_mut(to) {
            *balance = balance.plus(amount)?;
        }
        match transfer.purpose {
            Purpose::Fund(_) => next.funded = next.funded.plus(amount)?,
            Purpose::Release(_) => next.released = next.released.plus(amount)?,
            Purpose::Refund(_) => next.refunded = next.refunded.plus(amount)?,
            Purpose::Restore(_) => next.refunded = next.refunded.minus(amount)?,
            Purpose::Fee(_)
            | Purpose::Reserve(_)
            | Purpose::Settle(..)
            | Purpose::Return(..)
            | Purpose::RefundPayable(_)
            | Purpose::RestorePayable(_)
            | Purpose::Unreserve(_)
            | Purpose::Unsettle(..)
            | Purpose::Receive(..)
            | Purpose::SendBack(..) => {}
        }
        Ok(next)
    }

    /// The balances that an intent keeps of its own, by account.
    #[must_use]
    pub const fn balances(&self) -> [(Account, Amount); 4] {
        [
            (Account::Escrow, self.held),
            (Account::Payable, self.payable),
            (Account::Reserved, self.reserved),
            (Account::Refunding, self.refunding),
        ]
    }

    /// Whether all that was released has reached the payee.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        self.held.is_zero() && self.payable.is_zero() && self.reserved.is_zero() && !self.released.is_zero()
    }

    fn balance_mut(&mut self, account: Account) -> Option<&mut Amount> {
        match account {
            Account::Escrow => Some(&mut self.held),
            Account::Payable => Some(&mut self.payable),
            Account::Reserved => Some(&mut self.reserved),
            Account::Refunding => Some(&mut self.refunding),
            Account::Rail(_) | Account::Unapplied | Account::Payout(_) | Account::Fees => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::RawId;

    #[test]
    fn accounts_read_back_and_only_the_outside_world_is_negative() {
        let rails = Rail::ALL.iter().map(|rail| (Account::Rail(*rail), format!("rail:{rail}"), true));
        let payouts = SettlementMethod::ALL.iter();
        let payouts = payouts.map(|method| (Account::Payout(*method), format!("payout:{method}"), false));
        let others = [
            (Account::Escrow, "escrow"),
            (Account::Payable, "payable"),
            (Account::Reserved, "reserved"),
            (Account::Refunding, "refunding"),
            (Account::Unapplied, "unapplied"),
            (Account::Fees, "fees"),
        ];
        let others = others.map(|(account, text)| (account, text.to_owned(), false));
        for (account, text, may_be_negative) in rails.chain(payouts).chain(others) {
            assert_eq!((account.to_string(), account.may_be_negative()), (text.clone(), may_be_negative));
            assert_eq!(text.parse(), Ok(account));
        }
        for text in ["", "rail", "rail:", "rail:gold", "payout:sandbox", "escrow:usd", "Escrow", "cash:card"] {
            assert_eq!(text.parse::<Account>(), Err(UnknownAccount(text.to_owned())));
        }
    }

    #[test]
    fn a_transfer_knows_the_milestone_it_was_made_for() {
        let milestone = Some(MilestoneId::new(RawId::from_bits(7)));
        for (purpose, expected) in [
            (Purpose::Release(milestone), milestone),
            (Purpose::Fee(milestone), milestone),
            (Purpose::Release(None), None),
            (Purpose::Fund(Rail::Card), None),
        ] {
            assert_eq!(purpose.milestone(), expected);
        }
    }

    #[test]
    fn a_transfer_of_nothing_is_none() {
        let nothing = Amount::zero(Currency::Usd);
        let transfer =
            Transfer { id: TransferId::new(RawId::from_bits(1)), purpose: Purpose::Fund(Rail::Card), amount: nothing };
        assert_eq!(Funds::none(Currency::Usd).after(&transfer), Err(TransferError::Nothing));
    }
}
