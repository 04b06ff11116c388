//! What is noted of a request on its way, for the log: by the guard whose key it has, and by whoever reads its body.

use std::sync::{Arc, OnceLock};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use bytes::Bytes;
use escrow::{RequestId, Timestamp};
use http_body_util::BodyExt;
use store::ApiKey;

use super::fields::Style;
use super::mask::Form;
use super::{header_text, idempotency};
use crate::gateway::Gateway;
use crate::scribe::Entry;

/// The longest body that is kept, in bytes. Of a longer one the log says nothing.
const MAX_KEPT_BYTES: usize = 16 * 1024;

/// The notes of one request.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Noted>);

#[derive(Default)]
struct Noted {
    key: OnceLock<Arc<ApiKey>>,
    body: OnceLock<(Bytes, Form)>,
}

impl Notes {
    /// Notes whose key a request has.
    pub(super) fn note_key(&self, key: &Arc<ApiKey>) {
        // A request has one key.
        drop(self.0.key.set(key.clone()));
    }

    /// Notes a body that was read.
    pub(super) fn note_body(&self, raw: Bytes, style: Style) {
        let form = match style {
            Style::Strict => Form::Json,
            Style::Lenient => Form::UrlEncoded,
        };
        if raw.len() <= MAX_KEPT_BYTES {
            // A body is read once.
            drop(self.0.body.set((raw, form)));
        }
    }
}

/// A request as it came.
pub(super) struct Came {
    notes: Notes,
    id: RequestId,
    method: Method,
    uri: Uri,
    idempotency_key: Option<String>,
    created: Timestamp,
}

impl Came {
    /// Begins to note a request.
    pub(super) fn new(id: RequestId, parts: &mut Parts, created: Timestamp) -> Came {
        let notes = Notes::default();
        parts.extensions.insert(notes.clone());
        let idempotency_key = text(&parts.headers);
        Came { notes, id, method: parts.method.clone(), uri: parts.uri.clone(), idempotency_key, created }
    }

    /// Hands what was noted to the scribe, where the request had a key. Bodies of answers that only show are not kept.
    pub(super) async fn answered(self, gateway: &Gateway, response: Response, latency_ms: i64) -> Response {
        let Some(key) = self.notes.0.key.get().cloned() else { return response };
        let is_kept = self.method != Method::GET && self.method != Method::HEAD || !response.status().is_success();
        let (response, answered) =
            if is_kept && gateway.scribe.keeps_requests() { with_body(response).await } else { (response, None) };
        gateway.scribe.note(Entry {
            id: self.id,
            key,
            method: self.method.to_string(),
            path: self.uri.path().to_owned(),
            query: self.uri.query().map(str::to_owned),
            status: response.status().as_u16(),
            created: self.created,
            latency_ms,
            idempotency_key: self.idempotency_key,
            sent: self.notes.0.body.get().cloned(),
            answered,
        });
        response
    }
}

fn text(headers: &HeaderMap) -> Option<String> {
    let value = header_text(headers, &idempotency::HEADER)?;
    String::from_utf8(value.to_vec()).ok()
}

/// A response with its body, where that is whole already and not too long.
async fn with_body(response: Response) -> (Response, Option<Bytes>) {
    let (parts, body) = response.into_parts();
    let is_short = |bytes: u64| usize::try_from(bytes).is_ok_and(|bytes| bytes <= MAX_KEPT_BYTES);
    if !axum::body::HttpBody::size_hint(&body).exact().is_some_and(is_short) {
        return (Response::from_parts(parts, body), None);
    }
    // What is whole already does not fail.
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    (Response::from_parts(parts, Body::from(bytes.clone())), Some(bytes))
}
