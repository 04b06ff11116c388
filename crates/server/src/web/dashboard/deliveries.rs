//! What was sent to webhook endpoints: of one payment, and one of them with its calls.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::act::{Action, actions};
use super::desk::Desk;
use super::event::json_text;
use super::field::Attempt;
use super::listing::{facts, nothing, table};
use super::read::{Delivery, Endpoint, List};
use super::screen::{Screen, View};
use super::words::state;
use super::{intents, webhooks};
use crate::web::api::Refusal;
use crate::web::form::Form;
use crate::web::parts::{Tone, at, badge};

/// How many of the latest deliveries of an endpoint are looked through.
const MOST: usize = 100;

/// Deliveries as a table.
pub(super) fn rows(deliveries: &[Delivery]) -> Markup {
    let row = |delivery: &Delivery| {
        let answer = delivery.attempts.last().map(answer);
        vec![
            html! { a href={ "/dashboard/deliveries/" (delivery.id) } { (delivery.event_type) } },
            state(&delivery.status),
            html! { @if let Some(answer) = answer { (answer) } @else { "Not called yet" } },
            html! { (delivery.attempt_count) },
            at(&delivery.created_at),
        ]
    };
    let rows: Vec<Vec<Markup>> = deliveries.iter().map(row).collect();
    table("Deliveries, newest first", &["Event", "State", "Answer", "Calls", "Since"], &rows)
}

fn answer(call: &super::read::Call) -> Markup {
    html! {
        @match (call.response_status, &call.error) {
            (Some(status), _) => { code { (status) } " in " (call.latency_ms) " ms" }
            (None, Some(error)) => (error),
            (None, None) => "No answer",
        }
    }
}

/// What was sent of one payment, to every endpoint.
pub(super) async fn of_intent(desk: Desk) -> Result<View, Refusal> {
    let intent = desk.param("intent");
    // A payment of somebody else has no such page.
    desk.get::<Value>(format!("/payment-intents/{intent}")).await?;
    let content = of(&desk, |delivery| delivery.payment_intent_id.as_deref() == Some(&intent), "").await?;
    let content = html! {
        p { a href={ (intents::PART) "/" (intent) } { "← The payment" } }
        (content)
    };
    Screen::new(intents::PART, "Deliveries of a payment", content).into()
}

/// The latest deliveries that are meant, by endpoint.
///
/// # Errors
/// What the API refuses.
pub(super) async fn of(desk: &Desk, is_meant: impl Fn(&Delivery) -> bool, query: &str) -> Result<Markup, Refusal> {
    let endpoints: List<Endpoint> = desk.get(format!("/webhook-endpoints?limit={MOST}")).await?;
    let mut shown = Vec::new();
    for endpoint in &endpoints.data {
        let path = format!("/webhook-endpoints/{}/deliveries?limit={MOST}{query}", endpoint.id);
        let mut log: List<Delivery> = desk.get(path).await?;
        let is_cut = log.has_more && query.is_empty();
        log.data.retain(|delivery| is_meant(delivery));
        shown.push((endpoint, log.data, is_cut));
    }
    Ok(html! {
        @if shown.is_empty() { (nothing("There is no webhook endpoint that anything could have been sent to.")) }
        @for (endpoint, deliveries, is_cut) in &shown {
            h2 { a href={ (webhooks::PART) "/" (endpoint.id) } { (endpoint.url) } }
            @if deliveries.is_empty() { (nothing("Nothing was sent there.")) } @else { (rows(deliveries)) }
            @if *is_cut { p.quiet { "Among the latest " (MOST) " deliveries of this endpoint." } }
        }
    })
}

/// One delivery, with its calls.
pub(super) async fn one(desk: Desk) -> Result<View, Refusal> {
    draw(&desk, None).await
}

/// Sends it once more.
pub(super) async fn redeliver(desk: Desk, form: Form) -> Result<View, Refusal> {
    let id = desk.param("delivery");
    match desk.post::<Value>(&form, format!("/webhook-deliveries/{id}/redeliver"), json!({})).await {
        Ok(_) => Ok(View::Go(format!("/dashboard/deliveries/{id}"))),
        Err(refusal) => draw(&desk, Some(Attempt::new(form, refusal.clone()))).await.or(Err(refusal)),
    }
}

async fn draw(desk: &Desk, attempt: Option<Attempt>) -> Result<View, Refusal> {
    let shown: Delivery = desk.one(format!("/webhook-deliveries/{}", desk.param("delivery"))).await?;
    let told = [
        ("Event", html! { a href={ "/dashboard/events/" (shown.event_id) } { (shown.event_type) } }),
        (
            "Payment",
            html! { @if let Some(intent) = &shown.payment_intent_id { a href={ (intents::PART) "/" (intent) } { code.long { (intent) } } } },
        ),
        (
            "Endpoint",
            html! { a href={ (webhooks::PART) "/" (shown.webhook_endpoint_id) } { code.long { (shown.webhook_endpoint_id) } } },
        ),
        ("Next call", html! { @if let Some(next) = &shown.next_attempt_at { (at(next)) } }),
        ("Id", html! { code.long { (shown.id) } }),
    ];
    let again = Action::new("redeliver", "Send it once more", format!("/dashboard/deliveries/{}/redeliver", shown.id))
        .explained(html! { "Once, now, with the same content and a signature of now." });
    let content = html! {
        (facts(&told))
        (actions(desk, &[again], attempt.as_ref()))
        h2 { "Calls" }
        @if shown.attempts.is_empty() { (nothing("There was no call yet.")) }
        ol.timeline {
            @for call in shown.attempts.iter().rev() {
                li {
                    div.happened { (answer(call)) @if call.is_manual { " " (badge(Tone::Plain, "by hand")) } }
                    div.quiet { (at(&call.attempted_at)) }
                    @if let Some(body) = call.response_body.as_ref().filter(|body| !body.is_empty()) { pre tabindex="0" { (body) } }
                }
            }
        }
        @if let Some(body) = &shown.request_body {
            h2 { "What was sent" }
            pre tabindex="0" { (json_text(body.get())) }
        }
    };
    let refusal = attempt.as_ref().and_then(|attempt| attempt.refusal.as_ref());
    Screen::new(webhooks::PART, "Delivery", content).aside(state(&shown.status)).refusing(refusal).into()
}
