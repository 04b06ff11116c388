//! `milepost listen`: a merchant's events as they happen, shown, and forwarded to a local address as webhooks are.

use std::sync::Arc;

use clap::Args;
use engine::{Host, Secret, System};
use escrow::id::RawId;
use escrow::{EventId, IntentId};
use serde_json::{Value, json};
use store::EventType;

use crate::api::{Api, ApiArgs, with_query};
use crate::failure::Failure;
use crate::log;
use crate::output::{Out, Style};
use crate::signals::Signals;

mod follow;
mod forward;
mod sse;

use follow::{Follower, Told};
use forward::{Forwarder, Outcome, parse_target};

/// What the secret that follows from an API key is for.
const PURPOSE: &str = "milepost listen: the secret of webhooks";

/// Follow a merchant's events as they happen, and forward them, signed, to a local address
///
/// Every event is posted as a webhook would be: the same body, headers and signatures, in order, one at a time. The secret follows
/// from the API key, so that it is the same every time. This is for development: what the address does not take is shown, and not
/// sent again. When the gateway is gone it is waited for, and nothing is missed. Ctrl-C ends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost listen --forward-to http://localhost:8080/webhooks --key sk_test_development
  milepost listen --events 'milestone.*,payment_intent.succeeded' --since 0")]
pub(crate) struct ListenArgs {
    /// Where every event is posted to, such as http://localhost:8080/webhooks [default: nowhere, events are only shown]
    #[arg(long, value_name = "URL", value_parser = parse_target)]
    forward_to: Option<String>,
    /// Only events of these types or families, with commas between them, such as `milestone.*,payment_intent.succeeded`
    #[arg(long, value_name = "TYPES")]
    events: Option<String>,
    /// Begin after this event, given by its id or its place in the stream; 0 for all there are [default: what happens from now on]
    #[arg(long, value_name = "PLACE", value_parser = parse_place)]
    since: Option<String>,
    /// Sign with this secret, such as whsec_…, instead of the one that follows from the API key
    #[arg(long, value_name = "SECRET")]
    secret: Option<String>,
    #[command(flatten)]
    gateway: ApiArgs,
}

fn parse_place(text: &str) -> Result<String, String> {
    let is_place = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_place || text.parse::<EventId>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err("expected the id of an event, such as evt_…, or its place, such as 42".to_owned())
    }
}

/// Runs the command until it is stopped.
///
/// # Errors
/// When the gateway refuses, or is not there at the beginning.
pub(crate) async fn run(args: ListenArgs, out: Out) -> Result<(), Failure> {
    log::start("warn,milepost=info", out)?;
    let mut signals = Signals::listen()?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let (url, key) = args.gateway.read()?;
    let secret = match args.secret {
        None => Secret::generate(key.derive(PURPOSE)),
        Some(text) => text.parse().map_err(|error| Failure::usage(format!("--secret: {error}")))?,
    };
    let forwarder = args.forward_to.map(|target| Forwarder::new(target, secret, host.clone()));
    let types = args.events.as_deref().map(|types| ("type", types));
    let path = with_query("/events/stream", types.as_slice());
    let mut follower = Follower::new(Api::new(&url, key, host.clone())?, host, path, args.since);
    let listened = tokio::select! {
        listened = listen(&mut follower, forwarder.as_ref(), out) => listened,
        () = signals.wait() => Ok(()),
    };
    if let Some(place) = follower.place() {
        tracing::info!("stopped after place {place}: --since {place} goes on from there");
    }
    listened
}

/// Shows and forwards one event after the other. Ends only when it cannot go on.
async fn listen(follower: &mut Follower, forwarder: Option<&Forwarder>, out: Out) -> Result<(), Failure> {
    follower.begin().await?;
    announce(follower, forwarder, out)?;
    loop {
        let told = follower.next().await?;
        let outcome = match forwarder {
            None => None,
            Some(forwarder) => Some(forwarder.forward(&told.event).await),
        };
        show(&told, outcome.as_ref(), out)?;
    }
}

fn announce(follower: &Follower, forwarder: Option<&Forwarder>, out: Out) -> Result<(), Failure> {
    let (url, place) = (follower.url(), follower.place());
    let (target, secret) = forwarder.map(|forwarder| (forwarder.target(), forwarder.secret())).unzip();
    out.line(format!("events of {url} after place {}", place.unwrap_or("0")))?;
    if let (Some(target), Some(secret)) = (target, secret) {
        out.line(format!("forwarded to {target}, signed with {secret}"))?;
    }
    out.json(&json!({"listening": url, "position": position(place), "forward_to": target, "secret": secret}))
}

/// A place as a number, which gateways count in.
fn position(place: Option<&str>) -> Option<u64> {
    place?.parse().ok()
}

fn show(told: &Told, outcome: Option<&Outcome>, out: Out) -> Result<(), Failure> {
    let event = &told.event;
    let outcome_cell = match outcome {
        None => String::new(),
        Some(outcome) => out.paint(if outcome.is_accepted() { Style::Green } else { Style::Red }, outcome),
    };
    let kind_width = EventType::all().map(|kind| kind.name().len()).max().unwrap_or_default();
    let intent_width = IntentId::new(RawId::from_bits(u128::MAX)).to_string().len();
    let (time, kind, id, intent) = (event.time(), &event.kind, event.id, event.intent_cell());
    let line = format!("{time}  {kind:<kind_width$}  {id}  {intent:<intent_width$}  {outcome_cell}");
    out.line(line.trim_end())?;
    let position = json!(position(told.place.as_deref()));
    let outcome = outcome.map_or(Value::Null, Outcome::json);
    out.json_text(format!(r#"{{"position":{position},"event":{},"forward":{outcome}}}"#, event.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbers_and_ids_of_events() {
        for text in ["0", "42", "evt_01KAPVV2QxkVfoWo4sJ3uB"] {
            assert_eq!(parse_place(text).as_deref(), Ok(text));
        }
        for text in ["", "-1", "+1", "1.5", "evt_", "we_01KAPVV2QxkVfoWo4sJ3uB", "42\n"] {
            assert!(parse_place(text).is_err(), "{text:?}");
        }
    }
}
