//! `milepost bench life`: whole lives of intents.

use std::sync::Arc;

use clap::Args;
use engine::{Config, Host, System};
use escrow::Span;
use serde_json::json;
use server::{Settings, WebhookTargets};

use super::receivers::Receivers;
use super::story::Story;
use super::{Run, STORIES_AT_ONCE};
use crate::bench::load::Target;
use crate::bench::measure;
use crate::bench::stage::Bench;
use crate::failure::Failure;
use crate::log;
use crate::opening::Site;
use crate::output::Out;

/// The requests of a life: it is created, looked at, and completed in three steps.
const REQUESTS: usize = 5;

/// Measure how fast whole lives of payment intents are led
///
/// Runs a gateway on an embedded store of its own in a temporary folder. Intents are created with three milestones and completed, the
/// gateway settles each share at once, and a webhook endpoint in the same process is told every event. A life ends when the last one has
/// arrived there.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  milepost bench life --intents 2000 --json")]
pub(crate) struct LifeArgs {
    /// How many lives there are
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    intents: u32,
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be run, an answer was not what it should be, or an event did not arrive.
pub(in crate::bench) async fn run(args: LifeArgs, out: Out) -> Result<(), Failure> {
    log::start("error", out)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::unavailable(format!("no temporary folder: {error}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let mut config = Config::default();
    config.settings.settlement_delay = Span::from_ms(0);
    let settings = Settings { webhook_targets: WebhookTargets::Loopback, ..Settings::default() };
    let site = Site::Folder(folder.path().to_owned());
    let bench = Bench::start(site, host.clone(), config, settings).await?;
    let story = Story::until_settled(&bench.load).await?;
    let intents = args.intents as usize;
    let receivers = Receivers::start(host.clone(), 1, story.events(), intents).await?;
    for url in receivers.urls() {
        bench.load.post("/v1/webhook-endpoints", &json!({"url": url, "enabledEvents": ["*"]})).await?;
    }
    let constants = Target::constants(intents * REQUESTS);
    let constant = bench.load.at(bench.constant).run(STORIES_AT_ONCE, &constants).await?.measured.rate();
    let run = Run { bench: &bench, host: &host, story: &story, receivers: &receivers, folder: folder.path(), out };
    let lives = run.phase("lives", intents, Span::from_ms(0)).await?;
    bench.stop().await;
    let (per_second, events) = (lives.rate(), story.events());
    let (lives_per_second, of_constant) =
        (measure::ratio(per_second, measure::count(events)), measure::ratio(per_second, constant));
    out.line(format!(
        "{lives_per_second:.0} lives a second, of {REQUESTS} requests and {events} events each; events arrived at {of_constant:.3} of the rate of the constant handler"
    ))?;
    out.json(&json!({
        "intents": intents,
        "lives_per_second": lives_per_second,
        "events_each": events,
        "events_expected": lives.expected,
        "events_delivered": lives.arrived,
        "constant_per_second": constant,
    }))?;
    if lives.arrived < lives.expected {
        return Err(Failure::no(format!("{} of {} events arrived", lives.arrived, lives.expected)));
    }
    Ok(())
}
