//! `milepost demo`: the main job, played in the terminal with the money moving in view.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use engine::{Config, Host, System};
use store::{KeyKind, Store};

use crate::api::{Api, ApiArgs, Key};
use crate::config::Sources;
use crate::connections::Limits;
use crate::failure::Failure;
use crate::gateway::{self, Plan, Running};
use crate::opening::{Opened, Site};
use crate::output::Out;
use crate::secret::SECRET_NAME;
use crate::signals::Signals;
use crate::{log, merchants, verify};

mod money;
mod story;

use story::{Audience, Story};

/// The merchant of a gateway that plays for itself.
const DEMO_MERCHANT: &str = "Demo";

/// Play the main job: lock 1,000 USDC, complete three milestones, watch every share move until it is settled
///
/// Plays against a gateway of its own in a temporary folder, or against another one with --api and --key. Only sandbox keys are
/// accepted: no real money moves. Exits 1 when the money is not where it should be.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  milepost demo
  milepost demo --api http://127.0.0.1:3000 --key sk_test_development")]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    gateway: ApiArgs,
}

/// Runs the command.
///
/// # Errors
/// When the gateway cannot be used, or the money is not where it should be.
pub(crate) async fn run(args: DemoArgs, _: &Sources, out: Out) -> Result<(), Failure> {
    log::start("warn", out)?;
    let mut signals = Signals::listen()?;
    let play = async {
        if args.gateway.names_gateway() {
            play_against(args.gateway, out).await
        } else if args.gateway.has_key() {
            Err(Failure::usage("--key: needs --api, the address of the gateway that the key is for"))
        } else {
            play_alone(out).await
        }
    };
    tokio::select! {
        played = play => played,
        () = signals.wait() => Err(Failure::no("stopped before the end")),
    }
}

async fn play_against(gateway: ApiArgs, out: Out) -> Result<(), Failure> {
    let (url, key) = gateway.read()?;
    match key.kind() {
        KeyKind::Test | KeyKind::Hackathon => {}
        KeyKind::Live | KeyKind::Admin => {
            return Err(key.refused("the demo plays with sk_test_… and sk_hackathon_… keys only"));
        }
    }
    let host: Arc<dyn Host> = Arc::new(System::new());
    out.line(format!("A job of 1,000 USDC in three milestones, on the gateway at {url}"))?;
    let api = Api::new(&url, key, host.clone())?;
    Story { api, host, out, audience: Audience::Shared }.play().await?;
    out.line("")?;
    out.line("To check the whole store of that gateway, run `milepost verify` beside it.")
}

/// Plays on a gateway that exists for this alone, then checks its whole store.
async fn play_alone(out: Out) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::unavailable(format!("no temporary folder: {error}")))?;
    let host: Arc<dyn Host> = Arc::new(System::new());
    let opened = Site::Folder(folder.path().to_owned()).open().await?;
    let store = opened.store.clone();
    let (running, url, key) = start(opened, &folder.path().join(SECRET_NAME), host.clone()).await?;
    let played = async {
        out.line(format!("A job of 1,000 USDC in three milestones, on a gateway of its own at {url}"))?;
        let api = Api::new(&url, Key::made(key, KeyKind::Test), host.clone())?;
        Story { api, host, out, audience: Audience::Alone }.play().await?;
        check(store.as_ref(), out).await
    };
    let result = played.await;
    running.stop().await;
    result
}

async fn start(opened: Opened, secret: &Path, host: Arc<dyn Host>) -> Result<(Running, String, String), Failure> {
    let (listener, address) = gateway::bind("--listen", ([127, 0, 0, 1], 0).into()).await?;
    let keyring = opened.keyring(secret, host.as_ref()).await?;
    let store = opened.store;
    let registry = merchants::registry(store.clone(), host.clone(), keyring.clone());
    let key = merchants::sandbox_key(store.as_ref(), &registry, DEMO_MERCHANT).await?;
    let url = gateway::local_url(address);
    let settings = server::Settings { public_url: url.clone(), ..server::Settings::default() };
    let plan = Plan {
        store,
        host,
        keyring,
        config: Config::default(),
        settings,
        connections: Limits::default(),
        metrics: None,
    };
    let running = gateway::start(plan, listener);
    Ok((running, url, key))
}

async fn check(store: &dyn Store, out: Out) -> Result<(), Failure> {
    let report = verify::checked(store).await.map_err(Failure::unavailable)?;
    out.line("")?;
    out.line("Every invariant, checked over the whole store:")?;
    let step = serde_json::json!({"step": "verified", "report": verify::as_json(&report)});
    let told = verify::show(&report, out).and_then(|()| out.json(&step));
    verify::verdict(&report, told)
}
