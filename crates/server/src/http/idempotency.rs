//! Sending a command to the engine, at most once per idempotency key.

use std::sync::Arc;

use axum::http::header::HeaderName;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use engine::{Answer, Ask, Idempotency, Rendered, Request};
use escrow::{Escrow, Rejection};

use super::BASE_PATHS;
use super::access::json_response;
use super::auth::Caller;
use super::error::{ApiError, Resource};
use crate::gateway::Gateway;

/// The header of a request that carries its idempotency key.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The header of a response that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The longest idempotency key, in characters.
const MAX_KEY_CHARS: usize = 255;

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

/// A key with what tells this request from others under it. The path counts without its version, so that both versions are one.
pub(super) fn stamped(gateway: &Gateway, key: String, parts: &Parts, raw: &[u8]) -> Idempotency {
    let path = unversioned(parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let fingerprint =
        gateway.keyring.fingerprint(&[parts.method.as_str().as_bytes(), path.as_bytes(), query.as_bytes(), raw]);
    Idempotency { key, fingerprint }
}

/// A path without its version. Routes below a base path see theirs so already.
pub(super) fn unversioned(path: &str) -> &str {
    let rest = BASE_PATHS.into_iter().find_map(|base| path.strip_prefix(base)).unwrap_or(path);
    if rest.starts_with('/') { rest } else { path }
}

/// A command on its way.
pub(super) struct Command {
    /// What is asked.
    pub(super) ask: Ask,
    /// The idempotency key, where one was sent.
    pub(super) idempotency: Option<Idempotency>,
    /// The status of the answer when it is done.
    pub(super) success: StatusCode,
}

/// Has a command decided. `show` writes the answer from the state after it; `None` there is a defect.
pub(super) async fn submit(
    gateway: &Gateway,
    caller: &Caller,
    command: Command,
    show: impl Fn(&Escrow) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    let Command { ask, idempotency, success } = command;
    let intent = match &ask {
        Ask::Open(new) => new.id,
        Ask::Decide(intent, _) => *intent,
    };
    let request = caller.request;
    let render = move |decided: Result<&Escrow, &Rejection>| match decided {
        Ok(escrow) => match show(escrow) {
            Some(body) => Rendered { status: success.as_u16(), body },
            None => {
                tracing::error!(intent = %escrow.id, request_id = %request, "what was asked for is not in the state after it");
                ApiError::Internal.rendered(request)
            }
        },
        Err(rejection) => ApiError::Refused(rejection.clone()).rendered(request),
    };
    let asked = Request { owner: caller.owner, ask, idempotency, render: Arc::new(render) };
    match gateway.engine.submit(asked).await? {
        Answer::Decided(rendered) => Ok(response(rendered)),
        Answer::Replayed(rendered) => {
            let mut response = response(rendered);
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Answer::KeyReused => Err(ApiError::KeyReused),
        Answer::Forbidden => Err(ApiError::NotYours(Resource::PaymentIntent)),
        Answer::NotFound => Err(ApiError::Missing(Resource::PaymentIntent, intent.to_string())),
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
