//! The promises of the decision: the tables of the transitions, the invariants over every state of some small worlds and over
//! random histories of larger ones, what breaks them, money that never gets stuck, the refusals in their documented order, and the
//! exact sums.

mod broken;
mod counterexample;
mod explore;
mod histories;
mod payments;
#[cfg(feature = "planted")]
mod planted;
mod promises;
mod refusals;
mod repetition;
mod scenario;
mod silence;
mod state;
mod sums;
mod transitions;
mod world;
mod worlds;
