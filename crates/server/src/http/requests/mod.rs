//! The log of requests.

pub(super) mod get;
pub(super) mod list;
