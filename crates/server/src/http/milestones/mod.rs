//! The milestones of an order.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use engine::Ask;
use escrow::{Command, Escrow, IntentId, Milestone, MilestoneId, Rejection};

use super::auth::Caller;
use super::error::ApiError;
use super::fields::{Fields, Read};
use super::idempotency::{self, Sender, submit_as};
use super::openapi::{Field, field};
use crate::gateway::Gateway;
use crate::wire::{self, Deed};

pub(super) mod approve;
pub(super) mod complete;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod reject;
pub(super) mod release;
pub(super) mod update;

/// Who asks with a merchant's key and does not say who: its holder.
const MERCHANT: &str = "merchant";

/// The field that says which completion is spoken of.
pub(super) fn documented_attempt() -> Field {
    let about = "Which completion is meant, as `completionAttempt` of the milestone says; an older one is refused.";
    Field::optional("completionAttempt", field::integer(&(1..=i64::from(u32::MAX))), about)
}

/// The number of the completion that is spoken of, where one is.
fn attempt(fields: &Fields<'_>) -> Read<Option<u32>> {
    let number = fields.integer("completionAttempt", &(1..=i64::from(u32::MAX)))?;
    Ok(number.and_then(|number| u32::try_from(number).ok()))
}

/// The milestone with this id.
pub(super) fn known(escrow: &Escrow, id: MilestoneId) -> Result<&Milestone, ApiError> {
    let order = escrow.order.as_ref().ok_or(Rejection::NoOrder)?;
    let found = order.milestones.iter().find(|milestone| milestone.id == id);
    Ok(found.ok_or(Rejection::MilestoneNotFound)?)
}

/// The id of a milestone; what is no id is nobody's milestone.
pub(super) fn milestone_id(text: &str) -> Result<MilestoneId, ApiError> {
    text.parse().map_err(|_| ApiError::Refused(Rejection::MilestoneNotFound))
}

/// A command about one milestone, and how it is answered.
pub(super) struct About {
    pub(super) intent: IntentId,
    pub(super) milestone: MilestoneId,
    pub(super) command: Command,
    pub(super) idempotency: Option<idempotency::Key>,
    pub(super) success: StatusCode,
    pub(super) deed: Deed,
}

/// Has a merchant's command about a milestone decided and shows the milestone.
async fn decide(gateway: &Arc<Gateway>, caller: &Caller, about: About) -> Result<Response, ApiError> {
    decide_as(gateway, Sender::merchant(caller), about).await
}

/// The same for anybody's command.
pub(super) async fn decide_as(gateway: &Arc<Gateway>, sender: Sender, about: About) -> Result<Response, ApiError> {
    let About { intent, milestone, command, idempotency, success, deed } = about;
    let command = idempotency::Command { ask: Ask::Decide(intent, command), idempotency, success };
    submit_as(gateway, sender, command, move |escrow| {
        let shown = escrow.milestone(milestone)?;
        Some(wire::json(&wire::milestone_envelope(escrow, shown, deed)))
    })
    .await
}
