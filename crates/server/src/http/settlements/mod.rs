//! Settlements.

use axum::response::Response;
use escrow::{Command, IntentId, SettlementId};

use super::auth::Caller;
use super::error::ApiError;
use super::idempotency::{self, submit};
use crate::gateway::Gateway;
use crate::wire;

pub(super) mod get;
pub(super) mod list;
pub(super) mod retry;

/// A command about one settlement.
pub(super) struct About {
    pub(super) intent: IntentId,
    pub(super) settlement: SettlementId,
    pub(super) command: Command,
    pub(super) idempotency: Option<idempotency::Key>,
}

/// Has a command about a settlement decided and shows the settlement.
pub(super) async fn decide(gateway: &Gateway, caller: &Caller, about: About) -> Result<Response, ApiError> {
    let About { intent, settlement, command, idempotency } = about;
    let command = idempotency::Command::about(intent, command, idempotency);
    submit(gateway, caller, command, move |escrow| {
        let shown = escrow.settlement(settlement)?;
        Some(wire::json(&wire::settlement_envelope(escrow.owner, escrow.id, shown)))
    })
    .await
}
