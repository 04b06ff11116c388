//! A movement of a merchant's money.

use escrow::{Escrow, IntentId, MilestoneId, Purpose, PurposeKind, Settlement, SettlementId, TransferId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use store::StoredTransfer;

use super::schema::{Id, Money, Name, Rfc3339, one_of};
use super::{minor_money, money, rfc3339, settlement};

/// What `status` says of every entry: what is in the ledger has happened.
const COMPLETED: &str = "COMPLETED";

/// Every type of transfer that clients know.
pub(crate) fn transaction_types() -> Vec<&'static str> {
    let mut names = Vec::new();
    for name in PurposeKind::ALL.iter().copied().map(transaction_type) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn transaction_type_schema(_: &mut SchemaGenerator) -> Schema {
    one_of(&transaction_types())
}

/// A transfer, told from the merchant's side.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LedgerEntry<'a> {
    #[schemars(with = "Id<TransferId>")]
    id: TransferId,
    #[schemars(schema_with = "transaction_type_schema")]
    transaction_type: &'static str,
    amount: Money,
    #[schemars(with = "Name<escrow::Currency>")]
    currency: &'static str,
    balance_before: Money,
    balance_after: Money,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    #[schemars(with = "Option<Id<MilestoneId>>")]
    milestone_id: Option<MilestoneId>,
    #[schemars(with = "Option<Name<escrow::SettlementMethod>>")]
    settlement_method: Option<&'static str>,
    settlement_destination: Option<&'a str>,
    settlement_tx_id: Option<&'a str>,
    #[schemars(extend("const" = COMPLETED))]
    status: &'static str,
    description: String,
    created_at: Rfc3339,
}

/// How one kind of transfer is told: `balanceBefore` and `balanceAfter` are the owner's running total of the account that the
/// entry is about.
///
/// | purpose | transactionType | the account |
/// |---|---|---|
/// | fund | CREDIT | escrow, which the money reached |
/// | release | RELEASE | payable, which the money reached |
/// | fee | FEE | payable, which the money left |
/// | reserve | RESERVE | payable, which the money left |
/// | settle | SETTLEMENT | reserved, which the money left |
/// | refund | REFUND | escrow, which the money left |
/// | refund payable | REFUND | payable, which the money left |
/// | return | DEBIT | refunding, which the money left |
/// | restore | CREDIT | escrow, which the money reached |
/// | restore payable | CREDIT | payable, which the money reached |
/// | unreserve | CREDIT | payable, which the money reached |
/// | unsettle | CREDIT | payable, which the money reached |
/// | receive | CREDIT | unapplied, which the money reached |
/// | send back | DEBIT | unapplied, which the money left |
struct Told {
    side: Side,
    description: String,
}

/// Which of a transfer's two accounts an entry is about.
enum Side {
    Left,
    Reached,
}

impl Told {
    fn of(transfer: &StoredTransfer) -> Told {
        let amount = format!("{} {}", transfer.transfer.amount, transfer.transfer.amount.currency());
        let (side, description) = match transfer.transfer.purpose {
            Purpose::Fund(rail) => (Side::Reached, format!("{amount} paid in ({rail}) and held in escrow")),
            Purpose::Release(Some(id)) => (Side::Reached, format!("{amount} released for {id}")),
            Purpose::Release(None) => (Side::Reached, format!("{amount} released")),
            Purpose::Fee(_) => (Side::Left, format!("{amount} fee of a release")),
            Purpose::Reserve(id) => (Side::Left, format!("{amount} reserved for {id}")),
            Purpose::Settle(id, method) => (Side::Left, format!("{amount} paid out ({method}) as {id}")),
            Purpose::Refund(id) => (Side::Left, format!("{amount} taken out of escrow for {id}")),
            Purpose::Return(id, rail) => (Side::Left, format!("{amount} returned to the payer ({rail}) as {id}")),
            Purpose::RefundPayable(id) => (Side::Left, format!("{amount} taken back from the payable for {id}")),
            Purpose::Restore(id) => (Side::Reached, format!("{amount} back in escrow: {id} was refused")),
            Purpose::RestorePayable(id) => (Side::Reached, format!("{amount} payable again: {id} was refused")),
            Purpose::Unreserve(id) => (Side::Reached, format!("{amount} payable again: {id} was refused")),
            Purpose::Unsettle(id, method) => {
                (Side::Reached, format!("{amount} payable again: {id} was sent back ({method})"))
            }
            Purpose::Receive(id, rail) => {
                (Side::Reached, format!("{amount} came in ({rail}) without a purpose, to be sent back as {id}"))
            }
            Purpose::SendBack(id, rail) => (Side::Left, format!("{amount} sent back ({rail}) as {id}")),
        };
        Told { side, description }
    }
}

/// The wire form of a transfer. `escrow` is the one it belongs to; it is needed where [`settlement_of`] names a settlement.
pub(crate) fn ledger_entry<'a>(transfer: &StoredTransfer, escrow: Option<&'a Escrow>) -> LedgerEntry<'a> {
    let Told { side, description } = Told::of(transfer);
    let amount = transfer.transfer.amount;
    let (before, after) = match side {
        Side::Left => (transfer.from_after.saturating_add(amount.minor()), transfer.from_after),
        Side::Reached => (transfer.to_after.saturating_sub(amount.minor()), transfer.to_after),
    };
    let balance = |minor| minor_money(minor, amount.currency());
    let settled: Option<&Settlement> =
        settlement_of(transfer).and_then(|id| escrow.and_then(|escrow| escrow.settlement(id)));
    LedgerEntry {
        id: transfer.transfer.id,
        transaction_type: transaction_type(transfer.transfer.purpose.kind()),
        amount: money(amount),
        currency: amount.currency().code(),
        balance_before: balance(before),
        balance_after: balance(after),
        payment_intent_id: transfer.intent,
        milestone_id: transfer.transfer.purpose.milestone().or(settled.and_then(|settlement| settlement.milestone)),
        settlement_method: settled.map(|settlement| settlement.method.name()),
        settlement_destination: settled.map(|settlement| settlement.destination.as_str()),
        settlement_tx_id: settled.and_then(settlement::reference),
        status: COMPLETED,
        description,
        created_at: rfc3339(transfer.created),
    }
}

/// What clients call a kind of transfer.
pub(crate) const fn transaction_type(kind: PurposeKind) -> &'static str {
    match kind {
        PurposeKind::Fund
        | PurposeKind::Receive
        | PurposeKind::Restore
        | PurposeKind::RestorePayable
        | PurposeKind::Unreserve
        | PurposeKind::Unsettle => "CREDIT",
        PurposeKind::Release => "RELEASE",
        PurposeKind::Fee => "FEE",
        PurposeKind::Reserve => "RESERVE",
        PurposeKind::Settle => "SETTLEMENT",
        PurposeKind::Refund | PurposeKind::RefundPayable => "REFUND",
        PurposeKind::Return | PurposeKind::SendBack => "DEBIT",
    }
}

/// The settlement that a transfer was made for, if any.
pub(crate) const fn settlement_of(transfer: &StoredTransfer) -> Option<SettlementId> {
    match transfer.transfer.purpose {
        Purpose::Reserve(id) | Purpose::Settle(id, _) | Purpose::Unreserve(id) | Purpose::Unsettle(id, _) => Some(id),
        Purpose::Fund(_)
        | Purpose::Release(_)
        | Purpose::Fee(_)
        | Purpose::Refund(_)
        | Purpose::RefundPayable(_)
        | Purpose::Return(..)
        | Purpose::Restore(_)
        | Purpose::RestorePayable(_)
        | Purpose::Receive(..)
        | Purpose::SendBack(..) => None,
    }
}
