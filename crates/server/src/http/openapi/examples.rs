//! Requests that were sent to a gateway and what it answered. A test sends them again and wants the same answers; with
//! `UPDATE_DOCS=1` it writes the file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

const RECORDED: &str = include_str!("examples.json");

/// A request and its answer.
#[derive(Debug, Deserialize)]
pub(super) struct Example {
    /// The path below the base path, with its query.
    pub(super) path: String,
    /// The body, `null` where there is none.
    pub(super) body: Value,
    /// What was answered.
    pub(super) answer: Value,
}

/// The examples, by the name of the operation.
pub(super) fn recorded() -> BTreeMap<String, Example> {
    serde_json::from_str(RECORDED).unwrap_or_else(|error| {
        tracing::error!(%error, "the examples of the description are not readable");
        BTreeMap::new()
    })
}
