//! The plain data that goes in and comes out.

use escrow::{Duty, Escrow, EventId, Hash, IntentId, Owner, Timestamp, Transfer};

use crate::{ApiKey, Balance, Endpoint, EventType, Journal, KeyHolder, Merchant};

/// An escrow as it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// Counts its commits, from 1.
    pub version: u64,
    /// Its state.
    pub escrow: Escrow,
}

/// A transfer to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferRow {
    /// What moves.
    pub transfer: Transfer,
    /// When it was decided.
    pub created: Timestamp,
}

/// A transfer as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredTransfer {
    /// What moved.
    pub transfer: Transfer,
    /// The intent it belongs to.
    pub intent: IntentId,
    /// When it was decided.
    pub created: Timestamp,
    /// The owner's balance of the account that the money left, right after it, in minor units.
    pub from_after: i64,
    /// The owner's balance of the account that the money reached, right after it, in minor units.
    pub to_after: i64,
}

/// An event, to be stored and as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its id.
    pub id: EventId,
    /// What happened.
    pub kind: EventType,
    /// Its place among the events of its intent or journal, from 1.
    pub sequence: u64,
    /// When it happened.
    pub created: Timestamp,
    /// The hash of the event before it, chained with `body`.
    pub hash: Hash,
    /// What is served and hashed, to the byte.
    pub body: Vec<u8>,
}

/// An answer that was given under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Whose key it is.
    pub owner: Owner,
    /// The idempotency key, as sent.
    pub key: String,
    /// What tells this request from others under the same key.
    pub fingerprint: Hash,
    /// The HTTP status of the answer; opaque here.
    pub status: u16,
    /// The body of the answer; opaque here.
    pub body: Vec<u8>,
    /// When it was given, in real time.
    pub created: Timestamp,
}

/// A duty written down, claimed by somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    /// The right to carry out its result.
    pub lease: Lease,
    /// Whose it is.
    pub owner: Owner,
    /// When it fell due, by its owner's clock.
    pub due: Timestamp,
    /// How often it was claimed before.
    pub attempts: u32,
}

/// A duty written down that is not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// The escrow that has the duty.
    pub intent: IntentId,
    /// The duty.
    pub duty: Duty,
    /// When it falls due, by its owner's clock.
    pub due: Timestamp,
    /// When it can be claimed, in real time; `None` while somebody has a lease of it.
    pub run_at: Option<Timestamp>,
}

impl Waiting {
    /// Whether it can be claimed at this time, and nobody has a lease of it.
    #[must_use]
    pub fn is_due(&self, real: Timestamp) -> bool {
        self.run_at.is_some_and(|run_at| run_at <= real)
    }
}

/// A duty written down, as whoever watches over the gateway sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobState {
    /// The escrow that has the duty.
    pub intent: IntentId,
    /// The duty.
    pub duty: Duty,
    /// Whose it is.
    pub owner: Owner,
    /// When it falls due, by its owner's clock.
    pub due: Timestamp,
    /// When it can be claimed, in real time; or until when somebody has a lease of it.
    pub run_at: Timestamp,
    /// Whether somebody has a lease of it.
    pub is_leased: bool,
    /// How often it was claimed.
    pub attempts: u32,
}

/// The right to carry out the result of a job, until another lease is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The escrow that has the duty.
    pub intent: IntentId,
    /// The duty.
    pub duty: Duty,
    /// Which claim this is; every claim of a job has a higher one.
    pub token: u64,
}

/// What [`crate::Store::audit`] walks over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audited {
    /// An escrow with all that belongs to it.
    Escrow {
        /// Its state.
        stored: Box<Versioned>,
        /// Its events by sequence, each with whose stream it is in and its place there (from 1, in commit order).
        events: Vec<(Owner, u64, EventRow)>,
        /// Its transfers by id, each with whose ledger it is in.
        transfers: Vec<(Owner, StoredTransfer)>,
        /// Its jobs, each with when it falls due by its owner's clock.
        jobs: Vec<(Duty, Timestamp)>,
        /// The transactions that it has ever named by their hashes, each with among whose.
        claims: Vec<(Owner, Hash)>,
    },
    /// A journal with its events.
    Journal {
        /// Whose.
        holder: KeyHolder,
        /// Its state.
        journal: Journal,
        /// Its events by sequence, each with whose stream it is in and its place there.
        events: Vec<(Owner, u64, EventRow)>,
    },
    /// A row that cannot be read, or that belongs to no escrow and no journal.
    Stray {
        /// The table.
        table: &'static str,
        /// Which row, and what is wrong with it.
        what: String,
    },
    /// A merchant, a key or a webhook endpoint.
    Account(AccountRow),
    /// A running total.
    Balance(Owner, Balance),
}

/// A row of what journals tell of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountRow {
    /// A merchant.
    Merchant(Merchant),
    /// An API key.
    Key(ApiKey),
    /// A webhook endpoint.
    Endpoint(Endpoint),
}
