//! Helpers for tests against the sandbox.

pub(super) mod fund;
