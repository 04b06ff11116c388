//! For tests: a store at the far end of a line, on which things go wrong.

use std::sync::Arc;

use async_trait::async_trait;
use escrow::{
    DeliveryId, Dispute, EndpointId, Escrow, EventId, IntentId, KeyId, MerchantId, Owner, RawId, Refund, RefundId,
    RequestId, Settlement, SettlementId, Timestamp,
};

use crate::{
    ApiKey, Audited, Balance, ClockClaim, Delivery, DeliveryFilter, Endpoint, EndpointClaim, EndpointLease,
    EscrowFilter, EventFilter, Head, Job, JobState, KeyHolder, Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome,
    Page, PageRequest, Store, StoreError, StoredEvent, StoredTransfer, Survey, Tail, Tally, Told, TransferFilter, Unit,
    Waiting, Wanted, Which,
};

/// What lies between an engine and its store.
#[async_trait]
pub trait Line: Send + Sync + 'static {
    /// On the way to the store, for the method of this name; an error means that it never gets there.
    async fn there(&self, method: &'static str) -> Result<(), StoreError>;

    /// On the way back from it; an error means that its answer is lost.
    async fn back(&self, _method: &'static str) -> Result<(), StoreError> {
        Ok(())
    }

    /// A commit, all the way.
    async fn commit(&self, store: &Arc<dyn Store>, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        self.there("commit").await?;
        let outcomes = store.commit(units).await?;
        self.back("commit").await?;
        Ok(outcomes)
    }

    /// What time it is for the store, in which it gives leases, when it is this time for the engine.
    fn store_time(&self, time: Timestamp) -> Timestamp {
        time
    }
}

/// A store at the far end of a line. It stays open when the engine closes it: others may use it as well.
pub struct Remote<L> {
    store: Arc<dyn Store>,
    line: L,
}

impl<L: Line> Remote<L> {
    /// This store, at the far end of this line.
    pub const fn new(store: Arc<dyn Store>, line: L) -> Remote<L> {
        Remote { store, line }
    }

    /// The line to it.
    pub const fn line(&self) -> &L {
        &self.line
    }
}

macro_rules! passing_on {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<L: Line> Store for Remote<L> {
            fn is_shared(&self) -> bool {
                self.store.is_shared()
            }

            async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
                self.line.commit(&self.store, units).await
            }

            async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
                self.line.there("claim_jobs").await?;
                let (now, until) = (self.line.store_time(now), self.line.store_time(until));
                let jobs = self.store.claim_jobs(now, until, limit).await?;
                self.line.back("claim_jobs").await?;
                Ok(jobs)
            }

            async fn claim_clock(&self, claim: ClockClaim) -> Result<Option<u64>, StoreError> {
                self.line.there("claim_clock").await?;
                let (now, until) = (self.line.store_time(claim.now), self.line.store_time(claim.until));
                let token = self.store.claim_clock(ClockClaim { now, until, ..claim }).await?;
                self.line.back("claim_clock").await?;
                Ok(token)
            }

            async fn claim_endpoints(&self, claim: EndpointClaim) -> Result<Vec<EndpointLease>, StoreError> {
                self.line.there("claim_endpoints").await?;
                let (now, until) = (self.line.store_time(claim.now), self.line.store_time(claim.until));
                let leases = self.store.claim_endpoints(EndpointClaim { now, until, ..claim }).await?;
                self.line.back("claim_endpoints").await?;
                Ok(leases)
            }

            async fn close(&self) {}

            $(async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.line.there(stringify!($name)).await?;
                let answer = self.store.$name($($arg),*).await?;
                self.line.back(stringify!($name)).await?;
                Ok(answer)
            })*
        }
    };
}

passing_on! {
    load(wanted: Wanted) -> Loaded;
    postpone_job(lease: Lease, at: Timestamp) -> ();
    return_job(lease: Lease) -> ();
    sandbox_jobs(merchant: MerchantId, until: Timestamp, limit: usize) -> Vec<Waiting>;
    release_clock(merchant: MerchantId, by: RawId) -> ();
    next_job() -> Option<Timestamp>;
    forget_replies(before: Timestamp) -> bool;
    escrow(id: IntentId) -> Option<Escrow>;
    escrows(owner: Owner, filter: EscrowFilter, page: PageRequest) -> Page<Escrow>;
    escrow_of_settlement(id: SettlementId) -> Option<Escrow>;
    settlements(owner: Owner, page: PageRequest) -> Page<(IntentId, Settlement)>;
    escrow_of_refund(id: RefundId) -> Option<Escrow>;
    refunds(owner: Owner, intent: Option<IntentId>, page: PageRequest) -> Page<(IntentId, Refund)>;
    transfers(owner: Owner, filter: TransferFilter, page: PageRequest) -> Page<StoredTransfer>;
    events(owner: Owner, filter: EventFilter, page: PageRequest) -> Page<StoredEvent>;
    event(id: EventId) -> Option<StoredEvent>;
    events_after(owner: Owner, filter: EventFilter, position: u64, limit: usize) -> Tail;
    heads(owners: Vec<Owner>) -> Vec<Head>;
    balances(owner: Owner) -> Vec<Balance>;
    disputes(which: Which, page: PageRequest) -> Page<(Owner, IntentId, Dispute)>;
    everybodys_settlements(which: Which, page: PageRequest) -> Page<(Owner, IntentId, Settlement)>;
    jobs(offset: u64, limit: usize) -> Vec<JobState>;
    survey(now: Timestamp) -> Survey;
    merchants(page: PageRequest) -> Page<Merchant>;
    merchant(id: MerchantId) -> Option<Merchant>;
    merchant_named(name: &str) -> Option<Merchant>;
    keys(holder: Option<KeyHolder>, page: PageRequest) -> Page<ApiKey>;
    key(id: KeyId) -> Option<ApiKey>;
    key_of_hash(hash: [u8; 32]) -> Option<ApiKey>;
    note_key_uses(uses: Vec<(KeyId, Timestamp)>) -> ();
    endpoints(owner: Owner, page: PageRequest) -> Page<Endpoint>;
    endpoint(id: EndpointId) -> Option<Endpoint>;
    release_endpoints(by: RawId) -> ();
    deliveries(endpoint: EndpointId, filter: DeliveryFilter, page: PageRequest) -> Page<Delivery>;
    delivery(id: DeliveryId) -> Option<Delivery>;
    outbox(endpoint: EndpointId, position: u64, now: Timestamp, limit: usize) -> Option<Outbox>;
    note_told(told: Vec<Told>) -> ();
    forget_deliveries(before: Timestamp) -> bool;
    log_requests(requests: Vec<LoggedRequest>) -> ();
    requests(holder: Option<KeyHolder>, page: PageRequest) -> Page<LoggedRequest>;
    request(id: RequestId) -> Option<LoggedRequest>;
    forget_requests(before: Timestamp) -> bool;
    tally(tallies: Vec<Tally>, forgotten: Timestamp) -> Vec<u64>;
    audit(visit: Box<dyn FnMut(Audited) + Send>) -> ();
    has_secret() -> bool;
    knows_secret(fingerprint: [u8; 32]) -> bool;
    ping() -> ();
}
