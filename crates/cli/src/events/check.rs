//! Computes hash chains anew from events as they are served, the newest first.
//!
//! The hash of an event is SHA-256 over the 32 bytes of the hash before it and the text of the event without `previousHash` and
//! `hash`, which stand at its end.

use std::collections::BTreeMap;

use escrow::{EventId, Hash, IntentId};
use serde_json::Value;

use crate::event::ServedEvent;

/// What stands between an event and its hashes.
const BEFORE_HASHES: &str = r#","previousHash":"0x"#;

/// What stands between the hashes, and behind them.
const BETWEEN_HASHES: &str = r#"","hash":"0x"#;
const BEHIND_HASHES: &str = r#""}"#;

/// Chains, each as far back as it was read; those of keys and merchants are in one, which is of no intent.
#[derive(Debug, Default)]
pub(super) struct Chains {
    ends: BTreeMap<Option<IntentId>, End>,
    events: u64,
    broken: Option<String>,
}

/// The oldest event that was read of a chain.
#[derive(Debug)]
struct End {
    id: EventId,
    sequence: u64,
    previous: Hash,
}

/// What was checked, and the oldest event that does not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) events: u64,
    pub(super) chains: usize,
    pub(super) broken: Option<String>,
}

impl Chains {
    /// Takes the event that was committed before the last one.
    pub(super) fn take(&mut self, event: &ServedEvent) {
        self.events += 1;
        // What follows an event that is not understood is no fault of the one before it.
        let younger = self.ends.remove(&event.intent);
        if let Err(problem) = self.follow(event, younger) {
            // Whatever was found before is younger.
            self.broken = Some(format!("{}, {}: {problem}", event.id, event.kind));
        }
    }

    fn follow(&mut self, event: &ServedEvent, younger: Option<End>) -> Result<(), String> {
        let (body, previous, hash) = taken_apart(&event.text).ok_or("it does not end with its hashes")?;
        let sequence = event.value.get("sequence").and_then(Value::as_u64).ok_or("it has no sequence")?;
        self.ends.insert(event.intent, End { id: event.id, sequence, previous });
        let computed = previous.following(body.as_bytes());
        if computed != hash {
            return Err(format!("its hash is 0x{hash}, but what it says gives 0x{computed}"));
        }
        match younger {
            Some(End { id, sequence: next, .. }) if sequence.checked_add(1) != Some(next) => {
                Err(format!("it is number {sequence} of its chain, and {id}, which follows, number {next}"))
            }
            Some(End { id, previous, .. }) if previous != hash => {
                Err(format!("its hash is 0x{hash}, but {id}, which follows, was made after 0x{previous}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Says what was checked, once everything was taken.
    pub(super) fn finish(mut self) -> Checked {
        let unfinished = self.ends.values().find(|end| end.sequence != 1 || end.previous != Hash::ZERO);
        if let Some(End { id, sequence, previous }) = unfinished {
            let what = "the first event there is of its chain";
            self.broken = Some(format!("{id}: {what}, but it is number {sequence} and was made after 0x{previous}"));
        }
        Checked { events: self.events, chains: self.ends.len(), broken: self.broken }
    }
}

/// What is hashed of an event, the hash before it and its own.
fn taken_apart(text: &str) -> Option<(String, Hash, Hash)> {
    let (open, hashes) = text.rsplit_once(BEFORE_HASHES)?;
    let (previous, hash) = hashes.strip_suffix(BEHIND_HASHES)?.split_once(BETWEEN_HASHES)?;
    let read = |hex: &str| serde_json::from_value(Value::from(hex)).ok();
    Some((format!("{open}}}"), read(previous)?, read(hash)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An id whose last digit says which one it is.
    fn id(prefix: &str, number: u64) -> String {
        format!("{prefix}_01KAPVV2QxkVfoWo4sJ3u{number}")
    }

    /// The events of a chain, the oldest first.
    fn chain(intent: Option<u64>, numbers: std::ops::Range<u64>) -> Vec<String> {
        let mut head = Hash::ZERO;
        let mut event = |(sequence, number): (usize, u64)| {
            let (id, sequence) = (id("evt", number), sequence + 1);
            let intent = intent.map_or("null".to_owned(), |intent| format!("\"{}\"", self::id("intent", intent)));
            let open =
                format!(r#"{{"id":"{id}","type":"a.b","created":1,"sequence":{sequence},"paymentIntentId":{intent}"#);
            let previous = head;
            head = previous.following(format!("{open}}}").as_bytes());
            format!(r#"{open},"previousHash":"0x{previous}","hash":"0x{head}"}}"#)
        };
        numbers.enumerate().map(&mut event).collect()
    }

    fn check(texts: &[String]) -> Checked {
        let mut chains = Chains::default();
        for text in texts.iter().rev() {
            chains.take(&ServedEvent::read(text.clone()).expect("an event"));
        }
        chains.finish()
    }

    #[test]
    fn chains_that_are_whole_are_found_so() {
        assert_eq!(check(&[]), Checked { events: 0, chains: 0, broken: None });
        let (mine, keys) = (chain(Some(1), 0..4), chain(None, 4..6));
        let mixed = [&mine[0], &keys[0], &mine[1], &mine[2], &keys[1], &mine[3]].map(String::clone);
        assert_eq!(check(&mixed), Checked { events: 6, chains: 2, broken: None });
    }

    #[test]
    fn the_first_event_that_does_not_fit_is_named() {
        let whole = chain(Some(1), 0..4);
        let [first, second, third, last] = [0, 1, 2, 3].map(|number| id("evt", number));
        let with = |place: usize, text: String| {
            let mut texts = whole.clone();
            texts[place] = text;
            texts
        };
        let without = |place: usize| [&whole[..place], &whole[place + 1..]].concat();
        let longer = chain(Some(1), 5..9);
        for (texts, named, problem) in [
            (with(1, whole[1].replace("a.b", "a.c")), &second, "what it says gives"),
            (with(3, whole[3].replace("a.b", "a.c")), &last, "what it says gives"),
            (with(1, longer[1].clone()), &first, "was made after"),
            (without(0), &second, "the first event there is of its chain, but it is number 2"),
            (without(2), &second, "number 2 of its chain, and"),
            (with(2, whole[2].replace("\"}", "\",\"x\":1}")), &third, "does not end with its hashes"),
            (with(2, whole[2].replace("\"sequence\":3", "\"sequence\":\"3\"")), &third, "it has no sequence"),
        ] {
            let broken = check(&texts).broken.expect("something is wrong");
            assert!(broken.starts_with(named.as_str()) && broken.contains(problem), "{broken}");
        }
        assert_eq!(check(&whole[..3]).broken, None, "what the newest event is cannot be told from events alone");
    }
}
