//! `GET /admin/jobs`: what is still to be done for everybody, in the order in which it can be.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::gateway::Gateway;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::wire;

pub(in crate::http) async fn handle(State(gateway): State<Arc<Gateway>>, query: Query) -> Result<Response, ApiError> {
    // Jobs have no ids, so that there is nothing for a cursor to name.
    let (limit, offset) = query.window()?;
    let mut jobs = gateway.engine.store().jobs(offset, limit.saturating_add(1)).await?;
    let has_more = jobs.len() > limit;
    jobs.truncate(limit);
    Ok(query.answer(jobs.iter().map(wire::job).collect(), has_more))
}
