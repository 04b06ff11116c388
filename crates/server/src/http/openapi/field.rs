//! What can be said about a field or a parameter: one function for each way in which [`crate::http::fields::Fields`] reads one, so
//! that both are changed together. A test sends every documented field wrongly and wants to hear of exactly that field.

use std::ops::RangeInclusive;

use escrow::EventId;
use escrow::limits::{MAX_LABEL_CHARS, MAX_METADATA_KEYS};
use serde_json::{Value, json};

use super::operation::object_schema;
use crate::http::fields::Limit;
use crate::http::list::{DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET};
use crate::wire::schema::{Named, Prefixed, id_pattern};

/// What the schema of an empty parameter is called; people need not hear of it.
pub(super) const EMPTY: &str = "empty";

/// A field of a body, or a parameter of a query.
pub(in crate::http) struct Field {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) is_required: bool,
    schema: Value,
}

/// How many members there may be, and how long their names and values.
pub(in crate::http) struct Members {
    pub(in crate::http) members: usize,
    pub(in crate::http) name_chars: usize,
    pub(in crate::http) value_chars: usize,
}

/// What may stand in a field.
pub(in crate::http) struct Kind(Value);

impl Field {
    /// A field that must be there.
    pub(in crate::http) fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
        Field { name, about, is_required: true, schema: kind.0 }
    }

    /// A field that may be left out, or be `null`, which is the same.
    pub(in crate::http) fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
        Field { name, about, is_required: false, schema: or_null(kind.0) }
    }

    /// A parameter of a query, which may be left out, or be empty, which is the same.
    pub(in crate::http) fn param(name: &'static str, kind: Kind, about: &'static str) -> Field {
        let empty = json!({ "title": EMPTY, "type": "string", "maxLength": 0 });
        Field { name, about, is_required: false, schema: json!({ "anyOf": [kind.0, empty] }) }
    }

    /// Several parameters of a query, `name[member]=value`, each of which may be left out.
    pub(in crate::http) fn members(name: &'static str, most: &Members, about: &'static str) -> Field {
        // In a query all of these are texts.
        let value = json!({ "type": ["string", "number", "boolean", "null"], "maxLength": most.value_chars });
        let schema = json!({
            "type": "object",
            "maxProperties": most.members,
            "propertyNames": { "pattern": r"^[^\[\]]+$", "maxLength": most.name_chars },
            "additionalProperties": value,
        });
        Field { name, about, is_required: false, schema }
    }

    /// The same, with what counts where it is not sent.
    pub(in crate::http) fn or(mut self, default: impl Into<Value>) -> Field {
        self.schema["default"] = default.into();
        self
    }

    /// Its schema without what it is for.
    pub(super) fn schema(&self) -> Value {
        self.schema.clone()
    }

    /// Its schema with what it is for.
    pub(super) fn described(&self) -> Value {
        let mut schema = json!({ "description": self.about });
        if let (Value::Object(to), Value::Object(from)) = (&mut schema, self.schema()) {
            to.extend(from);
        }
        schema
    }
}

fn or_null(mut schema: Value) -> Value {
    if let Some(name) = schema["type"].as_str().map(str::to_owned) {
        schema["type"] = json!([name, "null"]);
        if let Some(names) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            names.push(Value::Null);
        }
    } else if let Some(ways) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        ways.push(json!({ "type": "null" }));
    }
    schema
}

/// What no text may contain but newline and tab (C0, DEL, C1).
const CONTROL: &str = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f";

/// A text, which may be empty.
pub(in crate::http) fn text(limit: Limit) -> Kind {
    Kind(bounded(limit, format!("^[^{CONTROL}]*$")))
}

/// A text that has more than blanks in it.
pub(in crate::http) fn full_text(limit: Limit) -> Kind {
    Kind(bounded(limit, format!(r"^[^{CONTROL}]*[^{CONTROL}\s][^{CONTROL}]*$")))
}

/// A text on one line, without blanks around it.
pub(in crate::http) fn line(limit: Limit) -> Kind {
    // As `engine::is_one_line` has it.
    const NEVER: &str = r"\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069";
    let [inner, outer] = [format!("[^{NEVER}]"), format!(r"[^{NEVER}\s]")];
    Kind(bounded(limit, format!("^{outer}({inner}*{outer})?$")))
}

/// The name of somebody.
pub(in crate::http) fn label() -> Kind {
    full_text(Limit::Chars(MAX_LABEL_CHARS))
}

/// A text of a form. JSON Schema counts characters; where bytes are counted, the number of them is a bound as well.
fn bounded(limit: Limit, pattern: String) -> Value {
    match limit {
        Limit::Chars(most) => json!({ "type": "string", "maxLength": most, "pattern": pattern }),
        Limit::Bytes(most) => json!({ "type": "string", "maxLength": most, "pattern": pattern, "x-max-bytes": most }),
    }
}

/// An amount of money.
pub(in crate::http) fn amount() -> Kind {
    let title = "a decimal text, such as 300.00";
    Kind(json!({ "title": title, "type": "string", "pattern": r"^\d+(\.\d{1,6})?$", "maxLength": 64 }))
}

/// A whole number.
pub(in crate::http) fn integer(range: &RangeInclusive<i64>) -> Kind {
    Kind(json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }))
}

/// A percentage.
pub(in crate::http) fn percentage() -> Kind {
    Kind(json!({ "type": "number", "minimum": 0, "maximum": 100 }))
}

/// Yes or no.
pub(in crate::http) fn flag() -> Kind {
    Kind(json!({ "type": "boolean" }))
}

/// Yes or no, which may be text.
pub(in crate::http) fn lenient_flag() -> Kind {
    Kind(json!({ "anyOf": [{ "type": "boolean" }, { "type": "string", "enum": ["true", "false"] }] }))
}

/// How lengths of time are written.
const SPANS: &str = "a text such as 90s, 15m, 24h or 30d";

/// A length of time.
pub(in crate::http) fn span(seconds: &RangeInclusive<i64>) -> Kind {
    let number = integer(seconds).0;
    Kind(json!({ "anyOf": [number, { "title": SPANS, "type": "string", "pattern": r"^[0-9]+[smhd]?$" }] }))
}

/// A point in time, or a number of seconds, which may be text.
pub(in crate::http) fn seconds(range: &RangeInclusive<i64>) -> Kind {
    let number = integer(range).0;
    Kind(json!({ "anyOf": [number, { "title": "the same as a text", "type": "string", "pattern": "^[0-9]+$" }] }))
}

/// So many bytes in hexadecimal.
pub(in crate::http) fn hex(bytes: usize) -> Kind {
    let digits = 2 * bytes;
    let title = format!("0x and {digits} hexadecimal digits");
    Kind(json!({ "title": title, "type": "string", "pattern": format!("^0x[0-9a-fA-F]{{{digits}}}$") }))
}

/// 32 bytes in hexadecimal.
pub(in crate::http) fn bytes32() -> Kind {
    hex(32)
}

/// An address on an EVM chain.
pub(in crate::http) fn address() -> Kind {
    hex(20)
}

/// An address of the web.
pub(in crate::http) fn web_url(limit: Limit) -> Kind {
    Kind(bounded(limit, r"^[hH][tT][tT][pP][sS]?://[0-9A-Za-z.\[\]-][^\s\u0000-\u0020\u007f-\u00a0]*$".to_owned()))
}

/// One of a closed set of names.
pub(in crate::http) fn one_of<T: Named>() -> Kind {
    choice(&T::names())
}

/// One of these names.
pub(in crate::http) fn choice(names: &[&str]) -> Kind {
    Kind(json!({ "type": "string", "enum": names }))
}

/// An id.
pub(in crate::http) fn id<T: Prefixed>() -> Kind {
    let title = format!("an id that begins with {}", T::PREFIX);
    Kind(json!({ "title": title, "type": "string", "pattern": id_pattern(T::PREFIX) }))
}

/// The place of an event in its stream, or its id.
pub(in crate::http) fn place() -> Kind {
    let id = id_pattern(EventId::PREFIX);
    Kind(json!({ "title": "the place or the id of an event", "type": "string", "pattern": format!(r"^\d+$|{id}") }))
}

/// A list of texts, each one of these, of which there is one at least.
pub(in crate::http) fn choices(most: usize, names: &[String]) -> Kind {
    let items = json!({ "type": "string", "enum": names });
    Kind(json!({ "type": "array", "minItems": 1, "maxItems": most, "items": items }))
}

/// A list of texts, each one of these, or of this one alone, which stands for all.
pub(in crate::http) fn choices_or(all: &str, most: usize, names: &[String]) -> Kind {
    let some =
        json!({ "type": "array", "minItems": 1, "maxItems": most, "items": { "type": "string", "enum": names } });
    let all = json!({ "type": "array", "minItems": 1, "maxItems": 1, "items": { "const": all } });
    Kind(json!({ "anyOf": [some, all] }))
}

/// An object of these fields.
pub(in crate::http) fn object(fields: &[Field]) -> Kind {
    Kind(object_schema(fields))
}

/// A list of objects of these fields.
pub(in crate::http) fn objects(most: usize, fields: &[Field]) -> Kind {
    Kind(json!({ "type": "array", "maxItems": most, "items": object_schema(fields) }))
}

/// An object of the client's own, in which these fields mean something.
pub(in crate::http) fn metadata(fields: &[Field]) -> Kind {
    let mut schema = object_schema(fields);
    schema["maxProperties"] = json!(MAX_METADATA_KEYS);
    schema["additionalProperties"] = json!(true);
    Kind(schema)
}

/// The parameters of a list without cursors.
pub(in crate::http) fn window() -> Vec<Field> {
    vec![
        Field::param("limit", integer(&(1..=MAX_LIMIT)), "How many items a page has at most.").or(DEFAULT_LIMIT),
        Field::param("offset", integer(&(0..=MAX_OFFSET)), "How many items are skipped."),
    ]
}

/// The parameters of every list; `T` is what its cursors are the ids of.
pub(in crate::http) fn paging<T: Prefixed>() -> Vec<Field> {
    vec![
        Field::param("limit", integer(&(1..=MAX_LIMIT)), "How many items a page has at most.").or(DEFAULT_LIMIT),
        Field::param("starting_after", id::<T>(), "The id of the item that the page begins after."),
        Field::param("ending_before", id::<T>(), "The id of the item that the page ends before."),
        Field::param(
            "offset",
            integer(&(0..=MAX_OFFSET)),
            "How many items are skipped. At most one of `starting_after`, `ending_before` and `offset` can be given.",
        ),
    ]
}
