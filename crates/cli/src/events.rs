//! `milepost events`: what happened, told by a gateway.

use std::sync::Arc;

use clap::{Args, Subcommand};
use engine::{Host, System};
use escrow::{EndpointId, EventId, IntentId};
use serde_json::{Value, json};

use crate::api::{Api, ApiArgs, list, text};
use crate::event::ServedEvent;
use crate::failure::Failure;
use crate::output::{Column, Out, Style, plain, pretty};

mod check;
pub(crate) mod pages;

use check::Chains;
use pages::Pages;

/// The most events that are listed at once.
const MOST_LISTED: u32 = 10_000;

/// Show what happened: the last events of a merchant, newest last
///
/// With --json every event is a line of its own, as the gateway serves it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  milepost events --type 'milestone.*' --limit 5\n  milepost events check"
)]
pub(crate) struct EventsArgs {
    #[command(subcommand)]
    command: Option<EventsCommand>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum EventsCommand {
    /// Show the whole of an event
    #[command(after_help = "Example:\n  milepost events show evt_01KAPVV2QxkVfoWo4sJ3uB")]
    Show(ShowArgs),
    /// Have an event sent once more to the webhook endpoints that want it, or to one of them
    #[command(after_help = "Example:\n  milepost events resend evt_01KAPVV2QxkVfoWo4sJ3uB")]
    Resend(ResendArgs),
    /// Compute the hash chains anew from what the gateway serves: whether an event was changed, left out or put in later
    ///
    /// Exits 1, and names the first event that does not fit, when one does not.
    #[command(after_help = "Example:\n  milepost events check --payment-intent intent_01KAPVV2QxkVfoWo4sJ3uB")]
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only events of these types or families, with commas between them, such as `milestone.*,payment_intent.succeeded`
    #[arg(long = "type", value_name = "TYPES")]
    types: Option<String>,
    /// Only events of this payment intent
    #[arg(long, value_name = "ID", value_parser = parse_intent)]
    payment_intent: Option<IntentId>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_LISTED)))]
    limit: u32,
    #[command(flatten)]
    gateway: ApiArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// The event's id
    #[arg(value_parser = parse_event)]
    event: EventId,
    #[command(flatten)]
    gateway: ApiArgs,
}

#[derive(Debug, Args)]
struct ResendArgs {
    /// The event's id
    #[arg(value_parser = parse_event)]
    event: EventId,
    /// The webhook endpoint that it is sent to, such as we_… [default: every enabled one that wants events of its type]
    #[arg(long, value_name = "ID", value_parser = parse_endpoint)]
    endpoint: Option<EndpointId>,
    #[command(flatten)]
    gateway: ApiArgs,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Only events of this payment intent
    #[arg(long, value_name = "ID", value_parser = parse_intent)]
    payment_intent: Option<IntentId>,
    #[command(flatten)]
    gateway: ApiArgs,
}

fn parse_event(text: &str) -> Result<EventId, String> {
    text.parse().map_err(|error: escrow::id::IdError| error.to_string())
}

fn parse_intent(text: &str) -> Result<IntentId, String> {
    text.parse().map_err(|error: escrow::id::IdError| error.to_string())
}

fn parse_endpoint(text: &str) -> Result<EndpointId, String> {
    text.parse().map_err(|error: escrow::id::IdError| error.to_string())
}

/// Runs the command.
///
/// # Errors
/// When the gateway is not there or refuses, or the events do not fit together.
pub(crate) async fn run(args: EventsArgs, out: Out) -> Result<(), Failure> {
    match args.command {
        None => show_last(args.list, out).await,
        Some(EventsCommand::Show(args)) => show(args, out).await,
        Some(EventsCommand::Resend(args)) => resend(args, out).await,
        Some(EventsCommand::Check(args)) => check(args, out).await,
    }
}

fn api(gateway: ApiArgs) -> Result<Api, Failure> {
    let host: Arc<dyn Host> = Arc::new(System::new());
    let (url, key) = gateway.read()?;
    Api::new(&url, key, host)
}

async fn show_last(args: ListArgs, out: Out) -> Result<(), Failure> {
    let api = api(args.gateway)?;
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let mut pages = Pages::new(&api, args.types, args.payment_intent);
    let mut events = Vec::new();
    while let Some(page) = pages.next(limit - events.len()).await? {
        events.extend(page);
    }
    events.reverse();
    events.iter().try_for_each(|event| out.json_text(&event.text))?;
    if events.is_empty() {
        return out.line("nothing of that kind has happened");
    }
    let columns = ["time", "type", "id", "intent", "object"].map(Column::Left);
    let row = |event: &ServedEvent| {
        vec![event.time(), event.kind.clone(), event.id.to_string(), event.intent_cell(), in_short(&event.value)]
    };
    out.table(&columns, &events.iter().map(row).collect::<Vec<_>>())
}

/// The object of an event in a few words: how much it is about, and how it stands.
fn in_short(event: &Value) -> String {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).map(plain);
    let status = match (word("/data/previous_attributes/status"), word("/data/object/status")) {
        (Some(before), Some(now)) => Some(format!("{before} → {now}")),
        (None | Some(_), now) => now,
    };
    let words = [word("/data/object/amount"), word("/data/object/currency"), status];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

async fn show(args: ShowArgs, out: Out) -> Result<(), Failure> {
    let text = api(args.gateway)?.get_text(&format!("/events/{}", args.event)).await?;
    let event = ServedEvent::read(text)?;
    out.json_text(&event.text)?;
    out.line(pretty(&event.value))
}

async fn resend(args: ResendArgs, out: Out) -> Result<(), Failure> {
    let body = args.endpoint.map_or_else(|| json!({}), |endpoint| json!({"webhookEndpointId": endpoint}));
    let answer = api(args.gateway)?.post(&format!("/events/{}/resend", args.event), &body).await?;
    let row = |delivery: &Value| {
        let cell = |pointer: &str| text(delivery, pointer).map(plain);
        Ok(vec![cell("/id")?, cell("/webhookEndpointId")?, cell("/status")?])
    };
    let rows = list(&answer, "/data")?.iter().map(row).collect::<Result<Vec<_>, Failure>>()?;
    out.json(&answer)?;
    if rows.is_empty() {
        return out.line("no webhook endpoint that is enabled wants events of this type");
    }
    out.table(&["delivery", "endpoint", "status"].map(Column::Left), &rows)
}

async fn check(args: CheckArgs, out: Out) -> Result<(), Failure> {
    let api = api(args.gateway)?;
    let mut pages = Pages::new(&api, None, args.payment_intent);
    let mut chains = Chains::default();
    while let Some(page) = pages.next(usize::MAX).await? {
        page.iter().for_each(|event| chains.take(event));
    }
    let checked = chains.finish();
    if let (0, Some(intent)) = (checked.events, args.payment_intent) {
        return Err(Failure::no(format!("the gateway has no event of {intent}")));
    }
    let (events, chains) = (checked.events, checked.chains);
    out.json(&json!({"ok": checked.broken.is_none(), "events": events, "chains": chains, "broken": checked.broken}))?;
    out.line(format!("computed the hashes of {events} events in {chains} chains anew"))?;
    match checked.broken {
        Some(broken) => Err(Failure::no(broken)),
        None => out.line(out.paint(Style::Green, "each follows from the one before it, and none is missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_told_by_its_amount_and_status() {
        for (data, expected) in [
            (json!({"object": {"amount": "1.00", "currency": "USDC", "status": "SETTLED"}}), "1.00 USDC SETTLED"),
            (json!({"object": {"status": "B"}, "previous_attributes": {"status": "A"}}), "A → B"),
            (json!({"object": {"status": "B\u{1b}"}, "previous_attributes": {"amount": "2"}}), "B\u{fffd}"),
            (json!({"object": null}), ""),
        ] {
            assert_eq!(in_short(&json!({"data": data})), expected);
        }
    }
}
