//! `GET /admin/jobs`: what is still to be done for everybody, in the order in which it can be.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::wire;

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listJobs", "List what is still to be done")
        .about("For everybody, in the order in which it can be done.")
        .query(field::window())
        .lists::<wire::WireJob>()
}

pub(in crate::http) async fn handle(State(gateway): State<Arc<Gateway>>, query: Query) -> Result<Response, ApiError> {
    // Jobs have no ids, so that there is nothing for a cursor to name.
    let (limit, offset) = query.window()?;
    let mut jobs = gateway.engine.store().jobs(offset, limit.saturating_add(1)).await?;
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    Ok(query.answer(jobs.iter().map(wire::job).collect(), has_more))
}
