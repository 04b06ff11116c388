//! `POST /payment-intents/public/{intent}/payment`: somebody pays by card.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use engine::{Ask, Rendered};
use escrow::{Actor, Card, CardOutcome, CardPayment, Command, Escrow, Mode, RequestId};
use serde_json::json;

use crate::gateway::Gateway;
use crate::http::body::Sent;
use crate::http::card;
use crate::http::error::{ApiError, Code};
use crate::http::fields::Read;
use crate::http::idempotency::{Sender, send};
use crate::http::openapi::Operation;
use crate::http::path::IntentPath;
use crate::processor::authorize;
use crate::wire::{self, Reader};

/// A payment that the processor has answered, and the payer's token. Of the card there is only what may be kept.
struct Attempt {
    payment: CardPayment,
    token: String,
}

/// Reads the card and asks the processor. Whether the intent wants a payment now, the domain tells afterwards: the sandbox's
/// processor takes no money that would have to go back.
fn attempt(gateway: &Gateway, sent: &Sent, request: RequestId) -> Read<Attempt> {
    let host = gateway.engine.host();
    let number = card::read(&sent.fields(), host.now())?;
    let authorization = authorize(&number).ok_or_else(card::unknown)?;
    let token = gateway.keyring.mint_payer_token(host.as_ref());
    let card = Card {
        brand: authorization.brand,
        last_four: number.last_four().to_owned(),
        reference: format!("simulated_{}", request.raw()),
        token: gateway.keyring.hash_payer_token(&token),
    };
    Ok(Attempt { payment: CardPayment { card, outcome: authorization.outcome }, token })
}

/// What there is to know about it.
pub(in crate::http) fn doc() -> Operation {
    Operation::new("payByCard", "Pay by card")
        .about(
            "In the sandbox, 4242424242424242 and 5555555555554444 pay, 4000000000005126 pays and refuses every refund, \
             4000000000000002 is declined and 4000000000009995 lacks funds. Of the card, only its brand and last four digits are kept. The \
             answer carries `payerToken`, by which the payer acts later; it is shown once.",
        )
        .body(card::documented())
        .answers::<wire::PaidIntent>()
        .refuses(&[Code::InvalidCard, Code::PaymentFailed, Code::InvalidStateTransition])
        .example(json!({
            "card": { "cardNumber": "4242424242424242", "expiry": "12/49", "cvv": "123", "name": "Ada Lovelace" },
        }))
}

pub(in crate::http) async fn handle(
    State(gateway): State<Arc<Gateway>>,
    Extension(request): Extension<RequestId>,
    path: IntentPath,
    sent: Sent,
) -> Result<Response, ApiError> {
    let escrow = gateway.public_escrow(&path.intent).await?;
    match escrow.owner.mode {
        Mode::Sandbox => {}
        Mode::Live => return Err(ApiError::NoCardProcessor),
    }
    let Attempt { payment, token } = attempt(&gateway, &sent, request)?;
    let answer = answer(&gateway, payment.outcome.clone(), token, request);
    let ask = Ask::Decide(escrow.id, Command::PayByCard(payment));
    send(&gateway, Sender::public(&escrow, Actor::Anyone, request), ask, sent.idempotency, answer).await
}

/// Writes the answer to an attempt that the domain has booked. A declined one is an error to the caller, and a fact all the same.
/// The token is shown once: no idempotency key remembers it.
fn answer(
    gateway: &Arc<Gateway>,
    outcome: CardOutcome,
    token: String,
    request: RequestId,
) -> impl Fn(&Escrow) -> Rendered + use<> {
    let gateway = gateway.clone();
    move |escrow| match &outcome {
        CardOutcome::Declined(reason) => ApiError::PaymentFailed(reason.clone()).rendered(request),
        CardOutcome::Authorized => {
            let show = |token| wire::json(&wire::paid_intent_envelope(escrow, &gateway.site, Reader::Public, token));
            Rendered { status: StatusCode::OK.as_u16(), body: show(Some(&token)), kept: Some(show(None)) }
        }
    }
}
