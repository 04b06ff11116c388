//! `milepost bench webhooks`: how fast events reach webhook endpoints, and that others which fail keep none of them waiting.
//!
//! Gateway, load and receivers share the process and its threads. What counts is the ratio to a plain loop, which sends the same
//! receivers the same bodies in the same run.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use engine::{Host, System};
use escrow::Span;
use serde_json::{Value, json};
use server::{Settings, WebhookTargets};

use super::load::Load;
use super::measure;
use super::stage::{Bench, without_settlements};
use crate::api::text;
use crate::failure::Failure;
use crate::log;
use crate::opening::Site;
use crate::output::Out;

pub(super) mod life;
mod receivers;
mod report;
mod story;

use receivers::{Receivers, Tally};
use report::{Memory, Phase, Report};
use story::Story;

/// How many intents are led through their stories at the same time.
const STORIES_AT_ONCE: usize = 16;

/// A steady load has so many times fewer events than a burst,
const STEADY_PART: usize = 5;

/// and brings so many times fewer of them in a second than the gateway has delivered.
const STEADY_PACE: i64 = 3;

/// How many calls the plain loop makes.
const PLAIN_CALLS: usize = 20_000;

/// How often to look whether everything has arrived.
const LOOK_EVERY: Span = Span::from_ms(20);

/// For how long nothing arrives when nothing more will.
const SILENCE: Span = Span::from_seconds(60);

/// Measure how fast events reach webhook endpoints
///
/// Runs a gateway on an embedded store of its own in a temporary folder, and endpoints in the same process: some that take every event at
/// once, some whose port is closed, and some that never answer. Leads payment intents through the main job, first as fast as it goes, then
/// steadily at a third of the pace that was reached, and measures how long after the answers their events arrive.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  milepost bench webhooks --events 100000 --endpoints 50 --refusing 10 --hanging 2 --json")]
pub(crate) struct WebhooksArgs {
    /// How many events are made in the burst, to a whole intent; the steady load has a fifth of them
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    events: u32,
    /// How many webhook endpoints there are
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    endpoints: u8,
    /// How many of them have a closed port
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=99))]
    refusing: u8,
    /// How many of them take calls and never answer
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=99))]
    hanging: u8,
}

impl WebhooksArgs {
    /// How many endpoints take everything.
    fn healthy(&self) -> Result<u8, Failure> {
        let rest = self.endpoints.checked_sub(self.refusing).and_then(|rest| rest.checked_sub(self.hanging));
        rest.filter(|healthy| *healthy > 0).ok_or_else(|| {
            Failure::usage(
                "--endpoints: expected more than --refusing and --hanging together, so that some are left that work",
            )
        })
    }
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be run, or an answer was not what it should be.
pub(super) async fn run(args: WebhooksArgs, out: Out) -> Result<(), Failure> {
    let healthy = args.healthy()?;
    log::start("error", out)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::unavailable(format!("no temporary folder: {error}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let config = without_settlements();
    let settings = Settings { webhook_targets: WebhookTargets::Loopback, ..Settings::default() };
    let site = Site::Folder(folder.path().to_owned());
    let bench = Bench::start(site, host.clone(), config, settings).await?;
    let story = Story::learn(&bench.load).await?;
    let burst = story.intents_for(args.events as usize);
    let steady = story.intents_for((args.events as usize).div_ceil(STEADY_PART));
    let receivers = Receivers::start(host.clone(), healthy, story.events(), burst + steady).await?;
    receivers.add_failing(args.refusing, args.hanging)?;
    let plain = receivers.call_plainly(&bench.load, PLAIN_CALLS, &story.body).await?;
    for url in receivers.urls() {
        bench.load.post("/v1/webhook-endpoints", &json!({"url": url, "enabledEvents": ["*"]})).await?;
    }
    let run = Run { bench: &bench, host: &host, story: &story, receivers: &receivers, folder: folder.path(), out };
    let (all_before, own_before) = (measure::memory_bytes("VmRSS"), measure::memory_bytes("RssAnon"));
    let store_before = measure::folder_bytes(run.folder);
    let burst = run.phase("burst", burst, Span::from_ms(0)).await?;
    let store_bytes = measure::folder_bytes(run.folder).saturating_sub(store_before);
    let steady = run.phase("steady", steady, burst.pace(STORIES_AT_ONCE, STEADY_PACE)).await?;
    let growth =
        |now: Option<u64>, before: Option<u64>| now.zip(before).map(|(now, before)| now.saturating_sub(before));
    let memory = Memory {
        peak_bytes: growth(measure::memory_bytes("VmHWM"), all_before),
        own_bytes: growth(burst.own_memory_bytes.max(steady.own_memory_bytes), own_before),
    };
    let failing_calls = engine::meter::WEBHOOK_CALLS;
    let failed = ["pending", "failed"].map(|state| bench.counted(&format!("{failing_calls}{{delivery=\"{state}\"}}")));
    let hanging_calls = receivers.hanging_calls();
    bench.stop().await;
    let report = Report {
        burst,
        steady,
        plain,
        healthy,
        tally: receivers.tally(),
        hanging_calls,
        refusing_calls: failed.iter().sum::<u64>().saturating_sub(hanging_calls),
        memory,
        store_bytes,
    };
    report.write(&args, out)
}

/// What a phase works with.
struct Run<'r> {
    bench: &'r Bench,
    host: &'r Arc<dyn Host>,
    story: &'r Story,
    receivers: &'r Receivers,
    folder: &'r Path,
    out: Out,
}

impl Run<'_> {
    /// Leads so many intents through the story, each connection beginning one every `pace`, and waits until all that comes of it has
    /// arrived.
    async fn phase(&self, name: &'static str, intents: usize, pace: Span) -> Result<Phase, Failure> {
        if self.out.is_watched() {
            eprintln!("{name}: {} events", intents * self.story.events());
        }
        let before = self.receivers.tally();
        let begun_us = self.host.ticks_us();
        let answered = self.story.tell(&self.bench.load, STORIES_AT_ONCE, intents, pace).await?;
        let made_us = self.host.ticks_us() - begun_us;
        let expected = intents * self.story.events() * self.receivers.healthy();
        let (tally, own_memory_bytes) = self.all_arrived(&before, expected).await;
        let lags = self.receivers.lags(&answered, self.story);
        Ok(Phase {
            name,
            intents,
            events: intents * self.story.events(),
            made_us,
            expected,
            arrived: tally.arrived - before.arrived,
            took_us: (self.receivers.last_arrival_us() - begun_us).max(1),
            lags,
            own_memory_bytes,
        })
    }

    /// Waits until so much has arrived, or nothing does any more, and sees how large the process was at most.
    async fn all_arrived(&self, before: &Tally, expected: usize) -> (Tally, Option<u64>) {
        let (mut tally, mut changed_us) = (self.receivers.tally(), self.host.ticks_us());
        let mut own_memory_bytes = measure::memory_bytes("RssAnon");
        while tally.arrived - before.arrived < expected {
            self.host.sleep(LOOK_EVERY).await;
            own_memory_bytes = own_memory_bytes.max(measure::memory_bytes("RssAnon"));
            let now = self.receivers.tally();
            if now.arrived > tally.arrived {
                changed_us = self.host.ticks_us();
            } else if self.host.ticks_us() - changed_us > SILENCE.ms() * 1000 {
                break;
            }
            tally = now;
        }
        (tally, own_memory_bytes)
    }
}

/// A text of an answer, by JSON pointer.
fn id_of(answer: &Value, pointer: &str) -> Result<String, Failure> {
    text(answer, pointer).map(str::to_owned)
}

impl Load {
    /// Posts one body over a connection of its own.
    async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.connect().await?.ask("POST", path, Some(body)).await
    }
}
