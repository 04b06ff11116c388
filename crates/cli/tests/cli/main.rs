//! The real binary, from outside: its exit codes, what it prints, and what it keeps through crashes.
#![expect(clippy::expect_used, clippy::panic, reason = "the helpers of tests fail like tests")]

mod backup;
mod bench;
mod cards;
mod crash;
mod dashboard;
mod demo;
mod events;
mod false_gateway;
mod harness;
mod hostile;
mod keys;
mod limits;
mod listen;
mod logs;
mod metrics;
mod parallel;
mod postgres;
mod receiver;
mod secrets;
mod serve;
mod tampering;
mod traces;
mod trigger;
mod usage;
mod verify;
mod webhooks;
mod wire;
