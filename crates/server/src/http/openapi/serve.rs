//! `GET /openapi.json` and `GET /docs`: both are made once and served from memory.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::document::document;
use super::operation::Operation;
use super::page;
use crate::gateway::Gateway;
use crate::http::{api, header_text};

/// What is served.
struct Made {
    description: String,
    page: String,
    policy: String,
}

fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let document = as_served();
        Made { description: document.to_string(), page: page::render(&document), policy: page::policy() }
    })
}

/// The description, as it is served.
#[must_use]
pub fn as_served() -> Value {
    document(&api().described())
}

/// What there is to know about it.
pub(in crate::http) fn description_doc() -> Operation {
    Operation::new("getDescription", "Show this description").about("OpenAPI 3.1.").answers::<Value>()
}

/// The description.
pub(in crate::http) async fn description(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    cached(&gateway, &headers, "application/json", &made().description)
}

/// What there is to know about it.
pub(in crate::http) fn page_doc() -> Operation {
    Operation::new("getDocumentation", "Show this description to people").writes("text/html", "A page without scripts.")
}

/// The page.
pub(in crate::http) async fn page(State(gateway): State<Arc<Gateway>>, headers: HeaderMap) -> Response {
    let mut response = cached(&gateway, &headers, "text/html; charset=utf-8", &made().page);
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, made().policy.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.extend(HeaderValue::try_from(value).map(|value| (name, value)));
    }
    response
}

/// A text that changes with the gateway's version only, for clients that ask whether it has.
fn cached(gateway: &Gateway, asked: &HeaderMap, media_type: &'static str, text: &'static str) -> Response {
    let tag = format!("\"{}\"", gateway.keyring.fingerprint(&[text.as_bytes()]));
    let headers = [(ETAG, tag.clone()), (CACHE_CONTROL, "no-cache".to_owned())];
    if header_text(asked, &IF_NONE_MATCH).is_some_and(|known| has_tag(known, &tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(CONTENT_TYPE, media_type)], text).into_response()
}

/// Whether a client that names these tags has what this one stands for (RFC 9110, section 13.1.2): a weak tag is as good as a strong
/// one, and an asterisk stands for any.
fn has_tag(known: &[u8], tag: &str) -> bool {
    let mut tags = known.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    known == b"*" || tags.any(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_tags_are_the_same() {
        for (known, is_it) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", W/\"a\" ,\"c\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
            ("\"a", false),
            ("", false),
        ] {
            assert_eq!(has_tag(known.as_bytes(), "\"a\""), is_it, "{known}");
        }
    }
}
