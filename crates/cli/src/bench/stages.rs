//! Where the time of a completion goes, as the gateway's own measures tell.
#![expect(clippy::float_arithmetic, reason = "nothing here is money")]

use serde_json::{Value, json};

use super::measure::{Times, sum};

/// The route of a completion, as it is measured.
const COMPLETION: &str = "{route=\"/payment-intents/{intent}/escrow/milestones/{milestone}/complete\"}";

/// What was measured until some time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stages {
    request: Times,
    /// In the order in which a command goes through them.
    stages: [Times; 4],
}

/// Averages, in milliseconds. A command waits for all of its batch, so that what the batch takes is what the command takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Means {
    pub(super) queue: f64,
    pub(super) load: f64,
    pub(super) decide: f64,
    pub(super) commit: f64,
    /// What is left of the request: it is read and authenticated, its task waits for a processor, its answer is written out.
    pub(super) http: f64,
}

impl Stages {
    /// As the metrics say.
    pub(super) fn of(metrics: &str) -> Stages {
        let stage = |name: &str| sum(metrics, engine::meter::STAGE_SECONDS, &format!("{{stage=\"{name}\"}}"));
        let commit = sum(metrics, engine::meter::COMMIT_SECONDS, "");
        Stages {
            request: sum(metrics, server::meter::REQUEST_SECONDS, COMPLETION),
            stages: [stage("queue"), stage("load"), stage("decide"), commit],
        }
    }

    /// What completions took since then.
    pub(super) fn means_since(&self, before: &Stages) -> Means {
        let [queue, load, decide, commit] =
            std::array::from_fn(|place| self.stages[place].mean_ms_since(before.stages[place]));
        let http = (self.request.mean_ms_since(before.request) - queue - load - decide - commit).max(0.0);
        Means { queue, load, decide, commit, http }
    }
}

impl Means {
    pub(super) fn words(&self) -> String {
        let Means { queue, load, decide, commit, http } = self;
        format!(
            "a completion takes, in ms: queue {queue:.2}, load {load:.2}, decide {decide:.2}, commit {commit:.2}, reading, scheduling \
             and reply {http:.2}"
        )
    }

    pub(super) fn json(&self) -> Value {
        let Means { queue, load, decide, commit, http } = self;
        json!({"queue_ms": queue, "load_ms": load, "decide_ms": decide, "commit_ms": commit, "rest_ms": http})
    }
}
