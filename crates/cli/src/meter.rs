//! Where measures go: kept in the process, shown in the Prometheus text format.

use std::sync::Arc;

use engine::Host;
use escrow::Span;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Bounds of histograms that count what a batch holds.
const BATCH_BOUNDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Bounds of histograms that tell how long something took, in seconds.
const SECONDS_BOUNDS: [f64; 15] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// How often what was measured is put into its buckets. Until then every measure takes room of its own, and those who read them may
/// never come.
const TIDY_EVERY: Span = Span::from_seconds(5);

/// How many connections are open.
const CONNECTIONS_OPEN: &str = "milepost_connections_open";

/// How many connections gave way to others.
const CONNECTIONS_EVICTED: &str = "milepost_connections_evicted_total";

/// Keeps what this process measures from now on, and gives what writes it out. `None` when that cannot be done, or was done
/// before: a gateway works without measures.
pub(crate) fn install(host: &Arc<dyn Host>) -> Option<server::Metrics> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets(&BATCH_BOUNDS)
        .and_then(|builder| builder.set_buckets_for_metric(seconds, &SECONDS_BOUNDS));
    match builder.and_then(PrometheusBuilder::install_recorder) {
        Ok(handle) => {
            engine::meter::describe();
            server::meter::describe();
            describe();
            let (tidied, clock) = (handle.clone(), host.clone());
            host.spawn(Box::pin(async move {
                loop {
                    clock.sleep(TIDY_EVERY).await;
                    tidied.run_upkeep();
                }
            }));
            Some(Box::new(move || handle.render()))
        }
        Err(error) => {
            tracing::warn!(%error, "nothing is measured");
            None
        }
    }
}

fn describe() {
    describe_gauge!(CONNECTIONS_OPEN, "connections that are open");
    describe_counter!(CONNECTIONS_EVICTED, "connections without a request that gave way to others");
    gauge!(CONNECTIONS_OPEN).set(0);
    counter!(CONNECTIONS_EVICTED).absolute(0);
}

/// A connection was opened.
pub(crate) fn connection_opened() {
    gauge!(CONNECTIONS_OPEN).increment(1);
}

/// A connection was closed.
pub(crate) fn connection_closed() {
    gauge!(CONNECTIONS_OPEN).decrement(1);
}

/// A connection gives way to another.
pub(crate) fn connection_evicted() {
    counter!(CONNECTIONS_EVICTED).increment(1);
}
