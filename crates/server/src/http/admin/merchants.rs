//! `GET /admin/merchants` and `POST /admin/merchants`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Act, MAX_MERCHANT_NAME_CHARS};
use escrow::MerchantId;
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::acts::{perform, shown};
use crate::http::auth::Admitted;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Limit, Read};
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn list_doc() -> Operation {
    Operation::new("listMerchants", "List merchants")
        .about("Newest first.")
        .query(field::paging::<MerchantId>())
        .lists::<wire::WireMerchant<'static>>()
}

/// Newest first.
pub(in crate::http) async fn list(State(gateway): State<Arc<Gateway>>, query: Query) -> Result<Response, ApiError> {
    let page = query.page(|text| text.parse().ok().map(MerchantId::raw))?;
    let found = gateway.engine.store().merchants(page).await.map_err(|error| query.failed(error))?;
    let merchants = found.items.iter().map(wire::merchant).collect();
    Ok(query.answer(merchants, found.has_more))
}

fn read(fields: &Fields<'_>) -> Read<String> {
    let name = fields.line("name", Limit::Chars(MAX_MERCHANT_NAME_CHARS))?;
    Ok(fields.required("name", name)?.to_owned())
}

/// What there is to know about it.
pub(in crate::http) fn create_doc() -> Operation {
    Operation::new("createMerchant", "Add a merchant")
        .about("With a first key of its sandbox, whose text is shown this once.")
        .body(vec![Field::required(
            "name",
            field::line(Limit::Chars(MAX_MERCHANT_NAME_CHARS)),
            "Its name, for people; no two merchants share one, and there are no blanks around it.",
        )])
        .makes::<wire::NewMerchant<'static>>()
        .example(json!({ "name": "Studio Lovelace" }))
}

/// A merchant, with a first key of its sandbox.
pub(in crate::http) async fn create(
    State(gateway): State<Arc<Gateway>>,
    asker: Admitted,
    sent: Sent,
) -> Result<Response, ApiError> {
    let act = Act::AddMerchant { name: read(&sent.fields())?, with_key: true };
    let show = shown(&gateway);
    perform(&gateway, &asker, (act, sent.idempotency), StatusCode::CREATED, show).await
}
