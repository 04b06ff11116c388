//! Telling others what happened, by calling them.
//!
//! The stream of events is the queue: each endpoint has a cursor into it. `courier` sees to it that each has a `lane`, which makes the
//! calls, and `recorder` notes what came of them.

mod courier;
mod lane;
mod post;
mod recorder;
mod schedule;
mod sign;

pub use courier::{Courier, KEPT as DELIVERIES_KEPT};
pub use lane::CALLS_AT_ONCE;
pub use post::{Call, Post, Reached, Verdict};
pub use schedule::{LONGEST_REQUESTED_WAIT, PATIENCE, RETRIES};
pub use sign::{NotASecret, Secret, signed_headers};
