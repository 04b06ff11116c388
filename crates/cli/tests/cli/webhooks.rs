//! The gateway calls real receivers of webhooks, as users run them.

mod answers;
mod apart;
mod asked;
pub(crate) mod receiver;
mod retries;
pub(crate) mod scene;
mod secrets;
mod struck;
mod targets;
mod told;

/// What makes the gateway call this machine, which it does by default where it listens there.
const ARGS: [&str; 2] = ["--settlement-delay", "1s"];
