//! What the engine measures about itself. Whoever installs a recorder of the `metrics` crate sees it.

use metrics::{describe_histogram, gauge, histogram};

/// How many units a commit holds: the escrows that one transaction serves.
pub const BATCH_UNITS: &str = "milepost_batch_units";

/// How many commands a batch decides.
pub const BATCH_COMMANDS: &str = "milepost_batch_commands";

/// How long a commit takes, in seconds.
pub const COMMIT_SECONDS: &str = "milepost_commit_seconds";

/// How many commands wait in the queue when a batch is taken from it.
pub const QUEUE_WAITING: &str = "milepost_queue_waiting";

/// Says what the measures mean, to a recorder that was just installed.
pub fn describe() {
    describe_histogram!(BATCH_UNITS, "escrows served by one commit");
    describe_histogram!(BATCH_COMMANDS, "commands decided in one batch");
    describe_histogram!(COMMIT_SECONDS, metrics::Unit::Seconds, "how long a commit takes");
    metrics::describe_gauge!(QUEUE_WAITING, "commands that waited when the last batch was taken");
}

pub(crate) fn batch(commands: usize, waiting: usize) {
    histogram!(BATCH_COMMANDS).record(number(commands));
    gauge!(QUEUE_WAITING).set(number(waiting));
}

pub(crate) fn commit(units: usize, took_us: i64) {
    histogram!(BATCH_UNITS).record(number(units));
    histogram!(COMMIT_SECONDS).record(std::time::Duration::from_micros(took_us.unsigned_abs()));
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
