//! The events that an intent, or another object, has had.

use serde_json::Value;
use store::AccountEvent;

use crate::api::{Api, list};
use crate::events::pages::Pages;
use crate::failure::Failure;

/// How many events a page has at most.
const PAGE: usize = 100;

/// The place of the latest event of an intent among its events; 0 where there is none.
///
/// # Errors
/// When the gateway does not list them.
pub(super) async fn latest(api: &Api, intent: &str) -> Result<u64, Failure> {
    let answer = api.get(&format!("/events?paymentIntentId={intent}&limit=1")).await?;
    Ok(list(&answer, "/data")?.first().map(sequence).unwrap_or_default())
}

/// The events of an intent after this place, the oldest first.
///
/// # Errors
/// When the gateway does not list them.
pub(super) async fn of_intent(api: &Api, intent: &str, after: u64) -> Result<Vec<Value>, Failure> {
    let mut found = Vec::new();
    let mut pages = Pages::new(api, None, Some(intent.parse().map_err(Failure::no)?));
    while let Some(page) = pages.next(usize::MAX).await? {
        let is_enough = page.last().is_some_and(|oldest| sequence(&oldest.value) <= after + 1);
        found.extend(page.into_iter().map(|event| event.value).filter(|event| sequence(event) > after));
        if is_enough {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

/// The latest events about these merchants or keys, the oldest first.
///
/// # Errors
/// When the gateway does not list them.
pub(super) async fn about(api: &Api, subjects: &[String]) -> Result<Vec<Value>, Failure> {
    let types = AccountEvent::ALL.map(AccountEvent::name).join(",");
    let answer = api.get(&format!("/events?type={types}&limit={PAGE}")).await?;
    let is_about = |event: &&Value| subjects.iter().any(|subject| event["data"]["object"]["id"] == subject.as_str());
    Ok(list(&answer, "/data")?.iter().filter(is_about).rev().cloned().collect())
}

fn sequence(event: &Value) -> u64 {
    event["sequence"].as_u64().unwrap_or_default()
}
