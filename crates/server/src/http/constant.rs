//! `POST /v1/payment-intents` without anything behind it, for benchmarks.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::response::Response;
use escrow::{Actor, Ctx, Rejection};

use super::access::json_response;
use super::auth::Caller;
use super::body::Sent;
use super::error::ApiError;
use super::payment_intents::create;
use crate::gateway::Gateway;
use crate::wire::{self, Reader};

/// The first answer, given again ever after.
pub(super) type FirstAnswer = Arc<OnceLock<Vec<u8>>>;

/// Authenticates, reads and answers as the real one does.
pub(super) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    sent: Sent,
    first: FirstAnswer,
) -> Result<Response, ApiError> {
    let new = create::read(&gateway, &caller, &sent)?;
    let answer = match first.get() {
        Some(answer) => answer,
        None => {
            let ctx = Ctx {
                now: gateway.engine.host().now(),
                by: &Actor::Merchant,
                ids: gateway.engine.ids(),
                settings: &gateway.engine.config().settings,
            };
            let opened = escrow::open(new, &ctx).map_err(|rejection: Rejection| ApiError::Refused(rejection))?;
            let answer = wire::json(&wire::intent_envelope(&opened.next, &gateway.site, Reader::Merchant));
            first.get_or_init(|| answer)
        }
    };
    Ok(json_response(axum::http::StatusCode::OK, answer.clone()))
}
