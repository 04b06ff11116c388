//! `GET /account/balance` and `GET /payment-intents/account/balance`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::Currency;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("getBalance", "Show the balance")
        .about("What can be paid out, what is in escrow, and what is on its way to the payee; `balances` has every currency.")
        .query(vec![Field::param("currency", field::one_of::<Currency>(), "The currency in front.")])
        .answers::<wire::WireBalance>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let currency = query.choice("currency", &Currency::ALL, Currency::code)?;
    let totals = gateway.engine.store().balances(caller.owner).await?;
    Ok(ok(&wire::balance(&totals, currency)))
}
