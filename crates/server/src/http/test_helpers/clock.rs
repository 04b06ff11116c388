//! `GET /test-helpers/clock` and `POST /test-helpers/clock`: the clock of the merchant's sandbox, and how it is moved forward.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{AdvanceClock, Clock, Rendered, TooFarAhead};
use escrow::Span;
use escrow::limits::{MAX_CLOCK_AHEAD_S, MAX_CLOCK_STEP_S};
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::access::ok;
use crate::http::auth::Caller;
use crate::http::body::Sent;
use crate::http::error::ApiError;
use crate::http::fields::{Fields, Read};
use crate::http::idempotency::{Sender, answered};
use crate::http::openapi::{Field, Operation, field};
use crate::wire;

const ADVANCE: &str = "advance";

/// What there is to know about it.
pub(in crate::http) fn show_doc() -> Operation {
    Operation::new("getTestClock", "Show the clock of the sandbox").shows::<wire::WireClock>()
}

pub(in crate::http) async fn show(State(gateway): State<Arc<Gateway>>, caller: Caller) -> Result<Response, ApiError> {
    let merchant = caller.owner.merchant;
    let clock = gateway.engine.clock(merchant).await?;
    Ok(ok(&wire::test_clock_envelope(merchant, clock)))
}

fn read(fields: &Fields<'_>) -> Read<Span> {
    let seconds = fields.seconds(ADVANCE, &(1..=MAX_CLOCK_STEP_S))?;
    fields.required(ADVANCE, seconds).map(Span::from_seconds)
}

fn too_far(ahead: Span) -> ApiError {
    let rule = format!(
        "would put the clock more than {MAX_CLOCK_AHEAD_S} seconds ahead of real time; it is {} ahead already",
        ahead.seconds()
    );
    ApiError::field(ADVANCE, format!("{ADVANCE} {rule}"))
}

/// What there is to know about it.
pub(in crate::http) fn advance_doc() -> Operation {
    Operation::new("advanceTestClock", "Move the clock of the sandbox forward")
        .about("Everything timed follows, in due order, each at its own due time; the answer comes when all of it is done.")
        .body(vec![Field::required(ADVANCE, field::seconds(&(1..=MAX_CLOCK_STEP_S)), "By how many seconds.")])
        .shows::<wire::WireClock>()
        .example(json!({ "advance": 86400 }))
}

pub(in crate::http) async fn advance(
    State(gateway): State<Arc<Gateway>>,
    caller: Caller,
    sent: Sent,
) -> Result<Response, ApiError> {
    let by = read(&sent.fields())?;
    let Caller { owner, request } = caller;
    let render = move |moved: Result<Clock, TooFarAhead>| match moved {
        Ok(clock) => {
            let body = wire::json(&wire::test_clock_envelope(owner.merchant, clock));
            Rendered { status: StatusCode::OK.as_u16(), body, kept: None }
        }
        Err(TooFarAhead { ahead }) => too_far(ahead).rendered(request),
    };
    let idempotency = sent.idempotency.map(|key| Sender::merchant(&caller).idempotency(key));
    let asked = AdvanceClock { merchant: owner.merchant, by, idempotency, render: Arc::new(render) };
    answered(gateway.engine.advance_clock(asked).await?, || {
        tracing::error!(request_id = %request, "a clock was looked for as if it were an object");
        ApiError::Internal
    })
}
