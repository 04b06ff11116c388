//! Types of events, as clients choose among them: `milestone.completed`, all of `milestone.*`, or `*`.

use store::EventType;

use crate::http::error::ApiError;
use crate::http::fields::Read;
use crate::http::openapi::field;

/// What stands for every type.
pub(in crate::http) const EVERY: &str = "*";

/// What can be chosen: every type, then every family, then everything.
pub(in crate::http) fn names() -> Vec<String> {
    let types = EventType::all().map(|kind| kind.name().to_owned());
    let mut families: Vec<String> = Vec::new();
    for kind in EventType::all() {
        let family = format!("{}.{EVERY}", kind.family());
        if !families.contains(&family) {
            families.push(family);
        }
    }
    types.chain(families).chain([EVERY.to_owned()]).collect()
}

/// One of them, for the description.
pub(in crate::http) fn kind() -> field::Kind {
    let names = names();
    field::choice(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The types that are chosen by these texts, each once; `None` for every one.
pub(in crate::http) fn chosen(param: &str, texts: &[&str]) -> Read<Option<Vec<EventType>>> {
    for text in texts {
        check(text).map_err(|allowed| ApiError::field(param, format!("{param} {allowed}")))?;
    }
    Ok(if texts.is_empty() { None } else { EventType::chosen(texts) })
}

/// Whether a text can choose types; else what it must do.
pub(in crate::http) fn check(text: &str) -> Result<(), &'static str> {
    let is_choice = EventType::all().any(|kind| kind.is_chosen_by(text));
    is_choice
        .then_some(())
        .ok_or("must name a type of event such as milestone.completed, a family such as milestone.*, or *")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(texts: &[&str]) -> Option<Vec<&'static str>> {
        let chosen = chosen("type", texts).expect("a choice")?;
        Some(chosen.into_iter().map(EventType::name).collect())
    }

    #[test]
    fn types_families_and_everything_can_be_chosen() {
        assert_eq!(names_of(&[]), None);
        assert_eq!(names_of(&["milestone.created", "*"]), None);
        assert_eq!(names_of(&["milestone.created", "milestone.created"]), Some(vec!["milestone.created"]));
        let both = names_of(&["time_lock.*", "dispute.raised"]).expect("some");
        assert_eq!(both, ["dispute.raised", "time_lock.released"]);
        for text in names() {
            assert_eq!(check(&text), Ok(()), "{text}");
        }
        for text in ["", "milestone", "milestone.", "milestone.create", ".*", "mile.*", "**", "Milestone.created"] {
            assert!(chosen("type", &[text]).is_err(), "{text}");
        }
    }
}
