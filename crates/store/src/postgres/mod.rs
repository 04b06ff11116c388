//! The store in a PostgreSQL database, which any number of gateways share.

use async_trait::async_trait;
use escrow::{
    DeliveryId, Dispute, EndpointId, Escrow, EventId, IntentId, KeyId, MerchantId, Owner, Refund, RefundId, RequestId,
    Settlement, SettlementId, Timestamp,
};

use crate::{
    ApiKey, Audited, Balance, Delivery, DeliveryFilter, Endpoint, EscrowFilter, EventFilter, Job, JobState, KeyHolder,
    Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome, Page, PageRequest, Store, StoreError, StoredEvent,
    StoredTransfer, Survey, Tail, Told, TransferFilter, Unit, Waiting, Wanted, Which,
};

mod error;
mod settings;

pub use error::DatabaseError;
pub use settings::{DatabaseUrl, PostgresSettings, Times};

/// The newest schema version of PostgreSQL stores that this binary knows.
pub const POSTGRES_SCHEMA_VERSION: i32 = 1;

/// A [`Store`] in a PostgreSQL database.
pub struct PostgresStore {
    pool: Pool,
}

struct Pool;

impl Pool {
    const fn close(&self) {}
}

fn unfinished() -> StoreError {
    StoreError::Unavailable("not yet".to_owned())
}

impl PostgresStore {
    /// Opens a store that is up to date.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn open(settings: &PostgresSettings) -> Result<PostgresStore, DatabaseError> {
        let _ = settings;
        Ok(PostgresStore { pool: Pool })
    }

    /// Makes the store, or brings it up to date, and gives the schema version that it had before, 0 where there was none. Gateways
    /// may run meanwhile, and others may do the same.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub async fn migrate(settings: &PostgresSettings) -> Result<i32, DatabaseError> {
        let _ = settings;
        Ok(0)
    }

    /// Notes a fingerprint of the gateway's secret where there is none yet, and says whether it is the one that is noted: all gateways
    /// of a store must have the same secret.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn knows_secret(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        drop(fingerprint);
        Err(unfinished())
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, wanted: Wanted) -> Result<Loaded, StoreError> {
        drop((wanted,));
        Err(unfinished())
    }

    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        drop((units,));
        Err(unfinished())
    }

    async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        drop((now, until, limit));
        Err(unfinished())
    }

    async fn postpone_job(&self, lease: Lease, at: Timestamp) -> Result<(), StoreError> {
        drop((lease, at));
        Err(unfinished())
    }

    async fn return_job(&self, lease: Lease) -> Result<(), StoreError> {
        drop((lease,));
        Err(unfinished())
    }

    async fn sandbox_jobs(
        &self,
        merchant: MerchantId,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        drop((merchant, until, limit));
        Err(unfinished())
    }

    async fn next_job(&self) -> Result<Option<Timestamp>, StoreError> {
        Err(unfinished())
    }

    async fn forget_replies(&self, before: Timestamp) -> Result<bool, StoreError> {
        drop((before,));
        Err(unfinished())
    }

    async fn escrow(&self, id: IntentId) -> Result<Option<Escrow>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn escrows(&self, owner: Owner, filter: EscrowFilter, page: PageRequest) -> Result<Page<Escrow>, StoreError> {
        drop((owner, filter, page));
        Err(unfinished())
    }

    async fn escrow_of_settlement(&self, id: SettlementId) -> Result<Option<Escrow>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn settlements(&self, owner: Owner, page: PageRequest) -> Result<Page<(IntentId, Settlement)>, StoreError> {
        drop((owner, page));
        Err(unfinished())
    }

    async fn escrow_of_refund(&self, id: RefundId) -> Result<Option<Escrow>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn refunds(
        &self,
        owner: Owner,
        intent: Option<IntentId>,
        page: PageRequest,
    ) -> Result<Page<(IntentId, Refund)>, StoreError> {
        drop((owner, intent, page));
        Err(unfinished())
    }

    async fn transfers(
        &self,
        owner: Owner,
        filter: TransferFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTransfer>, StoreError> {
        drop((owner, filter, page));
        Err(unfinished())
    }

    async fn events(
        &self,
        owner: Owner,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        drop((owner, filter, page));
        Err(unfinished())
    }

    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn events_after(
        &self,
        owner: Owner,
        filter: EventFilter,
        position: u64,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        drop((owner, filter, position, limit));
        Err(unfinished())
    }

    async fn balances(&self, owner: Owner) -> Result<Vec<Balance>, StoreError> {
        drop((owner,));
        Err(unfinished())
    }

    async fn disputes(&self, which: Which, page: PageRequest) -> Result<Page<(Owner, IntentId, Dispute)>, StoreError> {
        drop((which, page));
        Err(unfinished())
    }

    async fn everybodys_settlements(
        &self,
        which: Which,
        page: PageRequest,
    ) -> Result<Page<(Owner, IntentId, Settlement)>, StoreError> {
        drop((which, page));
        Err(unfinished())
    }

    async fn jobs(&self, offset: u64, limit: usize) -> Result<Vec<JobState>, StoreError> {
        drop((offset, limit));
        Err(unfinished())
    }

    async fn survey(&self, now: Timestamp) -> Result<Survey, StoreError> {
        drop((now,));
        Err(unfinished())
    }

    async fn merchants(&self, page: PageRequest) -> Result<Page<Merchant>, StoreError> {
        drop((page,));
        Err(unfinished())
    }

    async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn merchant_named(&self, name: &str) -> Result<Option<Merchant>, StoreError> {
        drop((name,));
        Err(unfinished())
    }

    async fn keys(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        drop((holder, page));
        Err(unfinished())
    }

    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn key_of_hash(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        drop((hash,));
        Err(unfinished())
    }

    async fn note_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        drop((uses,));
        Err(unfinished())
    }

    async fn endpoints(&self, owner: Owner, page: PageRequest) -> Result<Page<Endpoint>, StoreError> {
        drop((owner, page));
        Err(unfinished())
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn enabled_endpoints(&self) -> Result<Vec<(EndpointId, Owner)>, StoreError> {
        Err(unfinished())
    }

    async fn deliveries(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        drop((endpoint, filter, page));
        Err(unfinished())
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn outbox(
        &self,
        endpoint: EndpointId,
        position: u64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Outbox>, StoreError> {
        drop((endpoint, position, now, limit));
        Err(unfinished())
    }

    async fn note_told(&self, told: Vec<Told>) -> Result<(), StoreError> {
        drop((told,));
        Err(unfinished())
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        drop((before,));
        Err(unfinished())
    }

    async fn log_requests(&self, requests: Vec<LoggedRequest>) -> Result<(), StoreError> {
        drop((requests,));
        Err(unfinished())
    }

    async fn requests(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<LoggedRequest>, StoreError> {
        drop((holder, page));
        Err(unfinished())
    }

    async fn request(&self, id: RequestId) -> Result<Option<LoggedRequest>, StoreError> {
        drop((id,));
        Err(unfinished())
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<bool, StoreError> {
        drop((before,));
        Err(unfinished())
    }

    async fn audit(&self, visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError> {
        drop((visit,));
        Err(unfinished())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Err(unfinished())
    }

    async fn close(&self) {
        self.pool.close();
    }
}
