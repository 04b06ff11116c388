//! `PATCH /payment-intents/{intent}/escrow/milestones/{milestone}`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::{Command, MilestonePatch};
use serde_json::json;

use super::{About, decide, milestone_id};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::MilestonePath;
use crate::wire::Deed;
use crate::wire::WireMilestone;

/// What is to change. A `null` takes the description or the percentage away.
fn read(fields: &Fields<'_>) -> Read<MilestonePatch> {
    if fields.has("milestoneIndex") {
        return Err(fields.wrong("milestoneIndex", "cannot be changed; delete the milestone and create another"));
    }
    let description = fields.text("description", Limit::Bytes(MAX_TEXT_BYTES))?.map(|text| Some(text.to_owned()));
    let percentage = fields.percentage("percentage")?.map(Some);
    let patch = MilestonePatch {
        amount: fields.amount("amount")?,
        description: description.or_else(|| fields.is_null("description").then_some(None)),
        percentage: percentage.or_else(|| fields.is_null("percentage").then_some(None)),
    };
    if patch.amount.is_none() && patch.description.is_none() && patch.percentage.is_none() {
        return Err(ApiError::Body("Nothing to change: send amount, description or percentage".to_owned()));
    }
    Ok(patch)
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("updateMilestone", "Change a pending milestone")
        .about("At least one field must be there. A `null` takes the description or the percentage away.")
        .body(vec![
            Field::optional("amount", field::amount(), "Its share, in the intent's currency."),
            Field::optional("description", field::text(Limit::Bytes(MAX_TEXT_BYTES)), "What is to be done."),
            Field::optional(
                "percentage",
                field::percentage(),
                "Its share in percent, for people: only the amount counts.",
            ),
        ])
        .shows::<WireMilestone<'static>>()
        .refuses(&[Code::InvalidStatus, Code::EscrowDisputed])
        .example(json!({ "description": "Launch and handover" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: MilestonePath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let asked = read(&sent.fields()).and_then(|patch| Ok((milestone_id(&path.milestone)?, patch)));
    let (intent, (milestone, patch)) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let about = About {
        intent,
        milestone,
        command: Command::UpdateMilestone(milestone, patch),
        idempotency: sent.idempotency,
        success: StatusCode::OK,
        deed: Deed::Other,
    };
    decide(&gateway, &caller, about).await
}
