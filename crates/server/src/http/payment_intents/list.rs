//! `GET /payment-intents`

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{Currency, IntentId, IntentStatus, PaymentType};
use store::{EscrowFilter, MAX_FOUND_NAME_CHARS, MAX_FOUND_VALUE_CHARS};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::fields::{LATEST_S, Read};
use crate::http::list::{Query, from_second, to_second};
use crate::http::openapi::field::Members;
use crate::http::openapi::{Field, Operation, field};
use crate::wire::Intent;
use crate::wire::{self, Reader};

/// The most members of metadata that a list is filtered by at once.
const MAX_MEMBERS: usize = 10;

const CREATED_FROM: &str = "created[gte]";
const CREATED_TO: &str = "created[lte]";

/// Which intents are asked for.
pub(in crate::http) fn filter(query: &Query) -> Read<EscrowFilter> {
    for name in query.names() {
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
        metadata: metadata(query)?,
    })
}

/// What the names of parameters begin with that filter by metadata.
const METADATA: &str = "metadata";

/// What `metadata[name]=value` asks for, of any number of names up to a bound.
fn metadata(query: &Query) -> Read<BTreeMap<String, String>> {
    let mut members = BTreeMap::new();
    for param in query.names().filter(|name| name.starts_with(METADATA)) {
        let inside = param.strip_prefix(METADATA).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
        let name = inside.filter(|name| !name.is_empty() && !name.contains(['[', ']'])).ok_or_else(|| {
            ApiError::field(
                param,
                "Filter by metadata[name], with the name of one member of metadata and no brackets in it",
            )
        })?;
        let Some(value) = query.get(param) else { continue };
        for (what, text, most) in [("name", name, MAX_FOUND_NAME_CHARS), ("value", value, MAX_FOUND_VALUE_CHARS)] {
            if text.chars().count() > most {
                let rule = format!(
                    "Metadata is found by names of up to {MAX_FOUND_NAME_CHARS} characters and values of up to {MAX_FOUND_VALUE_CHARS}: this {what} is longer"
                );
                return Err(ApiError::field(param, rule));
            }
        }
        members.insert(name.to_owned(), value.to_owned());
        if members.len() > MAX_MEMBERS {
            return Err(ApiError::field(param, format!("Filter by at most {MAX_MEMBERS} members of metadata")));
        }
    }
    Ok(members)
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listPaymentIntents", "List payment intents")
        .about("Newest first. Several filters narrow the list down together.")
        .query(field::paging::<IntentId>())
        .query_also(vec![
            Field::param("status", field::one_of::<IntentStatus>(), "Only intents in this status."),
            Field::param("type", field::one_of::<PaymentType>(), "Only intents of this type."),
            Field::param("currency", field::one_of::<Currency>(), "Only intents in this currency."),
            Field::param(
                CREATED_FROM,
                field::integer(&(0..=LATEST_S)),
                "Only intents created at or after this Unix second.",
            ),
            Field::param(
                CREATED_TO,
                field::integer(&(0..=LATEST_S)),
                "Only intents created at or before this Unix second.",
            ),
            Field::members(
                METADATA,
                &Members { members: MAX_MEMBERS, name_chars: MAX_FOUND_NAME_CHARS, value_chars: MAX_FOUND_VALUE_CHARS },
                "Only intents whose metadata has these members with these values: `metadata[orderId]=ORD-7`.",
            ),
        ])
        .lists::<Intent<'static>>()
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
