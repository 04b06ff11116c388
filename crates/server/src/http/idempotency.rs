//! Sending a command to the engine, at most once per idempotency key.

use std::sync::Arc;

use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use engine::{Answer, Ask, Idempotency, Reach, Rendered, Request};
use escrow::{Actor, Escrow, Hash, IntentId, Owner, Rejection, RequestId};

use super::BASE_PATHS;
use super::access::json_response;
use super::auth::{Asker, Caller};
use super::error::{ApiError, Resource};
use super::payer;
use crate::gateway::Gateway;

/// The header of a request that carries its idempotency key.
pub(super) const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of a response that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The longest idempotency key, in characters.
pub(super) const MAX_KEY_CHARS: usize = 255;

/// The idempotency key of a request, where its method has them and it has one.
pub(super) fn key(parts: &Parts) -> Result<Option<String>, ApiError> {
    let mut values = parts.headers.get_all(&HEADER).iter();
    let Some(value) = values.next().filter(|_| parts.method == Method::POST) else { return Ok(None) };
    let is_visible = |text: &&str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_fitting = |text: &&str| (1..=MAX_KEY_CHARS).contains(&text.len()) && is_visible(text);
    match value.to_str().ok().filter(is_fitting) {
        Some(text) if values.next().is_none() => Ok(Some(text.to_owned())),
        Some(_) | None => Err(ApiError::field(
            "Idempotency-Key",
            format!("Idempotency-Key must be sent once, with 1 to {MAX_KEY_CHARS} visible ASCII characters"),
        )),
    }
}

/// An idempotency key as it was sent, with what tells this request from others under it.
#[derive(Clone, Debug)]
pub(super) struct Key {
    key: String,
    fingerprint: Hash,
}

impl Key {
    /// The key among those of this owner.
    pub(super) fn of(self, owner: Owner) -> Idempotency {
        Idempotency { owner, key: self.key, fingerprint: self.fingerprint }
    }
}

/// A key with what tells this request from others under it. The path counts without its version, so that both versions are one.
pub(super) fn stamped(gateway: &Gateway, key: String, parts: &Parts, raw: &[u8]) -> Key {
    let path = unversioned(parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let mut parts_told = vec![parts.method.as_str().as_bytes(), path.as_bytes(), query.as_bytes(), raw];
    // What a payer without a wallet asks with is not in the body; another's request is another, so that no answer to one who was
    // not the payer is given to the payer later.
    parts_told.extend(payer::token(&parts.headers));
    let fingerprint = gateway.keyring.fingerprint(&parts_told);
    Key { key, fingerprint }
}

/// A path without its version. Routes below a base path see theirs so already.
pub(super) fn unversioned(path: &str) -> &str {
    let rest = BASE_PATHS.into_iter().find_map(|base| path.strip_prefix(base)).unwrap_or(path);
    if rest.starts_with('/') { rest } else { path }
}

/// Who sends a command.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    /// Whose intents they may speak of.
    pub(super) reach: Reach,
    pub(super) by: Actor,
    /// Among whose idempotency keys theirs counts.
    pub(super) keys: Keys,
    /// The request, which errors name.
    pub(super) request: RequestId,
}

/// Whose idempotency keys count among each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keys {
    /// Those of a merchant in one mode.
    Merchant(Owner),
    /// Those of the payers of one intent, which is this owner's.
    Payers(Owner, IntentId),
    /// Those of the operator, about what is this owner's.
    Operator(Owner),
}

impl Sender {
    /// The merchant behind an API key.
    pub(super) const fn merchant(caller: &Caller) -> Sender {
        Sender::merchant_for(caller, Actor::Merchant)
    }

    /// A merchant who passes on what somebody else has proven to want.
    pub(super) const fn merchant_for(caller: &Caller, by: Actor) -> Sender {
        let Caller { owner, request } = *caller;
        Sender { reach: Reach::Owner(owner), by, keys: Keys::Merchant(owner), request }
    }

    /// Somebody without an API key, who knows the id of an intent.
    pub(super) const fn public(escrow: &Escrow, by: Actor, request: RequestId) -> Sender {
        Sender { reach: Reach::Everybody, by, keys: Keys::Payers(escrow.owner, escrow.id), request }
    }

    /// The operator, or a merchant, about an escrow that they may see.
    pub(super) const fn asker(asker: &Asker, escrow: &Escrow) -> Sender {
        match asker {
            Asker::Merchant(caller) => Sender::merchant(caller),
            Asker::Operator(request) => {
                let keys = Keys::Operator(escrow.owner);
                Sender { reach: Reach::Operator, by: Actor::Operator, keys, request: *request }
            }
        }
    }

    /// A key among those that theirs counts among.
    pub(super) fn idempotency(&self, key: Key) -> Idempotency {
        let Key { key, fingerprint } = key;
        match self.keys {
            Keys::Merchant(owner) => Idempotency { owner, key, fingerprint },
            // The blank keeps these apart from every key of the merchant, since none is sent with one; what stands before it keeps
            // them apart from each other, since no id is `operator`.
            Keys::Payers(owner, intent) => Idempotency { owner, key: format!("{intent} {key}"), fingerprint },
            Keys::Operator(owner) => Idempotency { owner, key: format!("operator {key}"), fingerprint },
        }
    }
}

/// A command on its way.
pub(super) struct Command {
    /// What is asked.
    pub(super) ask: Ask,
    /// The idempotency key, where one was sent.
    pub(super) idempotency: Option<Key>,
    /// The status of the answer when it is done.
    pub(super) success: StatusCode,
}

impl Command {
    /// A command about an intent; done, it is answered with 200.
    pub(super) const fn about(intent: IntentId, command: escrow::Command, idempotency: Option<Key>) -> Command {
        Command { ask: Ask::Decide(intent, command), idempotency, success: StatusCode::OK }
    }
}

/// Has a merchant's command decided. `show` writes the answer from the state after it; `None` there is a defect.
pub(super) async fn submit(
    gateway: &Gateway,
    caller: &Caller,
    command: Command,
    show: impl Fn(&Escrow) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    submit_as(gateway, Sender::merchant(caller), command, show).await
}

/// The same for anybody's command.
pub(super) async fn submit_as(
    gateway: &Gateway,
    sender: Sender,
    command: Command,
    show: impl Fn(&Escrow) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let Command { ask, idempotency, success } = command;
    let request = sender.request;
    send(gateway, sender, ask, idempotency, move |escrow| match show(escrow) {
        Some(body) => Rendered { status: success.as_u16(), body, kept: None },
        None => {
            tracing::error!(intent = %escrow.id, request_id = %request, "what was asked for is not in the state after it");
            ApiError::Internal.rendered(request)
        }
    })
    .await
}

/// Has a command decided; `answer` writes the whole answer from the state after it.
pub(super) async fn send(
    gateway: &Gateway,
    sender: Sender,
    ask: Ask,
    key: Option<Key>,
    answer: impl Fn(&Escrow) -> Rendered + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let intent = match &ask {
        Ask::Open(new) => new.id,
        Ask::Decide(intent, _) => *intent,
    };
    let idempotency = key.map(|key| sender.idempotency(key));
    let Sender { reach, by, keys: _, request } = sender;
    let render = move |decided: Result<&Escrow, &Rejection>| match decided {
        Ok(escrow) => answer(escrow),
        Err(rejection) => ApiError::Refused(rejection.clone()).rendered(request),
    };
    let answer = gateway.engine.submit(Request { reach, by, ask, idempotency, render: Arc::new(render) }).await?;
    answered(answer, || ApiError::Missing(Resource::PaymentIntent, intent.to_string()))
}

/// The response to what became of a request.
pub(super) fn answered(answer: Answer, missing: impl FnOnce() -> ApiError) -> Result<Response, ApiError> {
    match answer {
        Answer::Decided(rendered) => Ok(response(rendered)),
        Answer::Replayed(rendered) => {
            let mut response = response(rendered);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Answer::KeyReused => Err(ApiError::KeyReused),
        Answer::Forbidden => Err(ApiError::NotYours(Resource::PaymentIntent)),
        Answer::NotFound => Err(missing()),
    }
}

/// The answer that was decided now or before; its status was ours.
fn response(rendered: Rendered) -> Response {
    let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_response(status, rendered.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_a_path_are_one() {
        for (path, rest) in [
            ("/v1/payment-intents", "/payment-intents"),
            ("/api/v1/payment-intents", "/payment-intents"),
            ("/payment-intents", "/payment-intents"),
            ("/v1x/payment-intents", "/v1x/payment-intents"),
        ] {
            assert_eq!(unversioned(path), rest);
        }
    }
}
