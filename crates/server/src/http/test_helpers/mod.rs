//! Helpers for tests against the sandbox.

pub(super) mod clock;
pub(super) mod fail;
pub(super) mod fail_settlement;
pub(super) mod fund;
