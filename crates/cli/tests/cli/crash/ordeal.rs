//! Many clients at work on a gateway that is struck down again and again, and what is asked of it each time it is back.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{Host, System};
use escrow::Span;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::api::{Api, KEY};
use super::dice::Dice;
use super::story::{Deeds, Findings, Story};
use crate::harness::{Environment, Gateway, folder, run_json, until};

/// After how many answers, at most, the blow falls.
const MOST_ANSWERS: u64 = 400;

/// How long after that, at most: a few commits.
const LONGEST_DELAY_MS: u64 = 20;

/// How long those answers may take.
const PATIENCE: Span = Span::from_seconds(60);

/// Settlements start and payments become final under the load too; a payment takes five blocks, so that many are struck under way.
const ARGS: [&str; 6] = ["--settlement-delay", "1s", "--block-time", "200ms", "--test-key", KEY];

/// Clients, a store, and what became of them.
pub(crate) struct Ordeal {
    pub(crate) dice: Dice,
    folder: TempDir,
    runtime: Runtime,
    stories: Vec<Story>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    blows: u64,
    retried_done_before: u64,
    retried_done_now: u64,
    replayed: u64,
    seen_under_way: u64,
}

impl Ordeal {
    /// So many clients and an empty folder.
    pub(crate) fn new(clients: usize, dice: Dice) -> Ordeal {
        let stories = (0..clients).map(|number| Story::new(format!("{:x}-{number}", dice.seed()))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Ordeal { dice, folder: folder(), runtime, stories, counts: Counts::default() }
    }

    /// The folder in which the store's folder is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The store's folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Starts the gateway.
    pub(crate) fn start(&self, environment: &Environment) -> Gateway {
        Gateway::start_in(environment, self.folder(), &ARGS)
    }

    /// Lets the clients work, and strikes at a random moment. Each of them goes on until it is left without an answer.
    pub(crate) fn strike(&mut self, api: &Api, blow: impl FnOnce()) {
        let answers_before = 1 + self.dice.below(MOST_ANSWERS);
        let delay_ms = self.dice.below(LONGEST_DELAY_MS);
        let stories = std::mem::take(&mut self.stories);
        self.stories = self.runtime.block_on(async {
            let host = System::new();
            let (answers, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
            let mut clients = JoinSet::new();
            for mut story in stories {
                let (api, answers, enough) = (api.clone(), Arc::clone(&answers), Arc::clone(&enough));
                let count = move || {
                    if answers.fetch_add(1, Ordering::Relaxed) + 1 == answers_before {
                        enough.notify_one();
                    }
                };
                clients.spawn(async move {
                    story.go_on(&api, count).await;
                    story
                });
            }
            tokio::select! {
                () = enough.notified() => {}
                () = host.sleep(PATIENCE) => panic!("only {} requests were answered", answers.load(Ordering::Relaxed)),
            }
            host.sleep(Span::from_ms(i64::try_from(delay_ms).expect("a short delay"))).await;
            blow();
            clients.join_all().await
        });
        self.counts.blows += 1;
    }

    /// Compares the gateway with what the clients remember of the last load, or of everything.
    pub(crate) fn examine(&mut self, api: &Api, scope: Scope) -> Findings {
        let stories = std::mem::take(&mut self.stories);
        let (stories, findings) = self.runtime.block_on(async {
            let mut clients = JoinSet::new();
            for story in stories {
                let api = api.clone();
                clients.spawn(async move {
                    let findings = story.check(&api, scope).await;
                    (story, findings)
                });
            }
            let mut all = Findings::default();
            let mut stories = Vec::new();
            for (story, findings) in clients.join_all().await {
                stories.push(story);
                all.add(findings);
            }
            (stories, all)
        });
        self.stories = stories;
        self.counts.replayed += findings.replayed;
        self.counts.seen_under_way += findings.under_way;
        findings
    }

    /// Asserts that all that was answered is there, once, and is answered so again.
    pub(crate) fn assert_kept(&mut self, api: &Api, scope: Scope) {
        let findings = self.examine(api, scope);
        assert!(findings.is_clean(), "after {} blows: {findings:#?}", self.counts.blows);
    }

    /// Sends again what was not answered, and asserts that then everything was done exactly once. Gives how many of the
    /// requests turned out to have been done the first time.
    pub(crate) fn retry(&mut self, api: &Api) -> u64 {
        let (mut before, mut now) = (0, 0);
        for story in &mut self.stories {
            match self.runtime.block_on(story.retry(api)) {
                Some(true) => before += 1,
                Some(false) => now += 1,
                None => {}
            }
        }
        self.counts.retried_done_before += before;
        self.counts.retried_done_now += now;
        self.assert_exact();
        before
    }

    fn assert_exact(&self) {
        let deeds = self.deeds();
        let report = run_json(self.folder(), &["verify", "--data", "data"]);
        let stored = ["escrows", "milestones", "settlements"].map(|name| report[name].as_u64().expect("a count"));
        assert_eq!(report["ok"], true);
        assert_eq!(
            stored,
            [deeds.creations, deeds.milestones(), deeds.completions],
            "what is stored, what was asked for"
        );
    }

    fn deeds(&self) -> Deeds {
        let mut deeds = Deeds::default();
        self.stories.iter().for_each(|story| story.count(&mut deeds));
        deeds
    }

    /// Waits until every release is settled, as it is by itself.
    pub(crate) fn wait_for_settlements(&self, gateway: &Gateway) {
        let api = Api::of(gateway);
        until("every release to be settled", || {
            let (_, balance) = self.runtime.block_on(api.get("/account/balance"));
            let is_zero = |name: &str| balance["data"][name] == "0.00";
            (is_zero("availableBalance") && is_zero("reservedBalance")).then_some(())
        });
    }

    /// Waits until no payment is under way: each becomes final by itself.
    fn wait_for_payments(&self, gateway: &Gateway) {
        let api = Api::of(gateway);
        until("every payment to be final", || {
            let (status, processing) = self.runtime.block_on(api.get("/payment-intents?status=PROCESSING"));
            assert_eq!(status, 200, "{processing}");
            processing["data"].as_array().expect("a list").is_empty().then_some(())
        });
    }

    /// Asserts that everything is there, each payment final, and says what was seen.
    pub(crate) fn conclude(mut self, gateway: Gateway) {
        self.wait_for_payments(&gateway);
        self.assert_kept(&Api::of(&gateway), Scope::Everything);
        gateway.stop();
        self.assert_exact();
        let (deeds, counts) = (self.deeds(), &self.counts);
        println!(
            "{} blows; {} requests answered, all of them there once: {} intents, {} milestones, {} card payments, {} \
             completions; lost 0, doubled 0; {} left unanswered and sent again, of which {} had been done and {} had not; {} \
             payments seen under way after a blow; {} answers repeated to the byte",
            counts.blows,
            deeds.total(),
            deeds.creations,
            deeds.milestones(),
            deeds.payments,
            deeds.completions,
            counts.retried_done_before + counts.retried_done_now,
            counts.retried_done_before,
            counts.retried_done_now,
            counts.seen_under_way,
            counts.replayed,
        );
    }
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// What was asked for since the last load began.
    LastLoad,
    /// All that ever was.
    Everything,
}
