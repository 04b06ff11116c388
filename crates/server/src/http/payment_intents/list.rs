//! `GET /payment-intents`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Currency, IntentId, IntentStatus, PaymentType};
use store::EscrowFilter;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::Read;
use crate::http::list::{Query, from_second, to_second};
use crate::wire::{self, Reader};

fn filter(query: &Query) -> Read<EscrowFilter> {
    const CREATED_FROM: &str = "created[gte]";
    const CREATED_TO: &str = "created[lte]";
    for name in query.names() {
        if name.starts_with("metadata[") {
            return Err(ApiError::field(name, "Filtering by metadata is not available in this version"));
        }
        if name.starts_with("created") && name != CREATED_FROM && name != CREATED_TO {
            return Err(ApiError::field(name, format!("Filter by {CREATED_FROM} and {CREATED_TO}")));
        }
    }
    Ok(EscrowFilter {
        status: query.choice("status", IntentStatus::ALL, IntentStatus::name)?,
        payment_type: query.choice("type", PaymentType::ALL, PaymentType::name)?,
        currency: query.choice("currency", &Currency::ALL, Currency::code)?,
        created_from: query.seconds(CREATED_FROM)?.map(from_second),
        created_to: query.seconds(CREATED_TO)?.map(to_second),
        ..EscrowFilter::default()
    })
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    query: Query,
) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(IntentId::raw))?;
    let read = gateway.engine.store().escrows(caller.owner, filter(&query)?, page).await;
    let found = read.map_err(|error| query.failed(error))?;
    let shown = |escrow| wire::intent(escrow, Some(&gateway.site), Reader::Merchant);
    let intents = found.items.iter().map(shown).collect();
    Ok(query.answer(intents, found.has_more))
}
