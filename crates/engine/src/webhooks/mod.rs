//! Telling others what happened, by calling them.

mod post;
mod sign;

pub use post::{Call, Post, Reached, Verdict};
pub use sign::{NotASecret, Secret, signed_headers};
