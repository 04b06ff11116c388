//! `GET /admin/disputes`: everybody's, newest first, by default those that nobody has decided.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::DisputeId;
use store::{Page, Wanted, Which};

use crate::gateway::Gateway;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Field, Operation, field};
use crate::wire;

/// What `status` can be: an open dispute is `raised`, as everywhere.
const fn name(which: Which) -> &'static str {
    match which {
        Which::All => "all",
        Which::Waiting => "raised",
    }
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listEverybodysDisputes", "List everybody's disputes")
        .about("Newest first; by default those that nobody has decided.")
        .query(field::paging::<DisputeId>())
        .query_also(vec![Field::param(
            "status",
            field::choice(&[name(Which::Waiting), name(Which::All)]),
            "Which ones.",
        )])
        .lists::<wire::Owned<wire::WireDispute<'static>>>()
}

pub(in crate::http) async fn handle(State(gateway): State<Arc<Gateway>>, query: Query) -> Result<Response, ApiError> {
    let which = query.choice("status", &[Which::Waiting, Which::All], name)?.unwrap_or(Which::Waiting);
    let page = query.page(|text| text.parse().ok().map(DisputeId::raw))?;
    let store = gateway.engine.store();
    let Page { items, has_more } = store.disputes(which, page).await.map_err(|error| query.failed(error))?;
    let escrows = items.iter().map(|(_, intent, _)| *intent).collect();
    let escrows = store.load(Wanted { escrows, ..Wanted::default() }).await?.escrows;
    let found: Vec<_> =
        items.iter().zip(&escrows).filter_map(|(item, stored)| Some((item, stored.as_ref()?))).collect();
    // As the escrow has it now: it may have been decided since the list was read.
    let shown = found.iter().filter_map(|((owner, _, dispute), stored)| {
        let dispute = stored.escrow.dispute(dispute.id)?;
        Some(wire::owned(*owner, wire::dispute(&stored.escrow, dispute)))
    });
    Ok(query.answer(shown.collect(), has_more))
}
