//! The description as a page for people.

use serde_json::Value;

/// The page of a description.
pub(super) fn render(document: &Value) -> String {
    document.to_string()
}
