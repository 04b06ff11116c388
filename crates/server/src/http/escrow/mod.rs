//! The escrow order of an intent.

pub(super) mod get;
