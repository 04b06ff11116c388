//! What an endpoint's file says about its route. Where the route is, who may call it and what follows from both, the route table
//! knows: none of it is said here.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::field::Field;
use crate::http::error::Code;
use crate::wire::schema::Single;
use crate::wire::{Envelope, List};

/// What a route does, takes and answers.
pub(in crate::http) struct Operation {
    /// What generated clients call it. A second route with the same one is an alias.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) takes: Takes,
    pub(super) query: Vec<Field>,
    pub(super) answer: Answer,
    /// What it can be refused with, besides what every route of its kind can.
    pub(super) refusals: Vec<Code>,
    pub(super) is_payers: bool,
    pub(super) example: Value,
}

/// What is read of a request's body.
pub(super) enum Takes {
    /// Nothing; it is not looked at.
    Nothing,
    /// An object of these fields. Without any, what is sent is read and ignored.
    Object(Vec<Field>),
}

/// A schema, made when the whole description is.
pub(super) type MakeSchema = fn(&mut SchemaGenerator) -> Schema;

/// What is answered when it is done.
pub(super) enum Answer {
    /// A JSON text, with this status.
    Json(u16, MakeSchema),
    /// A text of this media type.
    Text(&'static str, &'static str),
}

/// A function that says what there is to say about a route; handlers have theirs beside them.
pub(in crate::http) type Describe = fn() -> Operation;

impl Operation {
    /// A route that is called so and does this, in a few words.
    pub(in crate::http) fn new(id: &'static str, summary: &'static str) -> Operation {
        Operation {
            id,
            summary,
            about: "",
            takes: Takes::Nothing,
            query: Vec::new(),
            answer: Answer::Json(200, |generator| generator.subschema_for::<Value>()),
            refusals: Vec::new(),
            is_payers: false,
            example: Value::Null,
        }
    }

    /// What else there is to know.
    pub(in crate::http) fn about(self, about: &'static str) -> Operation {
        Operation { about, ..self }
    }

    /// The fields of its body; none, where it takes one and looks for nothing in it.
    pub(in crate::http) fn body(self, fields: Vec<Field>) -> Operation {
        Operation { takes: Takes::Object(fields), ..self }
    }

    /// The parameters of its query.
    pub(in crate::http) fn query(self, query: Vec<Field>) -> Operation {
        Operation { query, ..self }
    }

    /// More parameters of its query.
    pub(in crate::http) fn query_also(mut self, query: Vec<Field>) -> Operation {
        self.query.extend(query);
        self
    }

    /// Whoever calls it proves to be the payer, by a token or by a signature in the body.
    pub(in crate::http) fn by_payer(self) -> Operation {
        Operation { is_payers: true, ..self }
    }

    /// What it can be refused with, besides what every route of its kind can.
    pub(in crate::http) fn refuses(self, refusals: &[Code]) -> Operation {
        Operation { refusals: refusals.to_vec(), ..self }
    }

    /// The body of an example request. What stands in braces is an id, or what the tests sign.
    pub(in crate::http) fn example(self, example: Value) -> Operation {
        Operation { example, ..self }
    }

    /// It answers with this.
    pub(in crate::http) fn answers<T: JsonSchema>(self) -> Operation {
        Operation { answer: Answer::Json(200, |generator| generator.subschema_for::<T>()), ..self }
    }

    /// It answers with a single object.
    pub(in crate::http) fn shows<T: JsonSchema + Single>(self) -> Operation {
        self.answers::<Envelope<'static, T>>()
    }

    /// It answers with a single object that it made.
    pub(in crate::http) fn makes<T: JsonSchema + Single>(self) -> Operation {
        let make: MakeSchema = |generator| generator.subschema_for::<Envelope<'static, T>>();
        Operation { answer: Answer::Json(201, make), ..self }
    }

    /// It answers with a page of a list.
    pub(in crate::http) fn lists<T: JsonSchema>(self) -> Operation {
        self.answers::<List<T>>()
    }

    /// It answers with a text.
    pub(in crate::http) fn writes(self, media_type: &'static str, about: &'static str) -> Operation {
        Operation { answer: Answer::Text(media_type, about), ..self }
    }
}

impl Takes {
    /// The schema of the body, where one is taken.
    pub(super) fn schema(&self) -> Option<Value> {
        match self {
            Takes::Nothing => None,
            Takes::Object(fields) => Some(object_schema(fields)),
        }
    }

    /// Whether a request without a body is always refused.
    pub(super) fn is_required(&self) -> bool {
        match self {
            Takes::Nothing => false,
            Takes::Object(fields) => fields.iter().any(|field| field.is_required),
        }
    }
}

/// The schema of an object with these fields; others are ignored.
pub(super) fn object_schema(fields: &[Field]) -> Value {
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), field.described())).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.is_required).map(|field| field.name).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}
