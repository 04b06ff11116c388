//! Calls to webhook endpoints. Their addresses are chosen by merchants, and what they answer by anybody: a call must not reach what
//! this machine alone can reach, nor wait, read or keep more than is set here, whatever comes back.
//!
//! `targets` says which addresses may be called, `address` which texts are addresses of endpoints, `dial` connects to nothing else,
//! `answer` understands what comes back, and `poster` makes the call within `limits`.

mod address;
mod answer;
mod dial;
mod limits;
mod poster;
#[cfg(test)]
mod receiver;
mod targets;
#[cfg(test)]
mod tests;

pub use address::{MAX_WEBHOOK_URL_CHARS, check_url};
pub use limits::WEBHOOK_TIMEOUT;
pub use poster::Poster;
pub use targets::WebhookTargets;
