//! What the engine promises, on the memory store, with a clock that stands still until it is moved.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "engine/world.rs"]
mod world;

#[path = "engine/batching.rs"]
mod batching;
#[path = "engine/bells.rs"]
mod bells;
#[path = "engine/clock.rs"]
mod clock;
#[path = "engine/doubts.rs"]
mod doubts;
#[path = "engine/faulty.rs"]
mod faulty;
#[path = "engine/idempotency.rs"]
mod idempotency;
#[path = "engine/jobs.rs"]
mod jobs;
#[path = "engine/lanes.rs"]
mod lanes;
#[path = "engine/payments.rs"]
mod payments;
#[path = "engine/registry.rs"]
mod registry;
#[path = "engine/sharing.rs"]
mod sharing;
#[path = "engine/transactions.rs"]
mod transactions;
#[path = "engine/verifying.rs"]
mod verifying;
#[path = "engine/webhooks.rs"]
mod webhooks;
