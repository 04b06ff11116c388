//! Fields of forms. What was refused is said by the field that it is about, and nothing that was typed is lost.

use maud::{Markup, html};

use crate::web::api::Refusal;
use crate::web::form::Form;

/// The field of a form that names it among those of its page.
pub(super) const OF: &str = "of";

/// What was asked for and refused.
pub(super) struct Attempt {
    /// The form that asked.
    pub(super) of: String,
    /// What was filled in.
    pub(super) form: Form,
    /// What came of it; nothing, where the form is only shown again.
    pub(super) refusal: Option<Refusal>,
}

impl Attempt {
    pub(super) fn new(form: Form, refusal: Refusal) -> Attempt {
        Attempt { of: form.text(OF).unwrap_or_default().to_owned(), form, refusal: Some(refusal) }
    }

    /// The attempt, where it was this form's.
    pub(super) fn at<'a>(attempt: Option<&'a Attempt>, of: &str) -> Option<&'a Attempt> {
        attempt.filter(|attempt| attempt.of == of)
    }

    fn about(&self, param: &str) -> Option<&Refusal> {
        self.refusal.as_ref().filter(|refusal| refusal.param.as_deref() == Some(param))
    }
}

/// What a field takes.
pub(super) enum Kind {
    /// One line, with the keys that a phone shows for it, and what it looks like when it is filled in.
    Line(&'static str, &'static str),
    /// Several lines.
    Text,
    /// One of these values, which are called so.
    Choice(Vec<(String, String)>),
    /// Yes or no; whether it is yes at first.
    Check(bool),
}

/// A field of a form.
pub(super) struct Field {
    /// Its name in the form.
    name: String,
    /// What the API calls it.
    param: String,
    label: String,
    hint: Option<&'static str>,
    kind: Kind,
    is_required: bool,
    /// What is in it at first.
    value: String,
}

impl Field {
    fn new(name: &str, label: impl Into<String>, kind: Kind) -> Field {
        let (name, param) = (name.to_owned(), name.to_owned());
        Field { name, param, label: label.into(), hint: None, kind, is_required: false, value: String::new() }
    }

    /// One line of anything.
    pub(super) fn line(name: &str, label: impl Into<String>) -> Field {
        Field::new(name, label, Kind::Line("text", ""))
    }

    /// An amount of money.
    pub(super) fn amount(name: &str, label: impl Into<String>) -> Field {
        Field::new(name, label, Kind::Line("decimal", "1000.00"))
    }

    /// Several lines.
    pub(super) fn text(name: &str, label: impl Into<String>) -> Field {
        Field::new(name, label, Kind::Text)
    }

    /// One of these values, each with what it is called.
    pub(super) fn choice<'a>(
        name: &str,
        label: impl Into<String>,
        of: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Field {
        let of = of.into_iter().map(|(value, called)| (value.to_owned(), called.to_owned())).collect();
        Field::new(name, label, Kind::Choice(of))
    }

    /// Yes or no.
    pub(super) fn check(name: &str, label: impl Into<String>, is_checked: bool) -> Field {
        Field::new(name, label, Kind::Check(is_checked))
    }

    pub(super) fn required(self) -> Field {
        Field { is_required: true, ..self }
    }

    pub(super) fn hint(self, hint: &'static str) -> Field {
        Field { hint: Some(hint), ..self }
    }

    pub(super) fn value(self, value: impl Into<String>) -> Field {
        Field { value: value.into(), ..self }
    }

    pub(super) fn placeholder(self, placeholder: &'static str) -> Field {
        Field { kind: Kind::Line("text", placeholder), ..self }
    }

    /// What the API calls it, where that is something else.
    pub(super) fn param(self, param: impl Into<String>) -> Field {
        Field { param: param.into(), ..self }
    }

    /// Whether something was refused that this field is about.
    pub(super) fn is_about(&self, attempt: &Attempt) -> bool {
        attempt.about(&self.param).is_some()
    }

    /// The field, with what was refused of it.
    pub(super) fn draw(&self, form_id: &str, attempt: Option<&Attempt>) -> Markup {
        let id = format!("{form_id}-{}", self.name);
        let (hint_id, said_id) = (format!("{id}-hint"), format!("{id}-said"));
        let refusal = attempt.and_then(|attempt| attempt.about(&self.param));
        let described: Vec<&str> =
            [self.hint.map(|_| hint_id.as_str()), refusal.map(|_| said_id.as_str())].into_iter().flatten().collect();
        let described = Some(described.join(" ")).filter(|ids| !ids.is_empty());
        let value = match attempt {
            Some(attempt) => attempt.form.text(&self.name).unwrap_or_default(),
            None => &self.value,
        };
        let invalid = refusal.map(|_| "true");
        let common = (id.as_str(), invalid, described.as_deref());
        html! {
            div.field {
                @match &self.kind {
                    Kind::Check(is_checked) => {
                        @let is_checked = attempt.map_or(*is_checked, |attempt| attempt.form.text(&self.name).is_some());
                        label.check for=(id) {
                            input id=(id) name=(self.name) type="checkbox" value="true" checked[is_checked]
                                aria-invalid=[invalid] aria-describedby=[described.as_deref()];
                            (self.label)
                        }
                    }
                    Kind::Line(..) | Kind::Text | Kind::Choice(_) => {
                        label for=(id) { (self.label) @if !self.is_required { " " span.quiet { "(optional)" } } }
                        (self.control(common, value))
                    }
                }
                @if let Some(hint) = self.hint { p.quiet id=(hint_id) { (hint) } }
                @if let Some(refusal) = refusal { p.said id=(said_id) role="alert" { (refusal.message) } }
            }
        }
    }

    fn control(&self, (id, invalid, described): (&str, Option<&str>, Option<&str>), value: &str) -> Markup {
        html! {
            @match &self.kind {
                Kind::Line(inputmode, placeholder) => {
                    input id=(id) name=(self.name) value=(value) inputmode=(inputmode) placeholder=(placeholder) autocomplete="off"
                        required[self.is_required] aria-invalid=[invalid] aria-describedby=[described];
                }
                Kind::Text => {
                    textarea id=(id) name=(self.name) rows="3" required[self.is_required] aria-invalid=[invalid]
                        aria-describedby=[described] { "\n" (value) }
                }
                Kind::Choice(of) => {
                    select id=(id) name=(self.name) aria-invalid=[invalid] aria-describedby=[described] {
                        @for (known, called) in of { option value=(known) selected[known == value] { (called) } }
                    }
                }
                Kind::Check(_) => {}
            }
        }
    }
}

/// The fields of a form, and above them what was refused that none of them is about.
pub(super) fn fields(form_id: &str, fields: &[Field], attempt: Option<&Attempt>) -> Markup {
    let untold = attempt.filter(|attempt| !fields.iter().any(|field| field.is_about(attempt)));
    let untold = untold.and_then(|attempt| attempt.refusal.as_ref());
    html! {
        @if let Some(refusal) = untold { (super::screen::notice(refusal)) }
        @for field in fields { (field.draw(form_id, attempt)) }
    }
}
