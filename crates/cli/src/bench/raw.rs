//! What the disk does at best: records appended to a file and synced, with nothing else around them.
#![expect(clippy::float_arithmetic, reason = "nothing here is money")]

use std::fs::File;
use std::io::Write;
use std::path::Path;

use engine::Host;

use super::measure::{count, median};
use crate::failure::Failure;

/// How large a record is, in bytes: a small row.
const RECORD_BYTES: usize = 400;

/// For how long records are appended, in microseconds.
const SPAN_US: i64 = 1_000_000;

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw {
    /// Records a second.
    pub(super) per_second: f64,
    /// How long half of the syncs took at most, in milliseconds.
    pub(super) sync_ms: f64,
}

/// Appends records to a file in this folder for a second, so many with each sync as would wait for one. Blocks.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn append(host: &dyn Host, folder: &Path, waiting: usize) -> Result<Raw, Failure> {
    let path = folder.join("appended");
    let mut file = File::create(&path).map_err(Failure::unavailable)?;
    let block = vec![b'r'; RECORD_BYTES * waiting.max(1)];
    let (begun_us, mut syncs_us) = (host.ticks_us(), Vec::new());
    while host.ticks_us() - begun_us < SPAN_US {
        file.write_all(&block).map_err(Failure::unavailable)?;
        let written_us = host.ticks_us();
        file.sync_data().map_err(Failure::unavailable)?;
        syncs_us.push(host.ticks_us() - written_us);
    }
    let took_us = host.ticks_us() - begun_us;
    drop(file);
    std::fs::remove_file(path).map_err(Failure::unavailable)?;
    let per_second = count(syncs_us.len() * waiting) / (count(took_us) / 1e6);
    Ok(Raw { per_second, sync_ms: median(syncs_us.into_iter().map(|us| count(us) / 1e3)) })
}
