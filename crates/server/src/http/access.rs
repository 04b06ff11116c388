//! Looking up an object that a caller names.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use escrow::{Escrow, IntentId, Owner, RefundId, SettlementId};
use serde::Serialize;

use super::auth::{Asker, Caller};
use super::error::{ApiError, Resource};
use crate::gateway::Gateway;
use crate::wire;

impl Gateway {
    /// The escrow of an intent that the caller may see.
    pub(super) async fn escrow(&self, caller: &Caller, intent: &str) -> Result<Escrow, ApiError> {
        let found = self.engine.store().escrow(intent_id(intent)?).await?;
        let escrow = found.ok_or_else(|| missing(intent))?;
        may_see(caller.owner, escrow.owner, Resource::PaymentIntent, intent)?;
        Ok(escrow)
    }

    /// The escrow of an intent that the asker may see: the operator every one, a merchant its own.
    pub(super) async fn escrow_for(&self, asker: &Asker, intent: &str) -> Result<Escrow, ApiError> {
        match asker {
            Asker::Merchant(caller) => self.escrow(caller, intent).await,
            Asker::Operator(_) => self.public_escrow(intent).await,
        }
    }

    /// The escrow of an intent for anyone who knows its id.
    pub(super) async fn public_escrow(&self, intent: &str) -> Result<Escrow, ApiError> {
        let found = self.engine.store().escrow(intent_id(intent)?).await?;
        found.ok_or_else(|| missing(intent))
    }

    /// A settlement that the caller may see, and the escrow that has it.
    pub(super) async fn settlement(&self, caller: &Caller, text: &str) -> Result<(Escrow, SettlementId), ApiError> {
        let missing = || ApiError::Missing(Resource::Settlement, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let escrow = self.engine.store().escrow_of_settlement(id).await?.ok_or_else(missing)?;
        may_see(caller.owner, escrow.owner, Resource::Settlement, text)?;
        Ok((escrow, id))
    }

    /// A refund that the caller may see, and the escrow that has it.
    pub(super) async fn refund(&self, caller: &Caller, text: &str) -> Result<(Escrow, RefundId), ApiError> {
        let missing = || ApiError::Missing(Resource::Refund, text.to_owned());
        let id = text.parse().map_err(|_| missing())?;
        let escrow = self.engine.store().escrow_of_refund(id).await?.ok_or_else(missing)?;
        may_see(caller.owner, escrow.owner, Resource::Refund, text)?;
        Ok((escrow, id))
    }

    /// The intent that a command is for, and the command, which was read from the request. A caller who may not speak of the
    /// intent hears that before anything about the fields; the intent is looked up for it only where the fields are wrong,
    /// since the engine looks at it anyway.
    pub(super) async fn for_intent<T>(
        &self,
        caller: &Caller,
        intent: &str,
        asked: Result<T, ApiError>,
    ) -> Result<(IntentId, T), ApiError> {
        match asked {
            Ok(asked) => Ok((intent_id(intent)?, asked)),
            Err(error) => {
                self.escrow(caller, intent).await?;
                Err(error)
            }
        }
    }
}

/// Refuses a caller an object of this owner: another merchant's is forbidden, the other mode's does not exist.
pub(super) fn may_see(caller: Owner, owner: Owner, what: Resource, id: &str) -> Result<(), ApiError> {
    if caller == owner {
        Ok(())
    } else if caller.merchant == owner.merchant {
        Err(ApiError::Missing(what, id.to_owned()))
    } else {
        Err(ApiError::NotYours(what))
    }
}

/// The id of an intent; what is no id is nobody's intent.
fn intent_id(text: &str) -> Result<IntentId, ApiError> {
    text.parse().map_err(|_| missing(text))
}

fn missing(intent: &str) -> ApiError {
    ApiError::Missing(Resource::PaymentIntent, intent.to_owned())
}

/// An answer with this wire object.
pub(super) fn ok(value: &impl Serialize) -> Response {
    json_response(StatusCode::OK, wire::json(value))
}

/// An answer with this JSON text.
pub(super) fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
