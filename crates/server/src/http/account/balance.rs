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
use crate::wire;

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let currency = query.choice("currency", &Currency::ALL, Currency::code)?;
    let totals = gateway.engine.store().balances(caller.owner).await?;
    Ok(ok(&wire::balance(&totals, currency)))
}
