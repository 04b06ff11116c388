//! Telling others what happened, by calling them.

mod sign;

pub use sign::{NotASecret, Secret, signed_headers};
