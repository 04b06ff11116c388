//! How many files the process may have open, among them its connections.

/// How many are kept for everything that is no connection: the store, the log, the sockets that listen.
const RESERVED: u64 = 128;

/// How many connections fit of those that are wanted, after asking the operating system for as many files as that takes.
#[cfg(unix)]
pub(crate) fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(RESERVED);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let may = maximum.unwrap_or(u64::MAX).min(needed);
    let raised = Rlimit { current: Some(may), maximum };
    let has = match current {
        Some(has) if has < may && setrlimit(Resource::Nofile, raised).is_ok() => may,
        Some(has) => has,
        None => u64::MAX,
    };
    let fitting = usize::try_from(has.saturating_sub(RESERVED)).unwrap_or(usize::MAX).clamp(1, wanted.max(1));
    if fitting < wanted {
        tracing::warn!(wanted, fitting, "fewer connections than set are taken: the process may open too few files");
    }
    fitting
}

/// How many connections fit of those that are wanted: all, as far as can be said.
#[cfg(not(unix))]
pub(crate) fn connections(wanted: usize) -> usize {
    wanted
}
