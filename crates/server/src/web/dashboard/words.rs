//! What the API's names are called, and what they mean to whoever reads them.

use maud::Markup;

use crate::web::parts::{Tone, badge};

/// A name of the API's in words: `REQUIRES_ACTION` is `Requires action`.
pub(super) fn words(name: &str) -> String {
    let text = name.replace(['_', '-'], " ").to_lowercase();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => text,
    }
}

/// A state of any object, as a word in its colour.
pub(super) fn state(name: &str) -> Markup {
    badge(tone(name), &words(name))
}

fn tone(name: &str) -> Tone {
    match name {
        "PROCESSING" | "SCHEDULED" | "EXECUTED" | "IN_PROGRESS" | "SHIPPED" | "pending" | "leased" => Tone::Busy,
        "SUCCEEDED" | "SETTLED" | "FINAL" | "CONFIRMED" | "RELEASED" | "COMPLETED" | "DELIVERED" | "succeeded"
        | "enabled" | "active" => Tone::Good,
        "REQUIRES_ACTION" | "REQUIRES_SIGNATURE" | "DISPUTED" | "RAISED" | "RETURNED" | "disabled" | "expiring" => {
            Tone::Warn
        }
        "FAILED" | "failed" | "revoked" | "expired" => Tone::Bad,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        for (name, expected) in
            [("REQUIRES_ACTION", "Requires action"), ("SETTLED", "Settled"), ("enabled", "Enabled"), ("", "")]
        {
            assert_eq!(words(name), expected);
        }
    }
}
