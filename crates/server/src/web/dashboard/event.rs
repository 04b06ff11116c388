//! `/dashboard/events/{event}`: something that happened, as it was told, with the hashes that hold it in its place.

use maud::html;
use serde_json::{Value, json};

use super::act::{Action, actions};
use super::deliveries;
use super::desk::Desk;
use super::field::Attempt;
use super::intents::PART;
use super::listing::facts;
use super::read::Event;
use super::screen::{Screen, View};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::{Tone, at_seconds, badge};

/// The page.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// Sends it to every endpoint once more.
pub(super) async fn resend(desk: Desk, form: Form) -> Result<View, Refusal> {
    let event = desk.param("event");
    match desk.post::<Value>(&form, format!("/events/{event}/resend"), json!({})).await {
        Ok(_) => Ok(View::Go(format!("/dashboard/events/{event}"))),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let id = desk.param("event");
    let event: Event = desk.get(format!("/events/{id}")).await?;
    let sent = match desk.is_operator() {
        true => None,
        false => Some(deliveries::of(desk, |delivery| delivery.event_id == event.id, &format!("&eventId={id}")).await),
    };
    let told = [
        (
            "Payment",
            html! { @if let Some(intent) = &event.payment_intent_id { a href={ (PART) "/" (intent) } { code.long { (intent) } } } },
        ),
        ("Number", html! { (event.sequence) @if event.data.simulated { " " (badge(Tone::Plain, "simulated")) } }),
        ("When", at_seconds(event.created)),
        ("Hash", html! { code.long { (event.hash) } }),
        ("Hash of the one before", html! { code.long { (event.previous_hash) } }),
        ("Id", html! { code.long { (event.id) } }),
    ];
    let again = Action::new("resend", "Send it once more", format!("/dashboard/events/{}/resend", event.id))
        .explained(html! { "To every endpoint that has chosen events of this type." });
    let content = html! {
        (facts(&told))
        @match &sent {
            Some(Ok(sent)) => { (sent) (actions(desk, &[again], attempt.as_ref())) }
            Some(Err(refusal)) => p.quiet { (refusal.message) },
            None => {}
        }
        h2 { "What it is about, as it was then" }
        pre tabindex="0" { (pretty(&event.data.object)) }
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, event.kind.clone(), content).refusing(refusal).into()
}

/// JSON with a member a line.
pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The same of JSON text; what is none stays as it is.
pub(super) fn json_text(text: &str) -> String {
    serde_json::from_str::<Value>(text).map_or_else(|_| text.to_owned(), |value| pretty(&value))
}
