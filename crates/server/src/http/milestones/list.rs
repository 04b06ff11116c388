//! `GET /payment-intents/{intent}/escrow/milestones`: by index, deleted ones included.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::{MilestoneId, Rejection};

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::error::ApiError;
use crate::http::list::Query;
use crate::http::openapi::{Operation, field};
use crate::http::path::IntentPath;
use crate::wire::{self, WireMilestone};

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("listMilestones", "List the milestones of an order")
        .about("By index, deleted ones included.")
        .query(field::paging::<MilestoneId>())
        .lists::<WireMilestone<'static>>()
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    query: Query,
) -> Result<Response, ApiError> {
    let escrow = gateway.escrow(&caller, &path.intent).await?;
    let order = escrow.order.as_ref().ok_or(ApiError::Refused(Rejection::NoOrder))?;
    let page = query.page(|text| text.parse().ok().map(MilestoneId::raw))?;
    let (part, has_more) = query.part(&order.milestones, page, |milestone| milestone.id.raw())?;
    let milestones = part.iter().map(|milestone| wire::milestone(&escrow, milestone)).collect();
    Ok(query.answer(milestones, has_more))
}
