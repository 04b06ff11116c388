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
        let family = format!("{}.{EVERY}", family(kind));
        if !families.contains(&family) {
            families.push(family);
        }
    }
    types.chain(families).chain([EVERY.to_owned()]).collect()
}

/// What a type is about: what stands before its dot.
fn family(kind: EventType) -> &'static str {
    kind.name().split('.').next().unwrap_or_default()
}

/// One of them, for the description.
pub(in crate::http) fn kind() -> field::Kind {
    let names = names();
    field::choice(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The types that are chosen by these texts, each once; `None` for every one.
pub(in crate::http) fn chosen(param: &str, texts: &[&str]) -> Read<Option<Vec<EventType>>> {
    let mut chosen: Vec<EventType> = Vec::new();
    for text in texts {
        if !is_choice(text) {
            let (every, families) = (EVERY, "milestone.*");
            return Err(ApiError::field(
                param,
                format!(
                    "{param} must name a type of event such as milestone.completed, a family such as {families}, or {every}"
                ),
            ));
        }
        chosen.extend(EventType::all().filter(|kind| takes_in(text, *kind)));
    }
    chosen.sort_unstable();
    chosen.dedup();
    let is_every = texts.is_empty() || chosen.len() == EventType::all().count();
    Ok((!is_every).then_some(chosen))
}

/// Whether a text can choose types.
pub(in crate::http) fn is_choice(text: &str) -> bool {
    EventType::all().any(|kind| takes_in(text, kind))
}

fn takes_in(text: &str, kind: EventType) -> bool {
    text == EVERY || text == kind.name() || text.strip_suffix(".*").is_some_and(|of| of == family(kind))
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
            assert!(is_choice(&text), "{text}");
        }
        for text in ["", "milestone", "milestone.", "milestone.create", ".*", "mile.*", "**", "Milestone.created"] {
            assert!(chosen("type", &[text]).is_err(), "{text}");
        }
    }
}
