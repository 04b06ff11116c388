//! The steps that money goes through, one below the other.

use maud::{Markup, html};

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Mark {
    /// Not reached.
    Ahead,
    /// Under way.
    Now,
    /// It waits for somebody.
    Waiting,
    /// Over, and well.
    Done,
    /// It is held up.
    Stopped,
    /// It will not happen.
    Gone,
}

impl Mark {
    const fn class(self) -> &'static str {
        match self {
            Mark::Ahead => "ahead",
            Mark::Now => "now",
            Mark::Waiting => "waiting",
            Mark::Done => "done",
            Mark::Stopped => "stopped",
            Mark::Gone => "gone",
        }
    }
}

/// A step.
pub(in crate::web) struct Step {
    /// How far it is.
    pub(in crate::web) mark: Mark,
    /// What it is called.
    pub(in crate::web) title: String,
    /// What stands at its right: the amount.
    pub(in crate::web) aside: Markup,
    /// How far it is, in words.
    pub(in crate::web) state: Markup,
    /// More about it.
    pub(in crate::web) more: Markup,
}

/// Steps in their order.
pub(in crate::web) fn track(steps: &[Step]) -> Markup {
    html! {
        ol.track {
            @for step in steps {
                li .(step.mark.class()) {
                    div.step {
                        span.title { (step.title) }
                        span.aside { (step.aside) }
                    }
                    div.state { (step.state) }
                    (step.more)
                }
            }
        }
    }
}
