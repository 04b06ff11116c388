//! Requests that were sent to a gateway and what it answered. A test sends them again and wants the same answers; with
//! `UPDATE_DOCS=1` it writes the file.

use serde::Deserialize;
use serde_json::{Map, Value};

const RECORDED: &str = include_str!("examples.json");

/// A request and its answer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Example {
    /// The path below the base path, with its query.
    pub(super) path: String,
    /// The body, `null` where there is none.
    pub(super) body: Value,
    /// What was answered.
    pub(super) answer: Value,
}

/// The example of an operation, where there is one.
pub(super) fn of(operation: &str) -> Option<Example> {
    let mut recorded: Map<String, Value> = serde_json::from_str(RECORDED).unwrap_or_default();
    serde_json::from_value(recorded.remove(operation)?).ok()
}
