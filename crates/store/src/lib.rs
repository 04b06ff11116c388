//! Where Milepost keeps its state.
//!
//! A [`Store`] takes and gives plain data. It commits many independent [`Unit`]s in one transaction, each whole or not at all;
//! no transaction handle ever leaves this crate, and only this crate contains SQL. It knows nothing of commands and decides
//! nothing but whether a unit still fits what is stored.

use std::collections::BTreeMap;

use async_trait::async_trait;
use escrow::{
    Account, Currency, DeliveryId, Dispute, Effect, EndpointId, Escrow, EventId, Hash, IntentId, KeyId, MerchantId,
    Owner, RawId, Refund, RefundId, RequestId, Settlement, SettlementId, Span, Timestamp,
};

mod copy;
mod event;
mod keys;
mod leases;
mod memory;
mod metadata;
mod page;
mod postgres;
mod request;
mod row;
mod rows;
mod sqlite;
mod survey;
mod tally;
#[doc(hidden)]
pub mod testing;
mod webhook;

pub use copy::{CopyError, copy};
pub use event::{AccountEvent, EventFilter, EventType, Head, StoredEvent, Tail};
pub use keys::{ApiKey, Area, Journal, KeyHolder, KeyKind, Level, Merchant, NotAScope, Scope, Scopes};
pub use memory::MemoryStore;
pub use metadata::{MAX_FOUND_NAME_CHARS, MAX_FOUND_VALUE_CHARS};
pub use page::{EscrowFilter, Page, PageRequest, Position, TransferFilter, Which};
pub use postgres::{DatabaseError, DatabaseUrl, POSTGRES_SCHEMA_VERSION, PostgresSettings, PostgresStore, Times};
pub use request::LoggedRequest;
pub use row::{
    AccountRow, Audited, EventRow, Job, JobState, Lease, Reply, StoredTransfer, TransferRow, Versioned, Waiting,
};
pub use sqlite::{OpenError, SCHEMA_VERSION, SqliteStore};
pub use survey::{Backlog, Survey, Total};
pub use tally::Tally;
pub use webhook::{
    Attempt, Delivery, DeliveryAsk, DeliveryFilter, DeliveryState, Disabled, Endpoint, EndpointChange, EndpointClaim,
    EndpointLease, EndpointState, Outbox, Progress, Told,
};

/// Makes what [`PGBENCH_COMPLETION`] works on, beside the tables of a PostgreSQL store.
pub const PGBENCH_SETUP: &str = include_str!("pgbench/setup.sql");

/// What PostgreSQL's own benchmark does to compare a store with: a milestone is completed in a transaction of its own, statement by
/// statement.
pub const PGBENCH_COMPLETION: &str = include_str!("pgbench/completion.sql");

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage underneath failed or is gone; nothing was changed.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The storage underneath did not say in time whether it has done what it was asked: it has done all of it, or nothing.
    #[error("the store did not say in time whether this was done; look before it is done again")]
    InDoubt,
    /// What is stored cannot be understood.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// The cursor of a page names nothing that the list's owner has.
    #[error("no such cursor")]
    UnknownCursor,
}

/// What the engine needs to decide a batch.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Escrows, by intent.
    pub escrows: Vec<IntentId>,
    /// Replies, by owner and idempotency key.
    pub replies: Vec<(Owner, String)>,
    /// Owners whose clocks are wanted, besides those of the escrows.
    pub clocks: Vec<Owner>,
    /// Holders of keys whose journals are wanted.
    pub journals: Vec<KeyHolder>,
}

/// What was there of it, in the order it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The escrows, each with its version.
    pub escrows: Vec<Option<Versioned>>,
    /// The replies, expired ones included.
    pub replies: Vec<Option<Reply>>,
    /// How far the clocks of the owners concerned are ahead of real time; those that are not are left out.
    pub clocks: BTreeMap<Owner, Span>,
    /// The journals.
    pub journals: Vec<Option<Journal>>,
}

/// What is committed together, for one escrow, one clock, or the journals and deliveries of one act: all of it, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// The change of the escrow; `None` when all its commands were refused.
    pub change: Option<Change>,
    /// Replies to remember. The unit is [`Outcome::Lost`] when one of their keys is taken.
    pub replies: Vec<Reply>,
    /// Leases of the jobs whose results this unit carries. The unit is [`Outcome::Lost`] when one is no longer held.
    pub leases: Vec<Lease>,
    /// The clock that moves.
    pub clock: Option<ClockMove>,
    /// What happens to merchants, keys and webhook endpoints.
    pub journals: Vec<JournalChange>,
    /// Calls to webhook endpoints that are asked for.
    pub deliveries: Vec<DeliveryAsk>,
}

/// A merchant is added, or keys or webhook endpoints are added or changed, and the journal of their holder tells it.
#[derive(Clone, Debug)]
pub struct JournalChange {
    /// Whose journal.
    pub holder: KeyHolder,
    /// What the decision was made on; the unit is [`Outcome::Lost`] when it is no longer so. `None`: there was none.
    pub base: Option<Journal>,
    /// The journal after `events`.
    pub next: Journal,
    /// What happened.
    pub events: Vec<EventRow>,
    /// A merchant to add. The unit is [`Outcome::Lost`] when its id or its name is taken.
    pub merchant: Option<Merchant>,
    /// A key to add, under the keyed hash of its text. The unit is [`Outcome::Lost`] when its id or that hash is taken.
    pub key: Option<(ApiKey, [u8; 32])>,
    /// A key whose expiry and revocation change. The unit is [`Outcome::Lost`] when there is none.
    pub changed: Option<ApiKey>,
    /// A webhook endpoint to add or to change. The unit is [`Outcome::Lost`] when the id of one to add is taken, or there is none to
    /// change.
    pub endpoint: Option<EndpointChange>,
}

/// The clock of a merchant's sandbox moves forward. Live owners have real time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMove {
    /// Whose.
    pub merchant: MerchantId,
    /// How far. The jobs of the sandbox can be claimed so much earlier, but for those that are leased: a lease ends in real time.
    pub by: Span,
    /// Under which lease of the clock; 0 where it was never leased. The unit is [`Outcome::Lost`] when the clock has had another since.
    pub token: u64,
}

/// Somebody wants to be the only one who moves a clock, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockClaim {
    /// Whose clock.
    pub merchant: MerchantId,
    /// Who: an id that nobody else has, nor had before.
    pub by: RawId,
    /// Now, in real time.
    pub now: Timestamp,
    /// Until when, in real time.
    pub until: Timestamp,
}

/// The change of one escrow.
#[derive(Clone, Debug)]
pub struct Change {
    /// What the decision was made on; the unit is [`Outcome::Lost`] when it is no longer the newest version. `None`: the
    /// escrow is new, and the unit is lost when it exists.
    pub base: Option<Versioned>,
    /// The new state, its event chain continued by `events`. The transactions that it names are the intent's from now on, for
    /// ever: no other one of its owner may name them.
    pub next: Escrow,
    /// The money that moves. The merchant's running totals follow from it.
    pub transfers: Vec<TransferRow>,
    /// What happened.
    pub events: Vec<EventRow>,
    /// What becomes of the escrow's jobs. They fall due by their owner's clock.
    pub effects: Vec<Effect>,
}

impl Change {
    /// The transactions that the escrow names from now on, and that its owner's other ones may not: each once.
    fn claims(&self) -> Vec<Hash> {
        let before = self.base.as_ref().map(|base| base.escrow.transactions()).unwrap_or_default();
        let mut claims = Vec::new();
        for hash in self.next.transactions() {
            if !before.contains(&hash) && !claims.contains(&hash) {
                claims.push(hash);
            }
        }
        claims
    }
}

/// What became of a unit. Of several reasons to drop out it is the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, durably.
    Committed,
    /// Another one came first; nothing of it is stored.
    Lost,
    /// It names a transaction that another intent of its owner named first; nothing of it is stored.
    TransactionTaken,
    /// A total of its owner would leave the range of 64 bits; nothing of it is stored.
    TotalTooLarge,
}

/// One balance of an owner's running totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Balance {
    /// The account; those of intents are summed over all of the owner's.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// The balance in minor units; negative only for rails.
    pub minor: i64,
}

/// Keeps everything: escrows, ledger, events, jobs, replies, merchants and keys.
///
/// Reads see every commit that was answered before they began.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// What the engine needs for a batch, in one read.
    async fn load(&self, wanted: Wanted) -> Result<Loaded, StoreError>;

    /// Whether other engines, in this process or another, may commit to it as well. What is there then changes without anybody here hearing
    /// of it. Where it is not, an engine may believe that an escrow still is as it has left it.
    fn is_shared(&self) -> bool;

    /// Commits units in this order, in one transaction: each is stored whole or drops out alone. An error means that nothing
    /// of any unit is stored, but for [`StoreError::InDoubt`]. Answers only once all of it is durable.
    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError>;

    /// Leases up to `limit` jobs that are due at `now` and not leased beyond it, earliest first, until `until`. Each lease has
    /// a token of its own, so that whoever held an earlier one can no longer commit.
    async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError>;

    /// Gives a leased job back, to be claimed again at `at`; does nothing when the lease is no longer held.
    async fn postpone_job(&self, lease: Lease, at: Timestamp) -> Result<(), StoreError>;

    /// Gives a leased job back, to be claimed again when it falls due by its owner's clock; does nothing when the lease is no
    /// longer held.
    async fn return_job(&self, lease: Lease) -> Result<(), StoreError>;

    /// Up to `limit` jobs of a merchant's sandbox that are leased or can be claimed by `until`: first those that are leased, then
    /// the earliest.
    async fn sandbox_jobs(
        &self,
        merchant: MerchantId,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError>;

    /// Leases the clock of a merchant's sandbox to whoever moves it, and gives the token of the lease; nothing, while somebody else holds
    /// it. Whoever holds it keeps the token they had, even if their lease ran out and nobody else has taken it; whoever takes it gets a
    /// higher one than it ever had.
    async fn claim_clock(&self, claim: ClockClaim) -> Result<Option<u64>, StoreError>;

    /// Gives a clock back, if somebody holds it, so that others can take it at once.
    async fn release_clock(&self, merchant: MerchantId, by: RawId) -> Result<(), StoreError>;

    /// When the next job can be claimed, if there is one.
    async fn next_job(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Forgets replies created before this time; their keys are free again. A time before the latest one given changes nothing.
    ///
    /// Their keys are free at once; what they take up is given back in steps that keep nobody waiting: `true` when another call
    /// has more to do.
    async fn forget_replies(&self, before: Timestamp) -> Result<bool, StoreError>;

    /// One escrow.
    async fn escrow(&self, id: IntentId) -> Result<Option<Escrow>, StoreError>;

    /// Escrows of an owner, newest first.
    async fn escrows(&self, owner: Owner, filter: EscrowFilter, page: PageRequest) -> Result<Page<Escrow>, StoreError>;

    /// The escrow that has this settlement.
    async fn escrow_of_settlement(&self, id: SettlementId) -> Result<Option<Escrow>, StoreError>;

    /// Settlements of an owner with the intents they belong to, newest first.
    async fn settlements(&self, owner: Owner, page: PageRequest) -> Result<Page<(IntentId, Settlement)>, StoreError>;

    /// The escrow that has this refund.
    async fn escrow_of_refund(&self, id: RefundId) -> Result<Option<Escrow>, StoreError>;

    /// Refunds of an owner, of one intent or all, with the intents they belong to, newest first.
    async fn refunds(
        &self,
        owner: Owner,
        intent: Option<IntentId>,
        page: PageRequest,
    ) -> Result<Page<(IntentId, Refund)>, StoreError>;

    /// Transfers of an owner, newest first.
    async fn transfers(
        &self,
        owner: Owner,
        filter: TransferFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTransfer>, StoreError>;

    /// Events of an owner, newest first: in the reverse order of their places.
    async fn events(
        &self,
        owner: Owner,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError>;

    /// An event.
    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError>;

    /// Up to `limit` events of an owner's stream behind a place, in order. No event ever appears before a place up to which nothing
    /// was left out.
    async fn events_after(
        &self,
        owner: Owner,
        filter: EventFilter,
        position: u64,
        limit: usize,
    ) -> Result<Tail, StoreError>;

    /// How far the streams of these owners have come, and how far their clocks are ahead, in this order: a look that costs so little
    /// that it can be taken again and again.
    async fn heads(&self, owners: Vec<Owner>) -> Result<Vec<Head>, StoreError>;

    /// The running totals of an owner, in the order of their accounts and currencies.
    async fn balances(&self, owner: Owner) -> Result<Vec<Balance>, StoreError>;

    /// Disputes of everybody with the intents they belong to, newest first: all, or those that are open.
    async fn disputes(&self, which: Which, page: PageRequest) -> Result<Page<(Owner, IntentId, Dispute)>, StoreError>;

    /// Settlements of everybody with the intents they belong to, newest first: all, or those that did not arrive.
    async fn everybodys_settlements(
        &self,
        which: Which,
        page: PageRequest,
    ) -> Result<Page<(Owner, IntentId, Settlement)>, StoreError>;

    /// Up to `limit` duties of everybody in the order in which they can be claimed, leaving out so many.
    async fn jobs(&self, offset: u64, limit: usize) -> Result<Vec<JobState>, StoreError>;

    /// How much there is to do at this time, and where everybody's money is.
    async fn survey(&self, now: Timestamp) -> Result<Survey, StoreError>;

    /// Merchants, newest first.
    async fn merchants(&self, page: PageRequest) -> Result<Page<Merchant>, StoreError>;

    /// A merchant.
    async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, StoreError>;

    /// The merchant of this name.
    async fn merchant_named(&self, name: &str) -> Result<Option<Merchant>, StoreError>;

    /// API keys, newest first: one holder's or everybody's, expired and revoked ones included.
    async fn keys(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<ApiKey>, StoreError>;

    /// An API key, expired and revoked ones included.
    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError>;

    /// The key whose text has this keyed hash, expired and revoked ones included.
    async fn key_of_hash(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError>;

    /// Notes when keys were last used. What is older than what is noted changes nothing.
    async fn note_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError>;

    /// Webhook endpoints of an owner, newest first, but for those that were deleted.
    async fn endpoints(&self, owner: Owner, page: PageRequest) -> Result<Page<Endpoint>, StoreError>;

    /// A webhook endpoint, deleted ones included.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError>;

    /// Leases webhook endpoints that are enabled, and gives all that the claimant holds then, in the order of their ids: those that it
    /// held already, each under the token it had, even if its lease ran out and nobody else has taken it; and others that nobody
    /// holds, each under a token higher than any it had before.
    async fn claim_endpoints(&self, claim: EndpointClaim) -> Result<Vec<EndpointLease>, StoreError>;

    /// Gives back every webhook endpoint that somebody holds, so that others can take them at once.
    async fn release_endpoints(&self, by: RawId) -> Result<(), StoreError>;

    /// Deliveries to an endpoint, those of the newest events first.
    async fn deliveries(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError>;

    /// A delivery. One that waits for a call has failed when its endpoint is deleted.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError>;

    /// What an endpoint is to be told at this real time: up to `limit` events behind a place or, if that is further, its cursor, and as
    /// many deliveries. For no events, only how the endpoint stands is looked at. `None` where there is no such endpoint, or it is not
    /// enabled.
    async fn outbox(
        &self,
        endpoint: EndpointId,
        position: u64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Outbox>, StoreError>;

    /// Notes what was done for endpoints, durably, but for what was done under another lease than the newest of its endpoint.
    async fn note_told(&self, told: Vec<Told>) -> Result<(), StoreError>;

    /// Deletes deliveries from before this time for which there will be no call, because they are not pending or their endpoint is not
    /// enabled; in steps that keep nobody waiting: `true` when another call has
    /// more to do.
    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError>;

    /// Adds to the log of requests. It is a help to developers and no part of the books: a crash may lose the last of it.
    async fn log_requests(&self, requests: Vec<LoggedRequest>) -> Result<(), StoreError>;

    /// Logged requests, newest first: one holder's or everybody's.
    async fn requests(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<LoggedRequest>, StoreError>;

    /// A logged request.
    async fn request(&self, id: RequestId) -> Result<Option<LoggedRequest>, StoreError>;

    /// Deletes logged requests from before this time, in steps that keep nobody waiting: `true` when another call has more to do.
    async fn forget_requests(&self, before: Timestamp) -> Result<bool, StoreError>;

    /// Adds to what all gateways have counted, and gives what each has come to, in this order; forgets windows that began before
    /// `forgotten`. A crash may lose it.
    async fn tally(&self, tallies: Vec<Tally>, forgotten: Timestamp) -> Result<Vec<u64>, StoreError>;

    /// Walks over everything in one consistent view, with bounded memory, in an order that is the same for every store:
    /// escrows by id with all that belongs to them, then journals by holder, then rows that belong to neither, then balances.
    async fn audit(&self, visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError>;

    /// Whether the fingerprint of a gateway's secret is noted.
    async fn has_secret(&self) -> Result<bool, StoreError>;

    /// Notes a fingerprint of the gateway's secret where there is none yet, and says whether it is the one that is noted: all gateways
    /// that ever work on a store must have the same secret.
    async fn knows_secret(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError>;

    /// Answers when the store can read and write.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Finishes what is under way and closes the store. Everything asked afterwards is [`StoreError::Unavailable`].
    async fn close(&self);
}
