//! What was measured, for people and machines.
#![expect(clippy::float_arithmetic, reason = "nothing here is money")]

use escrow::Span;
use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::WebhooksArgs;
use super::receivers::Tally;
use crate::bench::measure::{Measured, count, quantile_ms};
use crate::failure::Failure;
use crate::output::{Column, Out};

/// One load, and what came of it at the endpoints that work.
pub(super) struct Phase {
    pub(super) name: &'static str,
    /// How many intents were led through their stories.
    pub(super) intents: usize,
    /// How many events were made.
    pub(super) events: usize,
    /// How long that took.
    pub(super) made_us: i64,
    /// How many deliveries there were to be.
    pub(super) expected: usize,
    /// How many there were.
    pub(super) arrived: usize,
    /// How long it took from the first request to the last delivery.
    pub(super) took_us: i64,
    /// How long after the answers the events arrived.
    pub(super) lags: Option<Histogram<u64>>,
    /// How much memory of its own the process had at most while they arrived.
    pub(super) own_memory_bytes: Option<u64>,
}

/// Everything.
pub(super) struct Report {
    pub(super) burst: Phase,
    pub(super) steady: Phase,
    /// The plain loop.
    pub(super) plain: Measured,
    pub(super) healthy: u8,
    pub(super) tally: Tally,
    pub(super) hanging_calls: u64,
    pub(super) refusing_calls: u64,
    pub(super) memory: Memory,
    pub(super) store_bytes: u64,
}

/// By how much the process has grown, where the system tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// At most, with the pages of the store that the system has mapped into it and may take back.
    pub(super) peak_bytes: Option<u64>,
    /// Without those, as seen while events arrived.
    pub(super) own_bytes: Option<u64>,
}

impl Phase {
    /// Deliveries a second.
    pub(super) fn rate(&self) -> f64 {
        count(self.arrived) / (count(self.took_us.unsigned_abs()) / 1e6)
    }

    /// How often each of so many connections begins an intent, when all together begin so many times fewer than were delivered here.
    pub(super) fn pace(&self, connections: usize, times: i64) -> Span {
        let connections = i64::try_from(connections).unwrap_or(1);
        let intents = i64::try_from(self.intents).unwrap_or(1).max(1);
        Span::from_ms(self.took_us / 1000 * times * connections / intents)
    }

    fn row(&self, plain: &Measured) -> Vec<String> {
        let lag_ms = |quantile| format!("{:.1}", self.lag_ms(quantile));
        vec![
            self.name.to_owned(),
            self.events.to_string(),
            format!("{:.1}", count(self.made_us.unsigned_abs()) / 1e6),
            self.arrived.to_string(),
            format!("{:.0}", self.rate()),
            format!("{:.3}", self.rate() / plain.rate()),
            lag_ms(0.5),
            lag_ms(0.99),
            lag_ms(1.0),
        ]
    }

    fn lag_ms(&self, quantile: f64) -> f64 {
        quantile_ms(self.lags.as_ref(), quantile)
    }

    fn json(&self, plain: &Measured) -> Value {
        json!({
            "events": self.events,
            "made_in_s": count(self.made_us.unsigned_abs()) / 1e6,
            "expected": self.expected,
            "delivered": self.arrived,
            "delivered_in_s": count(self.took_us.unsigned_abs()) / 1e6,
            "per_second": self.rate(),
            "of_plain": self.rate() / plain.rate(),
            "lag_p50_ms": self.lag_ms(0.5),
            "lag_p99_ms": self.lag_ms(0.99),
            "lag_max_ms": self.lag_ms(1.0),
        })
    }
}

impl Report {
    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written, or an endpoint that works was not told everything, or not in order.
    pub(super) fn write(&self, args: &WebhooksArgs, out: Out) -> Result<(), Failure> {
        let columns = [
            Column::Left("load"),
            Column::Right("events"),
            Column::Right("made in s"),
            Column::Right("delivered"),
            Column::Right("per second"),
            Column::Right("of plain"),
            Column::Right("lag p50 ms"),
            Column::Right("p99 ms"),
            Column::Right("max ms"),
        ];
        out.table(&columns, &[self.burst.row(&self.plain), self.steady.row(&self.plain)])?;
        let (tally, missing) = (self.tally, self.missing());
        out.line(format!(
            "{} endpoints that work: {missing} deliveries missing, {} twice, {} out of order; a plain loop calls {:.0} a second",
            self.healthy, tally.duplicates, tally.out_of_order, self.plain.rate()
        ))?;
        out.line(format!(
            "{} that refuse took {} calls, {} that hang {}; the burst took {} of the store, and all {} of memory, {} with mapped files",
            args.refusing,
            self.refusing_calls,
            args.hanging,
            self.hanging_calls,
            mebibytes(Some(self.store_bytes)),
            mebibytes(self.memory.own_bytes),
            mebibytes(self.memory.peak_bytes)
        ))?;
        out.json(&self.json(args))?;
        if missing > 0 || tally.out_of_order > 0 {
            return Err(Failure::no("an endpoint that works was not told everything, or not in order"));
        }
        Ok(())
    }

    fn missing(&self) -> usize {
        (self.burst.expected + self.steady.expected).saturating_sub(self.tally.arrived)
    }

    fn json(&self, args: &WebhooksArgs) -> Value {
        json!({
            "endpoints": {"healthy": self.healthy, "refusing": args.refusing, "hanging": args.hanging},
            "burst": self.burst.json(&self.plain),
            "steady": self.steady.json(&self.plain),
            "plain_per_second": self.plain.rate(),
            "missing": self.missing(),
            "duplicates": self.tally.duplicates,
            "out_of_order": self.tally.out_of_order,
            "refusing_calls": self.refusing_calls,
            "hanging_calls": self.hanging_calls,
            "own_memory_bytes": self.memory.own_bytes,
            "peak_memory_bytes": self.memory.peak_bytes,
            "store_bytes": self.store_bytes,
        })
    }
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "an unknown amount".to_owned(), |bytes| format!("{:.1} MiB", count(bytes) / 1024.0 / 1024.0))
}
