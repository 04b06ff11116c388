//! The shell around the pure decision: it batches what waits, commits it at once, answers only then, and does later what was
//! promised for later.
//!
//! The engine never knows what HTTP or SQL is, and takes time, ids, randomness, timers and tasks from its [`Host`].

mod batch;
mod bells;
mod clock;
mod engine;
mod host;
mod ids;
mod jobs;
mod keyring;
mod lookout;
pub mod meter;
mod ports;
mod present;
mod registry;
mod request;
#[doc(hidden)]
pub mod testing;
pub mod verify;
pub mod webhooks;

pub use bells::Bells;
pub use clock::{AdvanceClock, Clock, RenderClock, TooFarAhead};
pub use engine::{Config, Engine, Parts};
pub use host::{Host, System, Task};
pub use ids::FreshIds;
pub use keyring::{Keyring, MIN_SECRET_CHARS, NotAKey, key_kind};
pub use ports::{
    CARD_WITHOUT_REFUNDS, Incoming, IncomingAnswer, PaymentAnswer, Payments, Payout, Repayment, SimulatedPayments,
};
pub use present::{JournalEvent, News, Present};
pub use registry::{
    Act, ActRequest, By, Done, EndpointEdit, KeyState, MAX_ENDPOINTS, MAX_MERCHANT_NAME_CHARS, Made, NewEndpoint,
    NewKey, Refused, Registry, RenderAct, is_merchant_name, is_one_line,
};
pub use request::{Answer, Ask, Idempotency, Reach, Render, Rendered, Request, Unavailable};
pub use webhooks::{Call, Courier, NotASecret, Post, Reached, Secret, Verdict, signed_headers};
