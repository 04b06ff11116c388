//! Form-urlencoded text (URL Standard, "application/x-www-form-urlencoded"), with brackets for what lies deeper:
//! `metadata[orderId]=7&milestones[0][amount]=5.00`.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::processor::NUMBER_DIGITS;

/// How deep brackets may nest.
pub(super) const MAX_DEPTH: usize = 16;

/// The names and values of a form or a query, in their order.
///
/// # Errors
/// When a name or a value is not UTF-8.
pub(super) fn pairs(text: &[u8]) -> Result<Vec<(String, String)>, ApiError> {
    let parts = text.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let equals = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
            let (name, value) = part.split_at(equals);
            Ok((decoded(name)?, decoded(value.strip_prefix(b"=").unwrap_or_default())?))
        })
        .collect()
}

fn decoded(text: &[u8]) -> Result<String, ApiError> {
    let spaced: Cow<'_, [u8]> = if text.contains(&b'+') {
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
    } else {
        text.into()
    };
    String::from_utf8(percent_decode(&spaced).collect())
        .map_err(|_| ApiError::Body("Form and query text must be valid UTF-8 after decoding".to_owned()))
}

/// The object that a form spells. Every leaf is a text; the last of several values of one name wins.
///
/// # Errors
/// When the text is not UTF-8, or a name's brackets do not match, are empty, or nest too deep.
pub(super) fn object(text: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let mut root = Map::new();
    for (name, value) in pairs(text)? {
        let segments = segments(&name).ok_or_else(|| {
            let rule = format!("A form field is named like a, a[b] or a[0][b], with at most {MAX_DEPTH} levels");
            if may_be_repeated(&name) { ApiError::field(&name, rule) } else { ApiError::Body(rule) }
        })?;
        insert(&mut root, &segments, value);
    }
    Ok(root)
}

/// `a[b][c]` as `a`, `b`, `c`.
fn segments(name: &str) -> Option<Vec<&str>> {
    let (first, rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    let mut segments = vec![first];
    let mut rest = rest;
    while !rest.is_empty() {
        let (segment, after) = rest.strip_prefix('[')?.split_once(']')?;
        segments.push(segment);
        rest = after;
    }
    let is_plain = segments.iter().all(|segment| !segment.is_empty() && !segment.contains(['[', ']']));
    (is_plain && segments.len() <= MAX_DEPTH).then_some(segments)
}

/// Whether an error may repeat what should be the name of a field. It can be a whole JSON text that came under the content type of
/// forms, with everything that nobody should read twice.
fn may_be_repeated(name: &str) -> bool {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"[]_-".contains(&byte));
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    is_plain && digits < *NUMBER_DIGITS.start()
}

fn insert(object: &mut Map<String, Value>, segments: &[&str], value: String) {
    match segments {
        [] => {}
        [last] => {
            object.insert((*last).to_owned(), Value::String(value));
        }
        [first, deeper @ ..] => {
            let slot = object.entry(*first).or_insert_with(|| Value::Object(Map::new()));
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            if let Value::Object(inner) = slot {
                insert(inner, deeper, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_forms_spell() {
        for (text, spelt) in [
            ("", json!({})),
            ("&&a=1&", json!({"a": "1"})),
            ("a", json!({"a": ""})),
            ("a=b=c", json!({"a": "b=c"})),
            ("a=1+2%203", json!({"a": "1 2 3"})),
            ("a=1&a=2", json!({"a": "2"})),
            ("a[b]=1&a[c]=2", json!({"a": {"b": "1", "c": "2"}})),
            ("a%5Bb%5D=%E2%82%AC", json!({"a": {"b": "€"}})),
            ("m[0][x]=1&m[1][x]=2", json!({"m": {"0": {"x": "1"}, "1": {"x": "2"}}})),
            ("a=1&a[b]=2", json!({"a": {"b": "2"}})),
            ("a[b]=2&a=1", json!({"a": "1"})),
        ] {
            assert_eq!(object(text.as_bytes()).map(Value::Object).expect(text), spelt, "{text}");
        }
    }

    #[test]
    fn what_is_no_form() {
        let deep = format!("a{}=1", "[b]".repeat(MAX_DEPTH));
        for text in ["a[=1", "a]=1", "a[b=1", "a[b]c=1", "[a]=1", "a[]=1", "a[b][]=1", "=1", "a=%FF", "%FF=a", &deep] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn names_that_are_none_are_repeated_only_where_they_look_like_names() {
        for (name, is_repeated) in [
            ("amount[]", true),
            ("metadata[order_id][7", true),
            ("4242424242424242[", false),
            (r#"{"card":{"cvv":"737"},"items":[1]}"#, false),
        ] {
            let error = object(format!("{name}=1").as_bytes()).expect_err(name);
            assert_eq!(matches!(error, ApiError::Field { .. }), is_repeated, "{name}");
            assert_eq!(format!("{error:?}").contains(name), is_repeated, "{name}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text: Vec<u8>) {
            let _ = object(&text);
        }
    }
}
