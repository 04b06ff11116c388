//! A word in a colour. The colour says nothing that the word does not.

use maud::{Markup, html};

/// What a state means to whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Tone {
    /// Nothing is to be done or feared.
    Plain,
    /// Something is under way.
    Busy,
    /// It went well.
    Good,
    /// Somebody has to do something.
    Warn,
    /// It went wrong.
    Bad,
}

impl Tone {
    /// The class that colours it.
    pub(in crate::web) const fn class(self) -> &'static str {
        match self {
            Tone::Plain => "plain",
            Tone::Busy => "busy",
            Tone::Good => "good",
            Tone::Warn => "warn",
            Tone::Bad => "bad",
        }
    }
}

/// A word about a state.
pub(in crate::web) fn badge(tone: Tone, word: &str) -> Markup {
    html! { span .badge .(tone.class()) { (word) } }
}
