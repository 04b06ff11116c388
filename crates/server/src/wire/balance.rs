//! What a merchant has.

use super::minor_money;
use super::schema::{Money, Name};
use escrow::{Account, Currency};
use schemars::JsonSchema;
use serde::Serialize;
use store::Balance;

/// What `object` says of a balance.
const OBJECT: &str = "balance";

/// The balance of one mode.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Balance")]
pub(crate) struct WireBalance {
    #[schemars(extend("const" = OBJECT))]
    object: &'static str,
    data: Chosen,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BalanceData")]
struct Chosen {
    #[serde(flatten)]
    chosen: InCurrency,
    balances: Vec<InCurrency>,
}

/// The balance in one currency.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "BalanceInCurrency")]
struct InCurrency {
    available_balance: Money,
    pending_balance: Money,
    reserved_balance: Money,
    total_balance: Money,
    #[schemars(with = "Name<Currency>")]
    currency: &'static str,
}

/// The wire form of an owner's running totals: all of them, and those of one currency in front. Where none is asked for, it is
/// the first one, in the documentation's order, that the owner has.
pub(crate) fn balance(totals: &[Balance], asked: Option<Currency>) -> WireBalance {
    let is_known = |currency: &Currency| totals.iter().any(|total| total.currency == *currency);
    let known: Vec<Currency> = Currency::ALL.into_iter().filter(is_known).collect();
    let chosen = asked.or(known.first().copied()).unwrap_or(Currency::Usdc);
    WireBalance {
        object: OBJECT,
        data: Chosen {
            chosen: in_currency(totals, chosen),
            balances: known.into_iter().map(|currency| in_currency(totals, currency)).collect(),
        },
    }
}

fn in_currency(totals: &[Balance], currency: Currency) -> InCurrency {
    let of = |account| {
        let mut found = totals.iter().filter(|total| total.currency == currency && total.account == account);
        found.next().map_or(0, |total| total.minor)
    };
    let (available, pending, reserved) = (of(Account::Payable), of(Account::Escrow), of(Account::Reserved));
    let total = available.saturating_add(pending).saturating_add(reserved);
    let text = |minor| minor_money(minor, currency);
    InCurrency {
        available_balance: text(available),
        pending_balance: text(pending),
        reserved_balance: text(reserved),
        total_balance: text(total),
        currency: currency.code(),
    }
}
