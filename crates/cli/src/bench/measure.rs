//! Latencies, rates and their ratios.
#![expect(clippy::float_arithmetic, reason = "nothing here is money")]

use std::path::Path;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// The answers of a round.
pub(crate) struct Measured {
    pub(crate) latencies_us: Vec<u64>,
    pub(crate) took_us: i64,
    /// What the process took of the machine meanwhile, where the system tells.
    pub(crate) used: Option<Used>,
}

/// What the process, load generator and all, has taken of the machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    /// Written to the disk, in bytes (Linux: `write_bytes` of proc(5), page by page as it was made dirty).
    written: u64,
    /// Time of processors, in microseconds (Linux: `utime` and `stime` of proc(5)).
    cpu_us: u64,
}

impl Used {
    /// So far.
    pub(crate) fn now() -> Option<Used> {
        let io = std::fs::read_to_string("/proc/self/io").ok()?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()?;
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name before the closing parenthesis may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let [user, system] = [UTIME_PLACE, UTIME_PLACE + 1].map(|place| fields.get(place)?.parse::<u64>().ok());
        Some(Used { written, cpu_us: user?.checked_add(system?)?.checked_mul(US_A_TICK)? })
    }

    /// Since then.
    pub(crate) fn since(before: Option<Used>) -> Option<Used> {
        let (now, before) = Used::now().zip(before)?;
        let (written, cpu_us) = (now.written.saturating_sub(before.written), now.cpu_us.saturating_sub(before.cpu_us));
        Some(Used { written, cpu_us })
    }
}

/// Where `utime` is in `/proc/self/stat`, counted from 0 behind the name.
const UTIME_PLACE: usize = 11;

/// The unit of it: Linux counts hundredths of a second wherever programs look.
const US_A_TICK: u64 = 10_000;

/// Medians over the rounds.
pub(crate) struct Summary {
    rate: f64,
    ratio: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    bytes_each: Option<f64>,
    cpu_us_each: Option<f64>,
}

impl Measured {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        count(self.latencies_us.len()) / (count(self.took_us.unsigned_abs()) / 1e6)
    }
}

/// The medians of a workload's rounds, each beside the constant handler's of the same round.
pub(crate) fn summary(rounds: &[&Measured], constants: &[&Measured]) -> Summary {
    let ratios = rounds.iter().zip(constants).map(|(round, constant)| round.rate() / constant.rate());
    let each = |of: fn(Used) -> u64| {
        let each = |round: &&Measured| round.used.map(|used| count(of(used)) / count(round.latencies_us.len()));
        rounds.iter().map(each).collect::<Option<Vec<f64>>>().map(median)
    };
    let mut histogram = histogram_of_times();
    for latency in rounds.iter().flat_map(|round| &round.latencies_us) {
        if let Some(histogram) = &mut histogram {
            histogram.saturating_record(*latency);
        }
    }
    Summary {
        rate: median(rounds.iter().map(|round| round.rate())),
        ratio: median(ratios),
        p50_ms: quantile_ms(histogram.as_ref(), 0.5),
        p99_ms: quantile_ms(histogram.as_ref(), 0.99),
        p999_ms: quantile_ms(histogram.as_ref(), 0.999),
        bytes_each: each(|used| used.written),
        cpu_us_each: each(|used| used.cpu_us),
    }
}

impl Summary {
    pub(crate) fn row(&self, name: &str) -> Vec<String> {
        let whole = |number: Option<f64>| number.map_or_else(|| "unknown".to_owned(), |number| format!("{number:.0}"));
        vec![
            name.to_owned(),
            format!("{:.0}", self.rate),
            format!("{:.3}", self.ratio),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p99_ms),
            format!("{:.2}", self.p999_ms),
            whole(self.cpu_us_each),
            whole(self.bytes_each),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "per_second": self.rate,
            "of_constant": self.ratio,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "p999_ms": self.p999_ms,
            "cpu_us_each": self.cpu_us_each,
            "disk_bytes_each": self.bytes_each,
        })
    }
}

/// A histogram for times in microseconds, up to an hour; there is none only where there is no memory for it.
pub(crate) fn histogram_of_times() -> Option<Histogram<u64>> {
    Histogram::new_with_max(3_600_000_000, 3).ok()
}

/// The value of a histogram of microseconds, in milliseconds, that so large a part of all is no larger than.
pub(crate) fn quantile_ms(times: Option<&Histogram<u64>>, quantile: f64) -> f64 {
    times.map_or(f64::NAN, |all| count(all.value_at_quantile(quantile)) / 1e3)
}

/// How much memory this process has or had, where the system tells (Linux: `VmRSS`, `RssAnon` and `VmHWM` of proc(5)).
pub(crate) fn memory_bytes(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Bytes as mebibytes.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    count(bytes) / (1024.0 * 1024.0)
}

/// Microseconds as milliseconds.
pub(crate) fn milliseconds(us: i64) -> f64 {
    count(us.unsigned_abs()) / 1e3
}

/// How large the files in a folder are together.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// The buckets of a histogram in the Prometheus text format: upper bounds, and how many lie in each alone.
pub(crate) fn histogram(metrics: &str, name: &str) -> Vec<(f64, u64)> {
    let prefix = format!("{name}_bucket{{le=\"");
    let cumulative = metrics.lines().filter_map(|line| {
        let (bound, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
        Some((bound.replace("+Inf", "inf").parse::<f64>().ok()?, count.parse::<u64>().ok()?))
    });
    let mut below = 0;
    cumulative.map(|(bound, upto)| (bound, upto - std::mem::replace(&mut below, upto))).collect()
}

/// A counter in the Prometheus text format, by its name and labels; 0 while it was not counted.
pub(crate) fn counter(metrics: &str, name: &str) -> u64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// The upper bound of the bucket that the median lies in; infinite where there is none.
pub(crate) fn median_bucket(buckets: &[(f64, u64)]) -> f64 {
    let total: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let median = buckets.iter().find(|(_, count)| {
        seen += count;
        seen * 2 >= total
    });
    median.map_or(f64::INFINITY, |(bound, _)| *bound)
}

/// How often each of so many connections sends a request, in microseconds, when all together send so many a second.
#[expect(clippy::cast_possible_truncation, reason = "what is more than an i64 holds becomes the most that it holds")]
pub(crate) fn interval_us(per_second: f64, connections: usize) -> i64 {
    (count(connections) * 1e6 / per_second.max(1e-3)) as i64
}

/// A sum in the Prometheus text format and how many measures it is of, by the name of their histogram and its labels.
pub(crate) fn sum(metrics: &str, name: &str, labels: &str) -> Times {
    let value = |suffix: &str| {
        let prefix = format!("{name}_{suffix}{labels} ");
        metrics.lines().find_map(|line| line.strip_prefix(&prefix)?.parse::<f64>().ok()).unwrap_or(0.0)
    };
    Times { seconds: value("sum"), count: value("count") }
}

/// How long something took altogether, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    seconds: f64,
    count: f64,
}

impl Times {
    /// How long it took on average since then, in milliseconds.
    pub(crate) fn mean_ms_since(self, before: Times) -> f64 {
        (self.seconds - before.seconds) * 1e3 / (self.count - before.count)
    }
}

/// So many hundredths of a rate.
pub(crate) fn percent(part: u32, rate: f64) -> f64 {
    rate * f64::from(part) / 100.0
}

/// How much larger one rate is than another.
pub(crate) fn ratio(rate: f64, other: f64) -> f64 {
    rate / other
}

/// The one in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
pub(crate) fn count(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or(u64::MAX) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_read_back() {
        let text =
            "# TYPE b histogram\nb_bucket{le=\"1\"} 2\nb_bucket{le=\"8\"} 10\nb_bucket{le=\"+Inf\"} 10\nb_sum 40\n";
        let buckets = histogram(text, "b");
        assert_eq!(buckets, [(1.0, 2), (8.0, 8), (f64::INFINITY, 0)]);
        assert!((median_bucket(&buckets) - 8.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_sum_is_read_back() {
        let text = "s_sum{stage=\"load\"} 1.5\ns_count{stage=\"load\"} 10\ns_sum 7\ns_count 7\n";
        let mean = sum(text, "s", "{stage=\"load\"}").mean_ms_since(sum("", "s", ""));
        assert!((mean - 150.0).abs() < 1e-9, "{mean}");
        assert!((sum(text, "s", "").mean_ms_since(sum("", "s", "")) - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn a_counter_is_read_back() {
        let text = "# TYPE c counter\nc{a=\"x\"} 3\nc{a=\"xy\"} 4\n";
        assert_eq!(["c{a=\"x\"}", "c{a=\"xy\"}", "c{a=\"z\"}"].map(|name| counter(text, name)), [3, 4, 0]);
    }
}
