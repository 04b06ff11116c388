//! What the engine measures about itself. Whoever installs a recorder of the `metrics` crate sees it.

use std::time::Duration;

use escrow::{Duty, Mode, Timestamp};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use store::{Backlog, DeliveryState, Survey, Total};

/// How many units a commit holds: the escrows that one transaction serves.
pub const BATCH_UNITS: &str = "milepost_batch_units";

/// How many commands a batch decides.
pub const BATCH_COMMANDS: &str = "milepost_batch_commands";

/// How long a commit takes, in seconds.
pub const COMMIT_SECONDS: &str = "milepost_commit_seconds";

/// How long a stage before the commit takes, in seconds: `queue`, a command waits; `load`, what a batch needs is read; `decide`, it is
/// decided.
pub const STAGE_SECONDS: &str = "milepost_stage_seconds";

/// How many commands wait in the queue when a batch is taken from it.
pub const QUEUE_WAITING: &str = "milepost_queue_waiting";

/// How many duties of a kind are not done yet.
pub const JOBS_WAITING: &str = "milepost_jobs_waiting";

/// How many of them could be done by now.
pub const JOBS_DUE: &str = "milepost_jobs_due";

/// For how long the first of them could have been done, in seconds; 0 where none is due.
pub const JOBS_OLDEST_DUE_SECONDS: &str = "milepost_jobs_oldest_due_seconds";

/// Everybody's money in an account, in minor units of its currency. The ledger counts in whole numbers; this is a float, for charts alone.
pub const MONEY_MINOR_UNITS: &str = "milepost_money_minor_units";

/// How many calls to webhook endpoints were made, by how the delivery stands after it.
pub const WEBHOOK_CALLS: &str = "milepost_webhook_calls_total";

/// How long a call to a webhook endpoint takes, in seconds.
pub const WEBHOOK_CALL_SECONDS: &str = "milepost_webhook_call_seconds";

/// How long after an event a webhook endpoint is called for the first time, in seconds.
pub const WEBHOOK_LAG_SECONDS: &str = "milepost_webhook_lag_seconds";

/// Says what the measures mean, to a recorder that was just installed.
pub fn describe() {
    describe_histogram!(BATCH_UNITS, "escrows served by one commit");
    describe_histogram!(BATCH_COMMANDS, "commands decided in one batch");
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "how long a commit takes");
    describe_histogram!(STAGE_SECONDS, Unit::Seconds, "how long the stages before the commit take");
    describe_gauge!(JOBS_WAITING, "duties that are not done yet");
    describe_gauge!(JOBS_DUE, "duties that could be done by now");
    describe_gauge!(JOBS_OLDEST_DUE_SECONDS, Unit::Seconds, "for how long the first of them could have been done");
    describe_gauge!(MONEY_MINOR_UNITS, "everybody's money in an account, in minor units; rails are below zero");
    describe_counter!(WEBHOOK_CALLS, "calls to webhook endpoints");
    describe_histogram!(WEBHOOK_CALL_SECONDS, Unit::Seconds, "how long a call to a webhook endpoint takes");
    describe_histogram!(
        WEBHOOK_LAG_SECONDS,
        Unit::Seconds,
        "how long after an event an endpoint is called for the first time"
    );
    describe_gauge!(QUEUE_WAITING, "commands that waited when the last batch was taken");
}

pub(crate) fn batch(commands: usize, waiting: usize) {
    histogram!(BATCH_COMMANDS).record(number(commands));
    gauge!(QUEUE_WAITING).set(number(waiting));
}

/// What a batch does before it is committed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Each of its commands has waited for it.
    Queue,
    /// What it needs is read.
    Load,
    /// It is decided.
    Decide,
}

/// A stage has taken so long.
pub(crate) fn stage(stage: Stage, took_us: i64) {
    let name = match stage {
        Stage::Queue => "queue",
        Stage::Load => "load",
        Stage::Decide => "decide",
    };
    histogram!(STAGE_SECONDS, "stage" => name).record(Duration::from_micros(took_us.max(0).unsigned_abs()));
}

pub(crate) fn commit(units: usize, took_us: i64) {
    histogram!(BATCH_UNITS).record(number(units));
    histogram!(COMMIT_SECONDS).record(std::time::Duration::from_micros(took_us.unsigned_abs()));
}

/// A call to a webhook endpoint has ended, and its delivery stands so.
pub(crate) fn webhook_call(state: DeliveryState, took_ms: i64) {
    counter!(WEBHOOK_CALLS, "delivery" => state.name()).increment(1);
    histogram!(WEBHOOK_CALL_SECONDS).record(Duration::from_millis(took_ms.max(0).unsigned_abs()));
}

/// A webhook endpoint is called for the first time so long after an event.
pub(crate) fn webhook_lag(lag_ms: i64) {
    histogram!(WEBHOOK_LAG_SECONDS).record(Duration::from_millis(lag_ms.max(0).unsigned_abs()));
}

/// Shows a survey of the store that was made at this time.
pub fn survey(survey: &Survey, now: Timestamp) {
    for duty in Duty::NAMES {
        let backlog = survey.backlog.iter().find(|backlog| backlog.duty == duty);
        let Backlog { waiting, due, first, .. } =
            backlog.copied().unwrap_or(Backlog { duty, waiting: 0, due: 0, first: now });
        let late_ms = now.ms().saturating_sub(first.ms()).max(0);
        gauge!(JOBS_WAITING, "duty" => duty).set(float(waiting.into()));
        gauge!(JOBS_DUE, "duty" => duty).set(float(due.into()));
        let late = Duration::from_millis(late_ms.unsigned_abs());
        gauge!(JOBS_OLDEST_DUE_SECONDS, "duty" => duty).set(late.as_secs_f64());
    }
    for Total { mode, account, currency, minor } in &survey.totals {
        let mode = match mode {
            Mode::Sandbox => "sandbox",
            Mode::Live => "live",
        };
        let account = account.to_string();
        gauge!(MONEY_MINOR_UNITS, "mode" => mode, "account" => account, "currency" => currency.code())
            .set(float(*minor));
    }
}

/// The float next to a number: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "for charts")]
fn float(number: i128) -> f64 {
    number as f64
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
