//! Calls to webhook endpoints. Their addresses are chosen by merchants: a call must not reach what this machine alone can reach.
//!
//! `targets` says which addresses may be called, and `address` which texts are addresses of endpoints.

mod address;
mod targets;

pub use address::{MAX_WEBHOOK_URL_CHARS, check_url};
pub use targets::WebhookTargets;
