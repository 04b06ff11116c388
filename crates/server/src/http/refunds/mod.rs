//! Refunds.

use axum::http::StatusCode;
use axum::response::Response;
use engine::Ask;
use escrow::limits::MAX_TEXT_BYTES;
use escrow::{Command, IntentId, NewRefund};

use super::auth::Caller;
use super::error::{ApiError, Code};
use super::fields::{Fields, Limit, Read};
use super::idempotency::{self, submit};
use super::openapi::{Field, field};
use crate::gateway::Gateway;
use crate::wire;

pub(super) mod create;
pub(super) mod get;
pub(super) mod list;
pub(super) mod of_intent;

/// The fields of a body: these, then what every refund has.
fn documented(mut first: Vec<Field>) -> Vec<Field> {
    first.push(Field::optional("amount", field::amount(), "How much; all that can go back, where no amount is named."));
    first.push(Field::optional("reason", field::full_text(Limit::Bytes(MAX_TEXT_BYTES)), "Why."));
    first
}

/// What a refund can be refused with.
const REFUSALS: &[Code] =
    &[Code::InsufficientFunds, Code::EscrowDisputed, Code::InvalidStatus, Code::InvalidStateTransition];

/// The refund that a body asks for.
fn read(fields: &Fields<'_>) -> Read<NewRefund> {
    let reason = fields.full_text("reason", Limit::Bytes(MAX_TEXT_BYTES))?.map(str::to_owned);
    Ok(NewRefund { amount: fields.amount("amount")?, reason })
}

/// Has a refund decided and shows it.
async fn ask(
    gateway: &Gateway,
    caller: &Caller,
    (intent, new): (IntentId, NewRefund),
    idempotency: Option<idempotency::Key>,
) -> Result<Response, ApiError> {
    let ask = Ask::Decide(intent, Command::Refund(new));
    let command = idempotency::Command { ask, idempotency, success: StatusCode::OK };
    submit(gateway, caller, command, |escrow| {
        // Refunds are in the order in which they came to be, and a request makes one.
        let made = escrow.refunds.last()?;
        Some(wire::json(&wire::refund_envelope(escrow.id, made)))
    })
    .await
}
