//! Metadata: an object of the client's own, kept and returned as it was sent.

use escrow::Metadata;
use escrow::limits::{MAX_METADATA_BYTES, MAX_METADATA_KEYS};
use serde_json::Value;

use super::body::Sent;
use super::fields::{Fields, Read, Style, is_printable};

/// The metadata of a body, with its fields, where it has any.
pub(super) fn read(sent: &Sent) -> Read<Option<(Metadata, Fields<'_>)>> {
    const NAME: &str = "metadata";
    let top = sent.fields();
    let Some(fields) = top.object(NAME, Style::Lenient)? else { return Ok(None) };
    if fields.members().len() > MAX_METADATA_KEYS {
        return Err(top.wrong(NAME, format!("must have at most {MAX_METADATA_KEYS} keys")));
    }
    for (key, value) in fields.members() {
        if !is_printable(key) {
            return Err(top.wrong(NAME, "must not have control characters in its keys"));
        }
        if !is_clean(value) {
            return Err(fields.wrong(key, "must not contain control characters other than newline and tab"));
        }
    }
    let json = compact(&sent.json_of(NAME).unwrap_or_default());
    if json.len() > MAX_METADATA_BYTES {
        return Err(top.wrong(NAME, format!("must be at most {MAX_METADATA_BYTES} bytes of JSON")));
    }
    Ok(Some((Metadata::from_json(json), fields)))
}

/// Whether no text inside has control characters. The depth was bounded when the body was read.
fn is_clean(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => is_printable(text),
        Value::Array(items) => items.iter().all(is_clean),
        Value::Object(members) => members.iter().all(|(key, value)| is_printable(key) && is_clean(value)),
    }
}

/// A valid JSON text without the blanks between its tokens. Numbers and escapes stay as they are, which reading and writing them
/// again would not keep.
fn compact(json: &str) -> String {
    let (mut in_text, mut is_escaped) = (false, false);
    let keep = |c: &char| {
        let is_blank = !in_text && matches!(c, ' ' | '\n' | '\r' | '\t');
        if is_escaped {
            is_escaped = false;
        } else if *c == '"' {
            in_text = !in_text;
        } else {
            is_escaped = in_text && *c == '\\';
        }
        !is_blank
    };
    json.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_between_tokens_go() {
        for (sent, kept) in [
            ("{ }", "{}"),
            ("{\n  \"a b\" : [ 1 , 2 ]\r\n}", "{\"a b\":[1,2]}"),
            (r#"{"a": " \" \\", "b": 1.0e2}"#, r#"{"a":" \" \\","b":1.0e2}"#),
            (r#"{"z": 12345678901234567890123, "a": "A"}"#, r#"{"z":12345678901234567890123,"a":"A"}"#),
        ] {
            assert_eq!(compact(sent), kept);
        }
    }
}
