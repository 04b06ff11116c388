//! `/dashboard/webhooks`: where events are sent, and what came of it.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::act::{Action, actions};
use super::deliveries;
use super::desk::{Desk, nothing_here};
use super::field::{Attempt, Field};
use super::listing::{Choice, asked, facts, filters, nothing, table, turning};
use super::read::{Delivery, Endpoint, List};
use super::screen::{Screen, View};
use super::words::{state, words};
use crate::web::api::{Refusal, Single};
use crate::web::form::Form;
use crate::web::parts::at;

pub(super) const PART: &str = "/dashboard/webhooks";

/// The states of a delivery, by which the log is filtered.
const STATES: [&str; 3] = ["pending", "succeeded", "failed"];

/// The endpoints.
pub(super) async fn page(desk: Desk) -> Result<View, Refusal> {
    list(&desk, None).await
}

/// Makes an endpoint, and shows its secret this once.
pub(super) async fn create(desk: Desk, form: Form) -> Result<View, Refusal> {
    let mut body = form.object(&["url", "description"]);
    if let Some(events) = form.text("enabledEvents") {
        let chosen: Vec<&str> = events.split([',', ' ', '\n']).map(str::trim).filter(|text| !text.is_empty()).collect();
        body.insert("enabledEvents".to_owned(), chosen.into());
    }
    match desk.post::<Single<Endpoint>>(&form, "/webhook-endpoints", Value::Object(body)).await {
        Ok(Single { data }) => secret(&data, "The endpoint is there").into(),
        Err(refusal) => list(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

/// What is shown once.
fn secret(endpoint: &Endpoint, title: &str) -> Screen {
    let content = html! {
        @match &endpoint.secret {
            Some(secret) => {
                p { "Its secret, by which the receiver knows that a call is from here. It is shown this once:" }
                p.secret { code { (secret) } }
            }
            None => p { "The secret was shown already. Where it was lost, give the endpoint another one." },
        }
        p { a.button href={ (PART) "/" (endpoint.id) } { "Go on" } }
    };
    Screen::new(PART, title, content).once()
}

async fn list(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let list: List<Endpoint> = desk.get(asked(desk, "/webhook-endpoints", &[])).await?;
    let row = |endpoint: &Endpoint| {
        vec![
            html! { a href={ (PART) "/" (endpoint.id) } { (endpoint.url) } },
            state(&endpoint.status),
            html! { (endpoint.enabled_events.join(", ")) },
            html! { @if let Some(description) = &endpoint.description { (description) } },
        ]
    };
    let add = Action::new("create", "Add an endpoint", PART)
        .explained(html! { "What happens from now on is sent there, signed." })
        .fields([
            Field::line("url", "Address").placeholder("https://…").required(),
            Field::line("enabledEvents", "Events")
                .value("*")
                .hint("Types such as milestone.completed, families such as milestone.*, or * for all.")
                .required(),
            Field::line("description", "What it is for"),
        ]);
    let content = html! {
        @if list.data.is_empty() { (nothing("Events are sent nowhere yet.")) }
        @else { (table("Webhook endpoints, newest first", &["Address", "State", "Events", "For"], &list.data.iter().map(row).collect::<Vec<_>>())) }
        (turning(desk, &list, |endpoint| &endpoint.id, &[]))
        (actions(desk, &[add], attempt.as_ref()))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "Webhooks", content).refusing(refusal).into()
}

/// One endpoint, with what was sent to it.
pub(super) async fn one(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// What can be done with an endpoint.
pub(super) async fn perform(desk: Desk, form: Form) -> Result<View, Refusal> {
    let id = desk.param("endpoint");
    let at = |below: &str| format!("/webhook-endpoints/{id}{below}");
    let done = match desk.param("deed").as_str() {
        "rotate" => {
            match desk
                .post::<Single<Endpoint>>(&form, at("/rotate-secret"), Value::Object(form.object(&["gracePeriod"])))
                .await
            {
                Ok(Single { data }) => return secret(&data, "The endpoint has another secret").into(),
                Err(refusal) => Err(refusal),
            }
        }
        "test" => desk.post::<Value>(&form, at("/test"), json!({})).await.map(drop),
        "enable" => desk.post::<Value>(&form, at(""), json!({ "status": "enabled" })).await.map(drop),
        "disable" => desk.post::<Value>(&form, at(""), json!({ "status": "disabled" })).await.map(drop),
        "delete" => match desk.delete(at("")).await {
            Ok(()) => return Ok(View::Go(PART.to_owned())),
            Err(refusal) => Err(refusal),
        },
        _ => return Err(nothing_here()),
    };
    match done {
        Ok(()) => Ok(View::Go(format!("{PART}/{id}"))),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

fn offered(endpoint: &Endpoint) -> Vec<Action> {
    let to = |deed: &str| format!("{PART}/{}/{deed}", endpoint.id);
    let switch = match endpoint.status.as_str() {
        "disabled" => Action::new("enable", "Send again", to("enable"))
            .explained(html! { "What happens from then on is sent, and what was still to be tried again." }),
        _ => Action::new("disable", "Send nothing more", to("disable"))
            .explained(html! { "Until it is enabled again, nothing is sent." })
            .grave(),
    };
    vec![
        Action::new("test", "Send a test", to("test"))
            .explained(html! { "An event of its own is sent, " code { "webhook_endpoint.test" } "." }),
        Action::new("rotate", "Give it another secret", to("rotate"))
            .explained(html! { "The new one is shown once. The old one signs as well for a while." })
            .fields([Field::line("gracePeriod", "For how long")
                .placeholder("24h")
                .hint("A day, where nothing is said.")]),
        switch,
        Action::new("delete", "Delete", to("delete")).explained(html! { "Nothing is sent there any more." }).grave(),
    ]
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let id = desk.param("endpoint");
    let endpoint: Endpoint = desk.one(format!("/webhook-endpoints/{id}")).await?;
    let chosen: Vec<(&str, &str)> = desk.query("status").map(|status| ("status", status)).into_iter().collect();
    let log: List<Delivery> = desk.get(asked(desk, &format!("/webhook-endpoints/{id}/deliveries"), &chosen)).await?;
    let told = [
        ("Events", html! { (endpoint.enabled_events.join(", ")) }),
        ("For", html! { @if let Some(description) = &endpoint.description { (description) } }),
        ("Why disabled", html! { @if let Some(reason) = &endpoint.disabled_reason { (words(reason)) } }),
        ("Failing since", html! { @if let Some(since) = &endpoint.failing_since { (at(since)) } }),
        ("Old secret ends", html! { @if let Some(until) = &endpoint.previous_secret_expires_at { (at(until)) } }),
        ("Created", at(&endpoint.created_at)),
    ];
    let states = STATES.map(|name| (name.to_owned(), words(name))).to_vec();
    let content = html! {
        p { code { (endpoint.url) } }
        (facts(&told))
        (actions(desk, &offered(&endpoint), attempt.as_ref()))
        h2 { "Deliveries" }
        // A form of its own keeps the page of the endpoint.
        (filters(desk, &[Choice::any("status", "State", states)], &Markup::default()))
        @if log.data.is_empty() { (nothing("Nothing was sent so.")) } @else { (deliveries::rows(&log.data)) }
        (turning(desk, &log, |delivery| &delivery.id, &["status"]))
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(PART, "Webhook endpoint", content).aside(state(&endpoint.status)).refusing(refusal).into()
}
