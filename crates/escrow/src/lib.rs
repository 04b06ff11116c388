//! The domain of Milepost: a payer's money is locked once, leaves only for a reason that was recorded, and every cent can be
//! traced.
//!
//! Everything here is decided by pure functions over one escrow at a time. This crate knows no I/O, no clock, no randomness,
//! no SQL and no HTTP; time and fresh ids come in with every command. Start reading at [`decide`].

mod address;
mod authority;
pub mod chain;
pub mod command;
pub mod decide;
pub mod dispute;
pub mod duty;
pub mod event;
pub mod id;
mod invariants;
pub mod ledger;
pub mod limits;
pub mod money;
pub mod payment;
pub mod planted;
pub mod refund;
pub mod rejection;
mod release;
pub mod settlement;
pub mod state;
pub mod terms;
pub mod time;

pub use address::{Address, NotAnAddress};
pub use authority::{Actor, Role, may_ask};
pub use chain::{Chain, Hash};
pub use command::{
    Approving, CardOutcome, CardPayment, Command, CommandKind, CompleteMilestone, Confirmation, MilestonePatch,
    NewDispute, NewEvidence, NewIntent, NewMilestone, NewProof, NewRefund, Receipt, Rejecting, Resolving, Ruling,
    Shipping,
};
pub use decide::{Ctx, Decision, Settings, decide, open};
pub use dispute::{DefaultResolution, Dispute, DisputeState, DisputeStatus, Evidence, Resolution, Resolved};
pub use duty::{Duty, Effect};
pub use event::{Event, EventKind, Subject};
pub use id::{
    DeliveryId, DisputeId, EndpointId, EventId, Ids, IntentId, KeyId, MerchantId, MilestoneId, OrderId, PaymentId,
    ProofId, RawId, RefundId, RequestId, SettlementId, TransferId,
};
pub use invariants::Broken;
pub use ledger::{Account, Funds, Purpose, PurposeKind, Rail, Transfer};
pub use money::{Amount, Currency, Decimal};
pub use payment::{Card, CardBrand, Consent, Means, Payer, Payment, PaymentState};
pub use refund::Refund;
pub use rejection::Rejection;
pub use settlement::Settlement;
pub use state::{DeliveryProof, Escrow, IntentState, IntentStatus, Milestone, MilestoneState, MilestoneStatus, Order};
pub use terms::{Metadata, Mode, Owner, PaymentType, ReleaseType, SettlementMethod, Terms};
pub use time::{Span, Timestamp};
