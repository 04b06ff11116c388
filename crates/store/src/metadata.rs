//! What escrows are found by of their metadata.

use std::collections::BTreeMap;

use escrow::Metadata;
use serde_json::value::RawValue;

/// The longest name of a member that escrows are found by, in characters.
pub const MAX_FOUND_NAME_CHARS: usize = 40;

/// The longest value that escrows are found by, in characters. It bounds what a member adds to the store a second time.
pub const MAX_FOUND_VALUE_CHARS: usize = 500;

/// The members of the object that are texts, numbers or booleans and short enough, each with its value as it would stand in a
/// query: a text without its quotes, all else as it was sent. Of members with one name the last one counts.
pub(crate) fn found_by(metadata: &Metadata) -> BTreeMap<String, String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(metadata.json()).unwrap_or_default();
    let found = members.into_iter().filter_map(|(name, value)| Some((name, text(value.get())?)));
    found
        .filter(|(name, value)| is_short(name, MAX_FOUND_NAME_CHARS) && is_short(value, MAX_FOUND_VALUE_CHARS))
        .collect()
}

fn is_short(text: &str, most: usize) -> bool {
    text.chars().nth(most).is_none()
}

/// A JSON value as it would stand in a query; `None` where it would not.
fn text(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(json.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_escrows_are_found_by() {
        let (long_name, long_value) = ("n".repeat(MAX_FOUND_NAME_CHARS), "€".repeat(MAX_FOUND_VALUE_CHARS));
        for (json, expected) in [
            ("{}", vec![]),
            (r#"{"orderId":"7","a b":" é\n\u0041\""}"#, vec![("a b", " é\nA\""), ("orderId", "7")]),
            (
                r#"{"i":7,"f":1.0e2,"n":-0.50,"big":12345678901234567890123}"#,
                vec![("big", "12345678901234567890123"), ("f", "1.0e2"), ("i", "7"), ("n", "-0.50")],
            ),
            (r#"{"yes":true,"no":false,"nothing":null}"#, vec![("no", "false"), ("yes", "true")]),
            (r#"{"list":["7"],"object":{"a":"7"},"empty":""}"#, vec![("empty", "")]),
            (r#"{"a":"1","a":"2"}"#, vec![("a", "2")]),
            (r#"{"a":"1","a":[]}"#, vec![]),
            (r#"{"a[b]":"1","\u0061":"2"}"#, vec![("a", "2"), ("a[b]", "1")]),
            (&format!(r#"{{"{long_name}":1,"n{long_name}":2}}"#), vec![(&long_name, "1")]),
            (&format!(r#"{{"a":"{long_value}","b":"{long_value}€"}}"#), vec![("a", &long_value)]),
            ("no object", vec![]),
        ] {
            let found = found_by(&Metadata::from_json(json.to_owned()));
            let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{json}");
        }
    }
}
