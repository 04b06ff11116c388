//! An event as a gateway serves it.

use escrow::{EventId, IntentId, Timestamp};
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{plain, utc};

/// What stands where an event is about no intent.
const NO_INTENT: &str = "–";

/// An event, and the text that it was served as.
#[derive(Debug)]
pub(crate) struct ServedEvent {
    /// Byte for byte, on one line.
    pub(crate) text: String,
    /// The same, taken apart.
    pub(crate) value: Value,
    /// Its id.
    pub(crate) id: EventId,
    /// The intent that it is about, if it is about one.
    pub(crate) intent: Option<IntentId>,
    /// Its type.
    pub(crate) kind: String,
    created: Timestamp,
}

impl ServedEvent {
    /// Reads the text of an event.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn read(text: String) -> Result<ServedEvent, Failure> {
        let wrong = |what: &str| Failure::no(format!("the gateway sent an event that is not understood: {what}"));
        let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
        let field = |name: &str| value.get(name).and_then(Value::as_str);
        let id = field("id").and_then(|id| id.parse().ok()).ok_or_else(|| wrong("it has no id"))?;
        let kind = field("type").map(plain).ok_or_else(|| wrong("it has no type"))?;
        let seconds = value.get("created").and_then(Value::as_i64).ok_or_else(|| wrong("it has no time"))?;
        let intent = match field("paymentIntentId").map(str::parse) {
            None => None,
            Some(Ok(intent)) => Some(intent),
            Some(Err(_)) => return Err(wrong("the id of its payment intent is none")),
        };
        let created = Timestamp::from_ms(seconds.saturating_mul(1000));
        Ok(ServedEvent { id, intent, kind, created, value, text })
    }

    /// When it happened, by the clock of those it happened to.
    pub(crate) fn time(&self) -> String {
        utc(self.created)
    }

    /// The intent that it is about, in a column.
    pub(crate) fn intent_cell(&self) -> String {
        self.intent.map_or_else(|| NO_INTENT.to_owned(), |intent| intent.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "evt_01KAPVV2QxkVfoWo4sJ3uB";

    #[test]
    fn what_is_no_event_is_told_by_what_is_missing() {
        let intent = ID.replace("evt_", "intent_");
        for (text, complaint) in [
            ("{".to_owned(), "EOF"),
            ("[]".to_owned(), "it has no id"),
            (r#"{"id":"evt_1","type":"a.b","created":1}"#.to_owned(), "it has no id"),
            (format!(r#"{{"id":"{ID}","created":1}}"#), "it has no type"),
            (format!(r#"{{"id":"{ID}","type":"a.b","created":"1"}}"#), "it has no time"),
            (format!(r#"{{"id":"{ID}","type":"a.b","created":1,"paymentIntentId":"intent_1"}}"#), "payment intent"),
        ] {
            let error = ServedEvent::read(text).expect_err("no event").to_string();
            assert!(error.contains(complaint), "{error}");
        }
        for (rest, shown) in [(String::new(), "–"), (format!(r#","paymentIntentId":"{intent}""#), intent.as_str())] {
            let text = format!(r#"{{"id":"{ID}","type":"a\u001bb","created":9223372036854775807{rest}}}"#);
            let event = ServedEvent::read(text.clone()).expect("an event");
            assert_eq!((event.text.as_str(), event.kind.as_str()), (text.as_str(), "a\u{fffd}b"));
            assert_eq!(event.intent_cell(), shown);
        }
    }
}
