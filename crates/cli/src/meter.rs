//! Where measures go: kept in the process, shown in the Prometheus text format.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Bounds of histograms that count what a batch holds.
const BATCH_BOUNDS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Bounds of histograms that tell how long something took, in seconds.
const SECONDS_BOUNDS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Keeps what this process measures from now on, and gives what writes it out. `None` when that cannot be done, or was done
/// before: a gateway works without measures.
pub(crate) fn install() -> Option<server::Metrics> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets(&BATCH_BOUNDS)
        .and_then(|builder| builder.set_buckets_for_metric(seconds, &SECONDS_BOUNDS));
    match builder.and_then(PrometheusBuilder::install_recorder) {
        Ok(handle) => {
            engine::meter::describe();
            Some(Box::new(move || handle.render()))
        }
        Err(error) => {
            tracing::warn!(%error, "nothing is measured");
            None
        }
    }
}
