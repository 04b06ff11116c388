//! Reading the body of a request: bounded, as JSON or as a form, always an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::auth;
use super::error::ApiError;
use super::fields::{Fields, Style};
use super::idempotency;
use super::notes::Notes;
use super::{form, header_text, within};
use crate::gateway::Gateway;

/// What was sent with a command.
pub(super) struct Sent {
    members: Map<String, Value>,
    style: Style,
    raw: Bytes,
    /// The idempotency key, where the method has them and one was sent.
    pub(super) idempotency: Option<idempotency::Key>,
}

impl std::fmt::Debug for Sent {
    /// Nothing of it: it may hold the number of a card.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sent")
    }
}

impl Sent {
    /// What these bytes say, read as JSON or as a form.
    pub(super) fn parse(raw: Bytes, style: Style, idempotency: Option<idempotency::Key>) -> Result<Sent, ApiError> {
        let members = match style {
            Style::Strict => json_object(&raw)?,
            Style::Lenient => form::object(&raw)?,
        };
        Ok(Sent { members, style, raw, idempotency })
    }

    /// The fields of the body.
    pub(super) const fn fields(&self) -> Fields<'_> {
        Fields::top(&self.members, self.style)
    }

    /// The JSON text of a member exactly as it was sent; of a form, which has none, the JSON that it spells.
    pub(super) fn json_of(&self, name: &str) -> Option<String> {
        match self.style {
            Style::Strict => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_slice(&self.raw).ok()?;
                members.get(name).map(|value| value.get().to_owned())
            }
            Style::Lenient => self.members.get(name).map(Value::to_string),
        }
    }
}

impl FromRequest<Arc<Gateway>> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, gateway: &Arc<Gateway>) -> Result<Sent, ApiError> {
        let (parts, body) = request.into_parts();
        let key = idempotency::key(&parts)?;
        let settings = &gateway.settings;
        refuse_codings(&parts.headers)?;
        let arriving = read(&parts.headers, body, settings.max_body_bytes);
        let arrived = within(gateway.engine.host().as_ref(), settings.body_timeout, arriving).await;
        let raw = arrived.unwrap_or(Err(ApiError::TooSlow(settings.body_timeout)))?;
        auth::still_admitted(gateway, &parts).await?;
        let idempotency = key.map(|key| idempotency::stamped(gateway, key, &parts, &raw));
        let style = style(&parts.headers, &raw)?;
        if let Some(notes) = parts.extensions.get::<Notes>() {
            notes.note_body(raw.clone(), style);
        }
        Sent::parse(raw, style, idempotency)
    }
}

/// Refuses a body that is not sent as it is: nothing is unpacked here, so that no small body becomes a large one.
fn refuse_codings(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.as_bytes().trim_ascii());
    if codings.all(|coding| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity")) {
        Ok(())
    } else {
        Err(ApiError::Body("The request body must be sent without a Content-Encoding".to_owned()))
    }
}

/// The bytes of a body. One that announces too many is refused unread.
async fn read(headers: &HeaderMap, body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| usize::try_from(bytes).map_or(true, |bytes| bytes > max_bytes)) {
        return Err(ApiError::TooLarge(max_bytes));
    }
    match Limited::new(body, max_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge(max_bytes)),
        Err(_) => Err(ApiError::Body("The request body ended before it was complete".to_owned())),
    }
}

/// How to read a body: by its content type, and as JSON where there is none or nothing to read.
fn style(headers: &HeaderMap, raw: &[u8]) -> Result<Style, ApiError> {
    let Some(content_type) = header_text(headers, &CONTENT_TYPE).filter(|_| !raw.is_empty()) else {
        return Ok(Style::Strict);
    };
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        Ok(Style::Strict)
    } else if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        Ok(Style::Lenient)
    } else {
        Err(ApiError::Body("Content-Type must be application/json or application/x-www-form-urlencoded".to_owned()))
    }
}

/// The value that a JSON text spells; `None` where it spells none.
pub(super) fn plain(raw: &[u8]) -> Option<Value> {
    serde_json::from_slice(raw).ok().map(|Plain(value)| value)
}

/// The object that a JSON text spells; the last of several members of one name wins.
fn json_object(raw: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if raw.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    let text = std::str::from_utf8(raw).map_err(|error| {
        ApiError::Body(format!("The request body is not valid UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    match serde_json::from_str(text) {
        Ok(Plain(Value::Object(members))) => Ok(members),
        Ok(Plain(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_))) => {
            Err(ApiError::Body("The request body must be a JSON object".to_owned()))
        }
        // The error says what is wrong, at which line and column, and repeats nothing of the body.
        Err(error) => Err(ApiError::Body(format!("The request body is not valid JSON: {error}"))),
    }
}

/// A JSON value that is no more than it spells. `serde_json`'s own reading of a [`Value`] gives a meaning to one name of a member,
/// that of its raw values, and reads the text behind it as JSON again, as deep as anybody likes; here every name is a name, and
/// the reader's bound on depth holds for the whole text.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Plain, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
        Ok(Plain(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
        Ok(Plain(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Plain, E> {
        Ok(Plain(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
        let mut read = Vec::new();
        while let Some(Plain(item)) = items.next_element()? {
            read.push(item);
        }
        Ok(Plain(Value::Array(read)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Plain, A::Error> {
        let mut read = Map::new();
        while let Some((name, Plain(value))) = members.next_entry::<String, Plain>()? {
            read.insert(name, value);
        }
        Ok(Plain(Value::Object(read)))
    }
}
