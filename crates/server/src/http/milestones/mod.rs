//! The milestones of an order.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use engine::Ask;
use escrow::{Command, IntentId, MilestoneId, Rejection};

use super::auth::Caller;
use super::error::ApiError;
use super::idempotency::{self, submit};
use crate::gateway::Gateway;
use crate::wire::{self, Deed};

pub(super) mod complete;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod release;
pub(super) mod update;

/// The id of a milestone; what is no id is nobody's milestone.
fn milestone_id(text: &str) -> Result<MilestoneId, ApiError> {
    text.parse().map_err(|_| ApiError::Refused(Rejection::MilestoneNotFound))
}

/// A command about one milestone, and how it is answered.
struct About {
    intent: IntentId,
    milestone: MilestoneId,
    command: Command,
    idempotency: Option<idempotency::Key>,
    success: StatusCode,
    deed: Deed,
}

/// Has a command about a milestone decided and shows the milestone.
async fn decide(gateway: &Arc<Gateway>, caller: &Caller, about: About) -> Result<Response, ApiError> {
    let About { intent, milestone, command, idempotency, success, deed } = about;
    let command = idempotency::Command { ask: Ask::Decide(intent, command), idempotency, success };
    submit(gateway, caller, command, move |escrow| {
        let shown = escrow.milestone(milestone)?;
        Some(wire::json(&wire::milestone_envelope(escrow, shown, deed)))
    })
    .await
}
