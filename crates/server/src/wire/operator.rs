//! What the operator sees of everybody's objects.

use engine::verify::{Broken, Report};
use escrow::{IntentId, MerchantId, Mode, Owner};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use store::JobState;

use super::rfc3339;
use super::schema::{Id, Rfc3339};

/// Somebody's object, with whose it is.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Owned")]
pub(crate) struct Owned<T> {
    #[serde(flatten)]
    object: T,
    #[schemars(with = "Id<MerchantId>")]
    merchant_id: MerchantId,
    livemode: bool,
}

/// An object of this owner's.
pub(crate) fn owned<T>(owner: Owner, object: T) -> Owned<T> {
    Owned { object, merchant_id: owner.merchant, livemode: owner.mode == Mode::Live }
}

/// What `object` says of a job.
const JOB: &str = "job";

/// What `object` says of a check.
const VERIFICATION: &str = "verification";

/// What `status` says of a job.
const WAITING: &str = "waiting";
/// See [`WAITING`].
const LEASED: &str = "leased";

/// A duty that is not done yet.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Job")]
pub(crate) struct WireJob {
    #[schemars(extend("const" = JOB))]
    object: &'static str,
    #[schemars(extend("enum" = [WAITING, LEASED]))]
    status: &'static str,
    #[schemars(with = "Id<IntentId>")]
    payment_intent_id: IntentId,
    #[schemars(with = "Id<MerchantId>")]
    merchant_id: MerchantId,
    livemode: bool,
    duty: String,
    /// By the owner's clock, which in the sandbox may be ahead of real time.
    due_at: Rfc3339,
    /// In real time: when it can be done, or until when whoever does it may take.
    run_at: Rfc3339,
    attempts: u32,
}

/// The wire form of a job.
pub(crate) fn job(job: &JobState) -> WireJob {
    WireJob {
        object: JOB,
        status: if job.is_leased { LEASED } else { WAITING },
        payment_intent_id: job.intent,
        merchant_id: job.owner.merchant,
        livemode: job.owner.mode == Mode::Live,
        duty: job.duty.to_string(),
        due_at: rfc3339(job.due),
        run_at: rfc3339(job.run_at),
        attempts: job.attempts,
    }
}

/// What a check of everything has found.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verification<'a> {
    #[schemars(extend("const" = VERIFICATION))]
    object: &'static str,
    ok: bool,
    #[schemars(schema_with = "counts")]
    counts: Counts,
    broken_total: u64,
    broken: Vec<WireBroken<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Broken")]
struct WireBroken<'a> {
    invariant: &'static str,
    what: &'a str,
}

/// How much was looked at, by name.
struct Counts([(&'static str, u64); 9]);

fn counts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": "integer", "minimum": 0 } })
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0)
    }
}

/// The wire form of a report.
pub(crate) fn verification(report: &Report) -> Verification<'_> {
    Verification {
        object: VERIFICATION,
        ok: report.is_clean(),
        counts: Counts(report.counts()),
        broken_total: report.broken_total,
        broken: report.broken.iter().map(broken).collect(),
    }
}

fn broken(Broken { invariant, what }: &Broken) -> WireBroken<'_> {
    WireBroken { invariant: invariant.name(), what }
}
