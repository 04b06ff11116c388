//! Helpers for tests against the sandbox.

pub(super) mod fail;
pub(super) mod fund;
