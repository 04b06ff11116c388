//! `POST /payment-intents/{intent}/escrow/milestones`

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use escrow::limits::{MAX_MILESTONE_INDEX, MAX_TEXT_BYTES};
use escrow::{Command, MilestoneId, NewMilestone};
use serde_json::json;

use super::{About, decide};
use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::IntentPath;
use crate::wire::Deed;
use crate::wire::WireMilestone;

/// A new milestone, as these fields say.
pub(in crate::http) fn read(fields: &Fields<'_>, id: MilestoneId) -> Read<NewMilestone> {
    let index = fields.integer("milestoneIndex", &(0..=i64::from(MAX_MILESTONE_INDEX)))?;
    let index = index.and_then(|index| u32::try_from(index).ok());
    Ok(NewMilestone {
        id,
        index: fields.required("milestoneIndex", index)?,
        amount: fields.required("amount", fields.amount("amount")?)?,
        description: fields.text("description", Limit::Bytes(MAX_TEXT_BYTES))?.map(str::to_owned),
        percentage: fields.percentage("percentage")?,
    })
}

/// The fields of the body.
pub(in crate::http) fn documented() -> Vec<Field> {
    vec![
        Field::required(
            "milestoneIndex",
            field::integer(&(0..=i64::from(MAX_MILESTONE_INDEX))),
            "Its place in the order: lower ones come first.",
        ),
        Field::required("amount", field::amount(), "Its share, in the intent's currency."),
        Field::optional("description", field::text(Limit::Bytes(MAX_TEXT_BYTES)), "What is to be done."),
        Field::optional("percentage", field::percentage(), "Its share in percent, for people: only the amount counts."),
    ]
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("createMilestone", "Create a milestone")
        .about("The milestones of an order may not add up to more than its amount.")
        .body(documented())
        .makes::<WireMilestone<'static>>()
        .refuses(&[Code::InvalidStatus, Code::EscrowDisputed])
        .example(json!({ "milestoneIndex": 2, "amount": "200.00", "description": "Launch", "percentage": 20 }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let milestone = MilestoneId::fresh(gateway.engine.ids());
    let asked = read(&sent.fields(), milestone);
    let (intent, new) = gateway.for_intent(&caller, &path.intent, asked).await?;
    let about = About {
        intent,
        milestone,
        command: Command::AddMilestone(new),
        idempotency: sent.idempotency,
        success: StatusCode::CREATED,
        deed: Deed::Other,
    };
    decide(&gateway, &caller, about).await
}
