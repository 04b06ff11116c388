//! The whole engine in a world where everything follows from one seed: time, the order in which tasks go on, what people ask for, and what
//! goes wrong. An oracle that knows nothing of how the engine decides holds what happened against what may.
//!
//! `cargo run -p sim -- help` says how to run it, and `docs/correctness.md` what it covers and what it has found.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "nothing here ships: what cannot be simulated ends the simulation"
)]

mod client;
mod fates;
mod host;
mod machine;
mod oracle;
mod outside;
mod rng;
mod run;
mod seen;
mod shrink;
mod workload;
mod world;

pub use fates::Fault;
pub use oracle::{Rule, Wrong};
pub use run::{Case, Outcome, Totals};
pub use seen::{Coverage, all_states};
pub use shrink::{shrink, story};
