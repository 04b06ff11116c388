//! The store in a PostgreSQL database, which any number of gateways share.

use async_trait::async_trait;
use escrow::{
    DeliveryId, Dispute, EndpointId, Escrow, EventId, IntentId, KeyId, MerchantId, Mode, Owner, RawId, Refund,
    RefundId, RequestId, Settlement, SettlementId, Timestamp,
};

use crate::rows::codec::{self, OwnerBytes};
use crate::rows::split::{Kind, Pieces};
use crate::rows::{Damaged, prepare};
use crate::{
    ApiKey, Audited, Balance, ClockClaim, Delivery, DeliveryFilter, Endpoint, EndpointClaim, EndpointLease,
    EscrowFilter, EventFilter, Head, Job, JobState, KeyHolder, Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome,
    Page, PageRequest, Store, StoreError, StoredEvent, StoredTransfer, Survey, Tail, Tally, Told, TransferFilter, Unit,
    Waiting, Wanted, Which,
};

mod audit;
mod clocks;
mod commit;
mod deliveries;
mod duties;
mod endpoints;
mod error;
mod events;
mod intake;
mod leases;
mod load;
mod page;
mod people;
#[cfg(test)]
mod plans;
mod read;
mod requests;
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

fn assemble(pieces: Option<Pieces>) -> Result<Option<Escrow>, StoreError> {
    Ok(pieces.map(Pieces::assemble).transpose()?.map(|stored| stored.escrow))
}

fn map_page<T, U>(page: Page<T>, map: impl FnMut(T) -> Result<U, Damaged>) -> Result<Page<U>, StoreError> {
    let items = page.items.into_iter().map(map).collect::<Result<Vec<U>, Damaged>>()?;
    Ok(Page { items, has_more: page.has_more })
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
        Ok(duties::of_sandbox(&self.sessions, merchant, until, limit).await?)
    }

    async fn claim_clock(&self, claim: ClockClaim) -> Result<Option<u64>, StoreError> {
        Ok(clocks::claim(&self.sessions, self.times, claim).await?)
    }

    async fn release_clock(&self, merchant: MerchantId, by: RawId) -> Result<(), StoreError> {
        Ok(clocks::release(&self.sessions, merchant, by).await?)
    }

    async fn next_job(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(duties::next(&self.sessions).await?)
    }

    async fn forget_replies(&self, before: Timestamp) -> Result<bool, StoreError> {
        Ok(leases::forget_replies(&self.sessions, before).await?)
    }

    async fn escrow(&self, id: IntentId) -> Result<Option<Escrow>, StoreError> {
        assemble(read::escrow(&self.sessions, id.raw().to_bytes()).await?)
    }

    async fn escrows(&self, owner: Owner, filter: EscrowFilter, page: PageRequest) -> Result<Page<Escrow>, StoreError> {
        let page = read::escrows(&self.sessions, owner, &filter, page).await?;
        map_page(page, |pieces| Ok(pieces.assemble()?.escrow))
    }

    async fn escrow_of_settlement(&self, id: SettlementId) -> Result<Option<Escrow>, StoreError> {
        assemble(read::escrow_of(&self.sessions, Kind::Settlement, id.raw()).await?)
    }

    async fn settlements(&self, owner: Owner, page: PageRequest) -> Result<Page<(IntentId, Settlement)>, StoreError> {
        let page = read::parts(&self.sessions, Kind::Settlement, (owner, None), page).await?;
        map_page(page, |(intent, body)| Ok((intent, codec::from_json("a settlement", &body)?)))
    }

    async fn escrow_of_refund(&self, id: RefundId) -> Result<Option<Escrow>, StoreError> {
        assemble(read::escrow_of(&self.sessions, Kind::Refund, id.raw()).await?)
    }

    async fn refunds(
        &self,
        owner: Owner,
        intent: Option<IntentId>,
        page: PageRequest,
    ) -> Result<Page<(IntentId, Refund)>, StoreError> {
        let page = read::parts(&self.sessions, Kind::Refund, (owner, intent), page).await?;
        map_page(page, |(intent, body)| Ok((intent, codec::from_json("a refund", &body)?)))
    }

    async fn transfers(
        &self,
        owner: Owner,
        filter: TransferFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTransfer>, StoreError> {
        Ok(read::transfers(&self.sessions, owner, &filter, page).await?)
    }

    async fn events(
        &self,
        owner: Owner,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        Ok(events::list(&self.sessions, owner, &filter, page).await?)
    }

    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        Ok(events::find(&self.sessions, id).await?)
    }

    async fn events_after(
        &self,
        owner: Owner,
        filter: EventFilter,
        position: u64,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        Ok(events::after(&self.sessions, owner, &filter, position, limit).await?)
    }

    async fn heads(&self, owners: Vec<Owner>) -> Result<Vec<Head>, StoreError> {
        Ok(events::heads(&self.sessions, &owners).await?)
    }

    async fn balances(&self, owner: Owner) -> Result<Vec<Balance>, StoreError> {
        Ok(read::balances(&self.sessions, owner).await?)
    }

    async fn disputes(&self, which: Which, page: PageRequest) -> Result<Page<(Owner, IntentId, Dispute)>, StoreError> {
        let page = read::everybodys_parts(&self.sessions, Kind::Dispute, which, page).await?;
        map_page(page, |(owner, intent, body)| Ok((owner, intent, codec::from_json("a dispute", &body)?)))
    }

    async fn everybodys_settlements(
        &self,
        which: Which,
        page: PageRequest,
    ) -> Result<Page<(Owner, IntentId, Settlement)>, StoreError> {
        let page = read::everybodys_parts(&self.sessions, Kind::Settlement, which, page).await?;
        map_page(page, |(owner, intent, body)| Ok((owner, intent, codec::from_json("a settlement", &body)?)))
    }

    async fn jobs(&self, offset: u64, limit: usize) -> Result<Vec<JobState>, StoreError> {
        Ok(duties::all(&self.sessions, offset, limit).await?)
    }

    async fn survey(&self, now: Timestamp) -> Result<Survey, StoreError> {
        Ok(duties::survey(&self.sessions, now).await?)
    }

    async fn merchants(&self, page: PageRequest) -> Result<Page<Merchant>, StoreError> {
        Ok(people::merchants(&self.sessions, page).await?)
    }

    async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, StoreError> {
        Ok(people::merchant(&self.sessions, id).await?)
    }

    async fn merchant_named(&self, name: &str) -> Result<Option<Merchant>, StoreError> {
        Ok(people::merchant_named(&self.sessions, name).await?)
    }

    async fn keys(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        Ok(people::keys(&self.sessions, holder, page).await?)
    }

    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        Ok(people::key(&self.sessions, id).await?)
    }

    async fn key_of_hash(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        Ok(people::key_of_hash(&self.sessions, hash).await?)
    }

    async fn note_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        Ok(people::note_key_uses(&self.sessions, &uses).await?)
    }

    async fn endpoints(&self, owner: Owner, page: PageRequest) -> Result<Page<Endpoint>, StoreError> {
        Ok(endpoints::list(&self.sessions, owner, page).await?)
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        Ok(endpoints::find(&self.sessions, id).await?)
    }

    async fn claim_endpoints(&self, claim: EndpointClaim) -> Result<Vec<EndpointLease>, StoreError> {
        Ok(endpoints::claim(&self.sessions, self.times, claim).await?)
    }

    async fn release_endpoints(&self, by: RawId) -> Result<(), StoreError> {
        Ok(endpoints::release(&self.sessions, by).await?)
    }

    async fn deliveries(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        Ok(deliveries::list(&self.sessions, endpoint, filter, page).await?)
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        Ok(deliveries::find(&self.sessions, id).await?)
    }

    async fn outbox(
        &self,
        endpoint: EndpointId,
        position: u64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Outbox>, StoreError> {
        Ok(endpoints::outbox(&self.sessions, endpoint, position, now, limit).await?)
    }

    async fn note_told(&self, told: Vec<Told>) -> Result<(), StoreError> {
        Ok(deliveries::note(&self.sessions, &told).await?)
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        Ok(deliveries::forget(&self.sessions, before).await?)
    }

    async fn log_requests(&self, requests: Vec<LoggedRequest>) -> Result<(), StoreError> {
        Ok(requests::add(&self.sessions, &requests).await?)
    }

    async fn requests(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<LoggedRequest>, StoreError> {
        Ok(requests::list(&self.sessions, holder, page).await?)
    }

    async fn request(&self, id: RequestId) -> Result<Option<LoggedRequest>, StoreError> {
        Ok(requests::find(&self.sessions, id).await?)
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<bool, StoreError> {
        Ok(requests::forget(&self.sessions, before).await?)
    }

    async fn tally(&self, tallies: Vec<Tally>, forgotten: Timestamp) -> Result<Vec<u64>, StoreError> {
        Ok(leases::tally(&self.sessions, &tallies, forgotten).await?)
    }

    async fn audit(&self, mut visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError> {
        Ok(audit::audit(&self.sessions, visit.as_mut()).await?)
    }

    async fn has_secret(&self) -> Result<bool, StoreError> {
        Ok(leases::has_secret(&self.sessions).await?)
    }

    async fn knows_secret(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        Ok(leases::knows_secret(&self.sessions, fingerprint).await?)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(leases::ping(&self.sessions).await?)
    }

    async fn close(&self) {
        self.sessions.close();
    }
}
