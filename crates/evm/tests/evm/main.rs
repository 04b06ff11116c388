//! What a payer signs, and who signed it, as wallets see it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod acts;
mod consent;
mod samples;
mod signature;
mod wallets;
