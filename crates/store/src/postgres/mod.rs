//! The store in a PostgreSQL database, which any number of gateways share.

use async_trait::async_trait;
use escrow::{
    DeliveryId, Dispute, EndpointId, Escrow, EventId, IntentId, KeyId, MerchantId, Mode, Owner, RawId, Refund,
    RefundId, RequestId, Settlement, SettlementId, Timestamp,
};

use crate::rows::codec::{self, OwnerBytes};
use crate::rows::{Damaged, prepare};
use crate::{
    ApiKey, Audited, Balance, Delivery, DeliveryFilter, Endpoint, EndpointClaim, EndpointLease, EscrowFilter,
    EventFilter, Head, Job, JobState, KeyHolder, Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome, Page,
    PageRequest, Store, StoreError, StoredEvent, StoredTransfer, Survey, Tail, Tally, Told, TransferFilter, Unit,
    Waiting, Wanted, Which,
};

mod commit;
mod error;
mod intake;
mod leases;
mod load;
mod schema;
mod seen;
mod session;
mod settings;
mod statement;
mod writes;

pub use error::DatabaseError;
pub(crate) use intake::Intake;
pub use schema::POSTGRES_SCHEMA_VERSION;
use session::Sessions;
pub use settings::{DatabaseUrl, PostgresSettings, Times};

/// A [`Store`] in a PostgreSQL database.
pub struct PostgresStore {
    sessions: Sessions,
    times: Times,
}

/// The sandbox of a merchant.
fn sandbox(merchant: MerchantId) -> OwnerBytes {
    codec::owner_bytes(Owner { merchant, mode: Mode::Sandbox })
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
        let sessions = Sessions::new(settings).map_err(|why| schema::unreachable(settings, why))?;
        schema::check(&sessions, settings).await?;
        Ok(PostgresStore { sessions, times: settings.times })
    }

    /// Makes the store, or brings it up to date, and gives the schema version that it had before, 0 where there was none. Gateways
    /// may run meanwhile, and others may do the same.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub async fn migrate(settings: &PostgresSettings) -> Result<i32, DatabaseError> {
        let sessions = Sessions::new(settings).map_err(|why| schema::unreachable(settings, why))?;
        schema::migrate(&sessions, settings).await
    }

    /// Notes a fingerprint of the gateway's secret where there is none yet, and says whether it is the one that is noted: all gateways
    /// of a store must have the same secret.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn knows_secret(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        Ok(leases::knows_secret(&self.sessions, fingerprint).await?)
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, wanted: Wanted) -> Result<Loaded, StoreError> {
        Ok(load::load(&self.sessions, wanted).await?)
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        let units = units.into_iter().map(prepare::prepare).collect::<Result<Vec<_>, Damaged>>()?;
        Ok(commit::commit(&self.sessions, &units).await?)
    }

    async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        Ok(leases::claim(&self.sessions, self.times, (now, until), limit).await?)
    }

    async fn postpone_job(&self, lease: Lease, at: Timestamp) -> Result<(), StoreError> {
        Ok(leases::postpone(&self.sessions, lease, at).await?)
    }

    async fn return_job(&self, lease: Lease) -> Result<(), StoreError> {
        Ok(leases::give_back(&self.sessions, lease).await?)
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
        Ok(leases::forget_replies(&self.sessions, before).await?)
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

    async fn heads(&self, owners: Vec<Owner>) -> Result<Vec<Head>, StoreError> {
        let _ = owners;
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

    async fn claim_endpoints(&self, claim: EndpointClaim) -> Result<Vec<EndpointLease>, StoreError> {
        let _ = claim;
        Err(unfinished())
    }

    async fn release_endpoints(&self, by: RawId) -> Result<(), StoreError> {
        let _ = by;
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

    async fn tally(&self, tallies: Vec<Tally>, forgotten: Timestamp) -> Result<Vec<u64>, StoreError> {
        Ok(leases::tally(&self.sessions, &tallies, forgotten).await?)
    }

    async fn audit(&self, visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError> {
        drop((visit,));
        Err(unfinished())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(leases::ping(&self.sessions).await?)
    }

    async fn close(&self) {
        self.sessions.close();
    }
}
