//! `POST /test-helpers/settlements/{settlement}/fail`: the payout method refuses the payout, or the bank sends it back where it has
//! arrived.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::settlement::SettlementState;
use escrow::{Command, Escrow, SettlementId};
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::{ApiError, Code};
use crate::http::fields::{Fields, Limit, Read};
use crate::http::openapi::{Field, Operation, field};
use crate::http::path::SettlementPath;
use crate::http::settlements::{About, decide};
use crate::wire::WireSettlement;

/// Why a settlement fails that was told no reason.
const NO_REASON: &str = "The simulated payout failed";

fn read(fields: &Fields<'_>) -> Read<String> {
    Ok(fields.full_text("reason", Limit::Bytes(MAX_TEXT_BYTES))?.unwrap_or(NO_REASON).to_owned())
}

/// What can still go wrong with a settlement. Should it move on meanwhile, the decision refuses.
fn command(escrow: &Escrow, id: SettlementId, reason: String) -> Command {
    match escrow.settlement(id).map(|settlement| &settlement.state) {
        Some(SettlementState::Confirmed { .. }) => Command::ReturnSettlement(id, reason),
        Some(
            SettlementState::Scheduled { .. }
            | SettlementState::Executed { .. }
            | SettlementState::Failed { .. }
            | SettlementState::Returned { .. }
            | SettlementState::Cancelled { .. },
        )
        | None => Command::FailSettlement(id, reason),
    }
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("failSettlement", "Have a settlement fail, or come back")
        .about("One that has arrived is sent back by the bank; any other is refused by the payout method.")
        .body(vec![Field::optional("reason", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "Why.")])
        .shows::<WireSettlement<'static>>()
        .refuses(&[Code::InvalidStatus, Code::InvalidStateTransition])
        .example(json!({ "reason": "The account is closed" }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    path: SettlementPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let (escrow, settlement) = gateway.settlement(&caller, &path.settlement).await?;
    let command = command(&escrow, settlement, read(&sent.fields())?);
    decide(&gateway, &caller, About { intent: escrow.id, settlement, command, idempotency: sent.idempotency }).await
}
