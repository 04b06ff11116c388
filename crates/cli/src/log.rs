//! What the process says while it works, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;
use crate::output::Out;

/// Starts to log: lines for people, or JSON where that was asked for.
///
/// # Errors
/// When the level is not understood.
pub(crate) fn start(level: &str, out: Out) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(level).map_err(|error| Failure::usage(format!("log_level: {error}")))?;
    // A line that cannot be written is lost. To say so would be to write again, where nothing can be written, and that panics.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    let started = if out.is_json() {
        builder.json().try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal() && !out.is_plain()).try_init()
    };
    started.map_err(|error| Failure::unavailable(format!("cannot log: {error}")))
}
