//! Reads the list of events page by page, newest first.

use std::collections::BTreeMap;

use escrow::IntentId;
use serde_json::value::RawValue;

use crate::api::{Api, with_query};
use crate::event::ServedEvent;
use crate::failure::Failure;

/// The most that a gateway puts on a page.
const PAGE: usize = 100;

/// The list of events, as far as it was read.
pub(crate) struct Pages<'a> {
    api: &'a Api,
    types: Option<String>,
    intent: Option<IntentId>,
    /// The event that the next page begins after.
    cursor: Option<String>,
    is_over: bool,
}

impl Pages<'_> {
    /// The list of events of these types and of this intent.
    pub(crate) const fn new(api: &Api, types: Option<String>, intent: Option<IntentId>) -> Pages<'_> {
        Pages { api, types, intent, cursor: None, is_over: false }
    }

    /// The next page, with at most so many events; `None` at the end, or when none is wanted.
    ///
    /// # Errors
    /// When the gateway is not there or refuses, or sends what is no list of events.
    pub(crate) async fn next(&mut self, most: usize) -> Result<Option<Vec<ServedEvent>>, Failure> {
        if self.is_over || most == 0 {
            return Ok(None);
        }
        let (limit, intent) = (most.min(PAGE).to_string(), self.intent.map(|intent| intent.to_string()));
        let wanted = [
            ("limit", Some(limit.as_str())),
            ("type", self.types.as_deref()),
            ("paymentIntentId", intent.as_deref()),
            ("starting_after", self.cursor.as_deref()),
        ];
        let query: Vec<(&str, &str)> = wanted.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let (mut events, has_more) = read(&self.api.get_text(&with_query("/events", &query)).await?)?;
        if self.cursor.as_ref().is_some_and(|cursor| events.iter().any(|event| event.id.to_string() == *cursor)) {
            return Err(Failure::no(
                "the gateway's list of events does not end: a page begins before the one before it ended",
            ));
        }
        events.truncate(most);
        self.cursor = events.last().map(|event| event.id.to_string());
        self.is_over = !has_more || events.is_empty();
        Ok(Some(events))
    }
}

/// The events of a page, each as the text that was sent, and whether there are more.
fn read(page: &str) -> Result<(Vec<ServedEvent>, bool), Failure> {
    let wrong = |error: serde_json::Error| Failure::no(format!("the gateway sent no list of events: {error}"));
    let page: BTreeMap<String, &RawValue> = serde_json::from_str(page).map_err(wrong)?;
    let field = |name: &str| page.get(name).map_or("null", |raw| raw.get());
    let texts: Vec<&RawValue> = serde_json::from_str(field("data")).map_err(wrong)?;
    let events = texts.iter().map(|text| ServedEvent::read(text.get().to_owned())).collect::<Result<_, _>>()?;
    Ok((events, serde_json::from_str(field("has_more")).map_err(wrong)?))
}
