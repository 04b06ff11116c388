//! `milepost trigger`: makes an event happen by really doing what causes it, in the sandbox of a gateway and through its API.

use std::sync::Arc;

use clap::Args;
use engine::{Host, System};
use escrow::{IntentId, Span};
use serde_json::{Value, json};
use store::EventType;

use crate::api::{Api, ApiArgs};
use crate::failure::Failure;
use crate::output::{Column, Out, Style};

mod account;
mod director;
mod events;
mod job;
mod recipe;
mod releasing;
mod stage;

use director::Director;
use recipe::Recipe;

/// How long an event may take that happens by itself once everything was done for it: what a worker of the gateway does at once.
const PATIENCE_MS: i64 = 30_000;

/// How often the gateway is asked for the events at first.
const QUICK_POLL: Span = Span::from_ms(100);

/// For how long.
const QUICK_MS: i64 = 1_000;

/// How often it is asked after that.
const SLOW_POLL: Span = Span::from_ms(1_000);

/// How many types are named that a wrong one may have meant.
const MOST_NEAR: usize = 6;

/// How many letters of a type may be wrong for it to be meant.
const MOST_SLIPS: usize = 4;

/// Make an event happen, by really doing what causes it in the sandbox of a running gateway
///
/// Everything is done through the public API with a sandbox key, on a payment intent that is made for it unless one is named, by the
/// gateway at http://127.0.0.1:3000 unless --api says otherwise. Where money has to be paid out or a time lock to open, the sandbox's
/// clock is moved forward, and with it everything timed of that merchant: --list says for which types, and the output says by how
/// much. Prints every event that was caused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost trigger milestone.completed --key sk_test_development
  milepost trigger dispute.raised --payment-intent intent_03526TvXS1xjZkAOIdxNZ8
  milepost trigger --list")]
pub(crate) struct TriggerArgs {
    /// The type of the event, such as milestone.completed
    #[arg(value_name = "TYPE", required_unless_present = "list")]
    kind: Option<String>,
    /// Do it to this payment intent instead of a new one
    #[arg(long, value_name = "ID", value_parser = parse_intent, conflicts_with = "list")]
    payment_intent: Option<IntentId>,
    /// List all types, and what is done for each
    #[arg(long, conflicts_with = "kind")]
    list: bool,
    #[command(flatten)]
    gateway: ApiArgs,
}

fn parse_intent(text: &str) -> Result<IntentId, String> {
    text.parse().map_err(|error: escrow::id::IdError| error.to_string())
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be used, or the event cannot be made to happen.
pub(crate) async fn run(args: TriggerArgs, out: Out) -> Result<(), Failure> {
    let Some(name) = args.kind else { return list(out) };
    let kind = EventType::from_name(&name).ok_or_else(|| unknown(&name))?;
    let recipe = Recipe::of(kind);
    if args.payment_intent.is_some() {
        let refused = |why| Failure::usage(format!("--payment-intent: leave it out for {kind}: {why}"));
        recipe.stage.takes_named().map_err(refused)?;
    }
    let (url, key) = args.gateway.read()?;
    recipe.stage.takes_key(key.kind()).map_err(|why| key.refused(&format!("cannot trigger {kind}: {why}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let mut director = Director {
        api: Api::new(&url, key, host.clone())?,
        host,
        out,
        kind,
        intent: String::new(),
        subjects: Vec::new(),
        done: Vec::new(),
        advanced_s: 0,
    };
    let caused = director.cause(recipe, args.payment_intent).await?;
    director.show(&caused)
}

impl Director {
    /// Does what a recipe says, and gives all events that came of it, the oldest first.
    async fn cause(&mut self, recipe: Recipe, named: Option<IntentId>) -> Result<Vec<Value>, Failure> {
        let mut before = 0;
        if let Some(intent) = named {
            self.intent = intent.to_string();
            let job = self.job().await?;
            recipe.stage.admit(&job).map_err(|why| self.cannot(&job, &why))?;
            before = events::latest(&self.api, &self.intent).await?;
        } else {
            self.set(recipe.stage).await?;
        }
        for step in recipe.steps {
            self.perform(*step).await?;
        }
        self.wait_for_event(before).await
    }

    async fn wait_for_event(&self, before: u64) -> Result<Vec<Value>, Failure> {
        let since_ms = self.host.ticks_ms();
        loop {
            let caused = if self.intent.is_empty() {
                events::about(&self.api, &self.subjects).await?
            } else {
                events::of_intent(&self.api, &self.intent, before).await?
            };
            if caused.iter().any(|event| self.is_wanted(event)) {
                return Ok(caused);
            }
            let waited_ms = self.host.ticks_ms() - since_ms;
            if waited_ms > PATIENCE_MS {
                return Err(self.did_not_happen(&caused));
            }
            self.host.sleep(if waited_ms < QUICK_MS { QUICK_POLL } else { SLOW_POLL }).await;
        }
    }

    fn is_wanted(&self, event: &Value) -> bool {
        event["type"] == self.kind.name()
    }

    fn did_not_happen(&self, caused: &[Value]) -> Failure {
        let seconds = PATIENCE_MS / 1000;
        let types: Vec<&str> = caused.iter().filter_map(|event| event["type"].as_str()).collect();
        let instead = if types.is_empty() { "nothing".to_owned() } else { types.join(", ") };
        Failure::no(format!(
            "{} has not happened within {seconds} s after all was done for it; what has: {instead}",
            self.kind
        ))
    }

    /// Shows the events that were caused, the wanted ones marked.
    fn show(&self, caused: &[Value]) -> Result<(), Failure> {
        let out = &self.out;
        let wanted = caused.iter().rfind(|event| self.is_wanted(event));
        out.json(&json!({
            "type": self.kind.name(),
            "paymentIntentId": (!self.intent.is_empty()).then_some(&self.intent),
            "done": self.done,
            "clockAdvancedBySeconds": self.advanced_s,
            "event": wanted,
            "events": caused,
        }))?;
        out.line("")?;
        let cell = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let row = |event: &Value| {
            let mark = if self.is_wanted(event) { "→" } else { "" };
            vec![mark.to_owned(), cell(&event["type"]), cell(&event["data"]["object"]["id"]), cell(&event["id"])]
        };
        let columns = ["", "event", "about", "id"].map(Column::Left);
        out.table(&columns, &caused.iter().map(row).collect::<Vec<_>>())?;
        if self.advanced_s > 0 {
            let note = format!("The sandbox's clock is {} s further than it was, and stays so.", self.advanced_s);
            out.line("")?;
            out.line(out.paint(Style::Yellow, note))?;
        }
        Ok(())
    }
}

/// Shows every type, and what is done for it.
fn list(out: Out) -> Result<(), Failure> {
    let all: Vec<(EventType, Recipe)> = EventType::all().map(|kind| (kind, Recipe::of(kind))).collect();
    let as_json = |(kind, recipe): &(EventType, Recipe)| {
        json!({
            "type": kind.name(),
            "does": recipe.does,
            "mayMoveClock": recipe.may_move_clock(),
            "takesPaymentIntent": recipe.stage.takes_named().is_ok(),
        })
    };
    out.json(&json!({"object": "list", "data": all.iter().map(as_json).collect::<Vec<_>>()}))?;
    let row = |(kind, recipe): &(EventType, Recipe)| {
        let clock = if recipe.may_move_clock() { "may be moved" } else { "" };
        let intent = if recipe.stage.takes_named().is_ok() { "new or named" } else { "" };
        vec![kind.name().to_owned(), recipe.does.to_owned(), intent.to_owned(), clock.to_owned()]
    };
    let columns = ["event", "what is done", "payment intent", "clock"].map(Column::Left);
    out.table(&columns, &all.iter().map(row).collect::<Vec<_>>())
}

/// There is no such type; others may be meant.
fn unknown(name: &str) -> Failure {
    let near = near(name);
    let meant = if near.is_empty() { String::new() } else { format!(" Did you mean {}?", near.join(", or ")) };
    Failure::usage(format!("TYPE: there is no event {name:?}.{meant} `milepost trigger --list` shows all there are."))
}

/// The types that a name may mean, the nearest first: those that it is a part of, and those that it is a few slips away from.
fn near(name: &str) -> Vec<&'static str> {
    let name = name.to_lowercase();
    let slips = |kind: &str| strsim::damerau_levenshtein(&name, kind);
    let is_near = |kind: &&str| (!name.is_empty() && kind.contains(&name)) || slips(kind) <= MOST_SLIPS;
    let mut found: Vec<&'static str> = EventType::all().map(EventType::name).filter(is_near).collect();
    found.sort_by_key(|kind| slips(kind));
    found.truncate(MOST_NEAR);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_type_leads_to_those_that_may_be_meant() {
        for (name, first) in [
            ("milestone.complete", Some("milestone.completed")),
            ("Milestone.Released", Some("milestone.released")),
            ("payment_intent.cancelled", Some("payment_intent.canceled")),
            ("timelock.released", Some("time_lock.released")),
            ("retried", Some("settlement.retried")),
            ("dispute", Some("dispute.raised")),
            ("", None),
            ("invoice.payment_succeeded", None),
        ] {
            assert_eq!(near(name).first().copied(), first, "{name}");
        }
        assert!(near("milestone").len() == MOST_NEAR);
    }

    #[test]
    fn every_type_says_what_is_done_for_it() {
        for kind in EventType::all() {
            let recipe = Recipe::of(kind);
            let is_said = recipe.does.chars().count() > 10 && !recipe.does.ends_with('.');
            assert!(is_said && recipe.does.starts_with(char::is_lowercase), "{kind}: {}", recipe.does);
            let happens_by_creation = recipe.steps.is_empty();
            assert_eq!(happens_by_creation, recipe.stage == recipe::Stage::New, "{kind}");
        }
    }
}
