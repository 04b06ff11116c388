//! `GET /account/ledger-entries` and `GET /payment-intents/account/ledger-entries`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Currency, Escrow, IntentId, PurposeKind, TransferId};
use store::{StoredTransfer, TransferFilter, Wanted};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Read;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire;

fn filter(query: &Query) -> Read<TransferFilter> {
    let kind = query.choice("transactionType", PurposeKind::ALL, wire::transaction_type)?;
    Ok(TransferFilter {
        intent: query.id("paymentIntentId", "payment intent")?,
        currency: query.choice("currency", &Currency::ALL, Currency::code)?,
        kinds: kind.map(of_same_type),
    })
}

/// Several kinds of transfers are of one type for clients.
fn of_same_type(kind: PurposeKind) -> Vec<PurposeKind> {
    let is_same = |other: &PurposeKind| wire::transaction_type(*other) == wire::transaction_type(kind);
    PurposeKind::ALL.iter().copied().filter(is_same).collect()
}

/// The escrows whose settlements a page speaks of, in one read.
async fn settling(gateway: &Gateway, transfers: &[StoredTransfer]) -> Result<BTreeMap<IntentId, Escrow>, ApiError> {
    let of_settlements = transfers.iter().filter(|transfer| wire::settlement_of(transfer).is_some());
    let intents: BTreeSet<IntentId> = of_settlements.map(|transfer| transfer.intent).collect();
    if intents.is_empty() {
        return Ok(BTreeMap::new());
    }
    let wanted = Wanted { escrows: intents.into_iter().collect(), ..Wanted::default() };
    let loaded = gateway.engine.store().load(wanted).await?;
    Ok(loaded.escrows.into_iter().flatten().map(|found| (found.escrow.id, found.escrow)).collect())
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listLedgerEntries", "List the movements of money")
        .about("Newest first.")
        .query(field::paging::<TransferId>())
        .query_also(vec![
            Field::param("transactionType", field::choice(&wire::transaction_types()), "Only movements of this type."),
            Field::param("paymentIntentId", field::id::<IntentId>(), "Only movements of this intent's money."),
            Field::param("currency", field::one_of::<Currency>(), "Only movements in this currency."),
        ])
        .lists::<wire::LedgerEntry<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(TransferId::raw))?;
    let read = gateway.engine.store().transfers(caller.owner, filter(&query)?, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let escrows = settling(&gateway, &found.items).await?;
    let entries =
        found.items.iter().map(|transfer| wire::ledger_entry(transfer, escrows.get(&transfer.intent))).collect();
    Ok(query.answer(entries, found.has_more))
}
