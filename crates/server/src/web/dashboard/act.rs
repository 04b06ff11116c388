//! Something that can be done. Opening it says what comes of it, and only then can it be done.

use maud::{Markup, html};

use super::desk::Desk;
use super::field::{Attempt, Field, OF, fields};

/// Something that can be done.
pub(super) struct Action {
    /// What names it among those of its page.
    pub(super) id: String,
    /// What opens it.
    pub(super) name: String,
    /// What comes of it.
    pub(super) explained: Markup,
    /// Where it is posted.
    pub(super) to: String,
    /// What is to be filled in.
    pub(super) fields: Vec<Field>,
    /// What the form says besides.
    pub(super) hidden: Vec<(&'static str, String)>,
    /// What does it.
    pub(super) button: String,
    /// Whether it takes something away.
    pub(super) is_grave: bool,
}

impl Action {
    pub(super) fn new(id: impl Into<String>, name: impl Into<String>, to: impl Into<String>) -> Action {
        let (id, name) = (id.into(), name.into());
        let (explained, fields, hidden, button) = (Markup::default(), Vec::new(), Vec::new(), name.clone());
        Action { id, name, explained, to: to.into(), fields, hidden, button, is_grave: false }
    }

    pub(super) fn explained(self, explained: Markup) -> Action {
        Action { explained, ..self }
    }

    pub(super) fn fields(self, fields: impl IntoIterator<Item = Field>) -> Action {
        Action { fields: fields.into_iter().collect(), ..self }
    }

    pub(super) fn hidden(mut self, name: &'static str, value: impl Into<String>) -> Action {
        self.hidden.push((name, value.into()));
        self
    }

    pub(super) fn button(self, button: impl Into<String>) -> Action {
        Action { button: button.into(), ..self }
    }

    pub(super) fn grave(self) -> Action {
        Action { is_grave: true, ..self }
    }

    /// The action, open where it was refused.
    pub(super) fn draw(&self, desk: &Desk, attempt: Option<&Attempt>) -> Markup {
        let attempt = Attempt::at(attempt, &self.id);
        html! {
            details.action open[attempt.is_some()] {
                summary #(self.id) { (self.name) }
                div.inside {
                    p { (self.explained) }
                    form method="post" action=(self.to) {
                        (desk.seal())
                        input type="hidden" name=(OF) value=(self.id);
                        @for (name, value) in &self.hidden { input type="hidden" name=(name) value=(value); }
                        (fields(&self.id, &self.fields, attempt))
                        button.button .grave[self.is_grave] type="submit" { (self.button) }
                    }
                }
            }
        }
    }
}

/// What can be done, if there is anything.
pub(super) fn actions(desk: &Desk, actions: &[Action], attempt: Option<&Attempt>) -> Markup {
    html! {
        @if !actions.is_empty() {
            div.actions { @for action in actions { (action.draw(desk, attempt)) } }
        }
    }
}
