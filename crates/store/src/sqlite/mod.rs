//! The store in one SQLite file: the default, for one process.
//!
//! One thread writes, two read, one moves the write-ahead log into the database. Nothing here decides anything but whether a
//! unit still fits what is stored.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use escrow::{
    DeliveryId, Dispute, EndpointId, Escrow, EventId, IntentId, KeyId, MerchantId, Owner, RawId, Refund, RefundId,
    RequestId, Settlement, SettlementId, Timestamp,
};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::rows::lists::Dialect;
use crate::rows::split::{Kind, Pieces};
use crate::rows::{Damaged, codec, prepare};
use crate::{
    ApiKey, Audited, Balance, ClockClaim, Delivery, DeliveryFilter, Endpoint, EndpointClaim, EndpointLease,
    EscrowFilter, EventFilter, Head, Job, JobState, KeyHolder, Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome,
    Page, PageRequest, Store, StoreError, StoredEvent, StoredTransfer, Survey, Tail, Tally, Told, TransferFilter, Unit,
    Waiting, Wanted, Which,
};

mod audit;
mod backup;
mod claims;
mod clocks;
mod commit;
mod counters;
mod crew;
mod deliveries;
mod endpoints;
mod error;
mod events;
mod jobs;
mod journals;
mod metadata;
mod open;
mod page;
mod people;
#[cfg(test)]
mod plans;
mod read;
mod replies;
mod requests;
mod source;
mod survey;
mod wal;
mod writer;

use crew::{Crew, Tool};
use error::Fault;
pub use open::{OpenError, SCHEMA_VERSION};
use requests::RequestLog;
pub(crate) use source::Source;
use writer::Writer;

/// How lists are put to this database.
const DIALECT: Dialect = Dialect::Sqlite;

/// How many reads of what a command or a request names may run at the same time.
const READERS: usize = 2;

/// How many reads of lists may run at the same time. They may walk over many rows, and must not keep the others waiting.
const LISTERS: usize = 1;

/// A [`Store`] in the file `milepost.db` of a folder.
pub struct SqliteStore {
    dir: PathBuf,
    readers: Crew<Reader>,
    listers: Crew<Reader>,
    /// `None` when it was opened for reading only.
    writer: Option<Crew<Writer>>,
    /// `None` when it was opened for reading only.
    requests: Option<Crew<RequestLog>>,
}

/// The connection of a thread that reads.
struct Reader(Connection);

impl Tool for Reader {}

impl SqliteStore {
    /// Opens the store in this folder, for this process alone; makes both where there are none. Blocks while it brings the
    /// schema up to date.
    ///
    /// # Errors
    /// Why it cannot be opened; nothing of another program or of a newer version was changed.
    pub fn open(dir: &Path) -> Result<SqliteStore, OpenError> {
        let writer = Writer::open(dir)?;
        let (readers, listers) = (start_readers(dir, READERS)?, start_readers(dir, LISTERS)?);
        let cannot = |error| open::inaccessible(dir, &error);
        let writer = Crew::start("milepost-writer", vec![writer]).map_err(cannot)?;
        let requests = Crew::start("milepost-requests", vec![RequestLog::open(dir)?]).map_err(cannot)?;
        Ok(SqliteStore { dir: dir.to_owned(), readers, listers, writer: Some(writer), requests: Some(requests) })
    }

    /// Opens the store in this folder for reading only, while another process may serve it. Every write is
    /// [`StoreError::Unavailable`].
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn open_read_only(dir: &Path) -> Result<SqliteStore, OpenError> {
        let (readers, listers) = (start_readers(dir, READERS)?, start_readers(dir, LISTERS)?);
        Ok(SqliteStore { dir: dir.to_owned(), readers, listers, writer: None, requests: None })
    }

    /// Copies the store in one folder into another, which must exist and have none, as it was when this began; the log of requests is
    /// left out. Another process may serve the store meanwhile. Blocks until the copy is on the disk.
    ///
    /// # Errors
    /// Why the store cannot be read, or the copy not be written.
    pub fn back_up(dir: &Path, into: &Path) -> Result<(), OpenError> {
        backup::back_up(dir, into)
    }

    async fn write<A: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        writer.run(move |writer| task(&mut writer.db)).await
    }

    /// Does something with the log of requests.
    async fn log<A: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, StoreError> {
        let log = self.requests.as_ref().ok_or_else(read_only)?;
        log.run(move |log| task(log.db())).await
    }

    /// Runs a read in one read transaction, so that all its statements see the same.
    async fn read<A: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, StoreError> {
        self.readers.run(move |reader| task(&*reader.0.transaction()?)).await
    }

    /// As [`SqliteStore::read`], for what may take long.
    async fn list<A: Send + 'static>(
        &self,
        task: impl FnOnce(&Connection) -> Result<A, Fault> + Send + 'static,
    ) -> Result<A, StoreError> {
        self.listers.run(move |reader| task(&*reader.0.transaction()?)).await
    }
}

fn read_only() -> StoreError {
    StoreError::Unavailable("the store was opened for reading only".to_owned())
}

fn start_readers(dir: &Path, count: usize) -> Result<Crew<Reader>, OpenError> {
    let readers = (0..count).map(|_| open::reader(dir).map(Reader)).collect::<Result<Vec<Reader>, OpenError>>()?;
    Crew::start("milepost-reader", readers).map_err(|error| open::inaccessible(dir, &error))
}

impl Drop for SqliteStore {
    /// As [`Store::close`], blocking.
    fn drop(&mut self) {
        self.readers.stop_blocking();
        self.listers.stop_blocking();
        if let Some(requests) = &self.requests {
            requests.stop_blocking();
        }
        if let Some(writer) = &self.writer {
            writer.stop_blocking();
        }
    }
}

fn assemble(pieces: Option<Pieces>) -> Result<Option<Escrow>, StoreError> {
    Ok(pieces.map(Pieces::assemble).transpose()?.map(|stored| stored.escrow))
}

/// An error in words for everybody; what the system says is for the log alone.
fn unavailable(words: &str, error: &dyn std::fmt::Display) -> StoreError {
    tracing::warn!(%error, "{words}");
    StoreError::Unavailable(words.to_owned())
}

fn map_page<T, U>(page: Page<T>, map: impl FnMut(T) -> Result<U, Fault>) -> Result<Page<U>, StoreError> {
    let items = page.items.into_iter().map(map).collect::<Result<Vec<U>, Fault>>()?;
    Ok(Page { items, has_more: page.has_more })
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, wanted: Wanted) -> Result<Loaded, StoreError> {
        let found = self.read(move |db| read::load(db, &wanted)).await?;
        let escrows = found.escrows.into_iter().map(|pieces| pieces.map(Pieces::assemble).transpose());
        let escrows = escrows.collect::<Result<Vec<_>, Damaged>>()?;
        Ok(Loaded { escrows, replies: found.replies, clocks: found.clocks, journals: found.journals })
    }

    fn is_shared(&self) -> bool {
        false
    }

    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        let units = units.into_iter().map(prepare::prepare).collect::<Result<Vec<_>, Damaged>>()?;
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        writer.run(move |writer| commit::commit(&mut writer.db, &writer.leases, &units)).await
    }

    async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.write(move |db| jobs::claim(db, now, until, limit)).await
    }

    async fn postpone_job(&self, lease: Lease, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |db| jobs::postpone(db, lease, at)).await
    }

    async fn return_job(&self, lease: Lease) -> Result<(), StoreError> {
        self.write(move |db| jobs::give_back(db, lease)).await
    }

    async fn sandbox_jobs(
        &self,
        merchant: MerchantId,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        self.list(move |db| jobs::of_sandbox(db, clocks::sandbox(merchant), until, limit)).await
    }

    async fn claim_clock(&self, claim: ClockClaim) -> Result<Option<u64>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        writer.run(move |writer| Ok(writer.leases.claim_clock(claim))).await
    }

    async fn release_clock(&self, merchant: MerchantId, by: RawId) -> Result<(), StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        let release = move |writer: &mut Writer| {
            writer.leases.release_clock(merchant, by);
            Ok(())
        };
        writer.run(release).await
    }

    async fn next_job(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(jobs::next).await
    }

    async fn forget_replies(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.write(move |db| replies::forget(db, before)).await?;
        self.write(replies::delete_forgotten).await
    }

    async fn escrow(&self, id: IntentId) -> Result<Option<Escrow>, StoreError> {
        assemble(self.read(move |db| read::escrow(db, id.raw().to_bytes())).await?)
    }

    async fn escrows(&self, owner: Owner, filter: EscrowFilter, page: PageRequest) -> Result<Page<Escrow>, StoreError> {
        let page = self.list(move |db| read::escrows(db, owner, &filter, page)).await?;
        map_page(page, |pieces| Ok(pieces.assemble()?.escrow))
    }

    async fn escrow_of_settlement(&self, id: SettlementId) -> Result<Option<Escrow>, StoreError> {
        assemble(self.read(move |db| read::escrow_of(db, Kind::Settlement, id.raw())).await?)
    }

    async fn settlements(&self, owner: Owner, page: PageRequest) -> Result<Page<(IntentId, Settlement)>, StoreError> {
        let page = self.list(move |db| read::parts(db, Kind::Settlement, (owner, None), page)).await?;
        map_page(page, |(intent, body)| Ok((intent, codec::from_json("a settlement", &body)?)))
    }

    async fn escrow_of_refund(&self, id: RefundId) -> Result<Option<Escrow>, StoreError> {
        assemble(self.read(move |db| read::escrow_of(db, Kind::Refund, id.raw())).await?)
    }

    async fn refunds(
        &self,
        owner: Owner,
        intent: Option<IntentId>,
        page: PageRequest,
    ) -> Result<Page<(IntentId, Refund)>, StoreError> {
        let page = self.list(move |db| read::parts(db, Kind::Refund, (owner, intent), page)).await?;
        map_page(page, |(intent, body)| Ok((intent, codec::from_json("a refund", &body)?)))
    }

    async fn transfers(
        &self,
        owner: Owner,
        filter: TransferFilter,
        page: PageRequest,
    ) -> Result<Page<StoredTransfer>, StoreError> {
        self.list(move |db| read::transfers(db, owner, &filter, page)).await
    }

    async fn events(
        &self,
        owner: Owner,
        filter: EventFilter,
        page: PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        self.list(move |db| events::page(db, owner, &filter, page)).await
    }

    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.read(move |db| events::find(db, id)).await
    }

    async fn events_after(
        &self,
        owner: Owner,
        filter: EventFilter,
        position: u64,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        self.read(move |db| events::after(db, owner, &filter, position, limit)).await
    }

    async fn heads(&self, owners: Vec<Owner>) -> Result<Vec<Head>, StoreError> {
        self.read(move |db| owners.into_iter().map(|owner| events::head(db, owner)).collect()).await
    }

    async fn balances(&self, owner: Owner) -> Result<Vec<Balance>, StoreError> {
        self.read(move |db| read::balances(db, owner)).await
    }

    async fn disputes(&self, which: Which, page: PageRequest) -> Result<Page<(Owner, IntentId, Dispute)>, StoreError> {
        let page = self.list(move |db| read::everybodys_parts(db, Kind::Dispute, which, page)).await?;
        map_page(page, |(owner, intent, body)| Ok((owner, intent, codec::from_json("a dispute", &body)?)))
    }

    async fn everybodys_settlements(
        &self,
        which: Which,
        page: PageRequest,
    ) -> Result<Page<(Owner, IntentId, Settlement)>, StoreError> {
        let page = self.list(move |db| read::everybodys_parts(db, Kind::Settlement, which, page)).await?;
        map_page(page, |(owner, intent, body)| Ok((owner, intent, codec::from_json("a settlement", &body)?)))
    }

    async fn jobs(&self, offset: u64, limit: usize) -> Result<Vec<JobState>, StoreError> {
        self.list(move |db| jobs::all(db, offset, limit)).await
    }

    async fn survey(&self, now: Timestamp) -> Result<Survey, StoreError> {
        self.list(move |db| survey::survey(db, now)).await
    }

    async fn merchants(&self, page: PageRequest) -> Result<Page<Merchant>, StoreError> {
        self.list(move |db| people::merchants(db, page)).await
    }

    async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, StoreError> {
        self.read(move |db| people::merchant(db, id)).await
    }

    async fn merchant_named(&self, name: &str) -> Result<Option<Merchant>, StoreError> {
        let name = name.to_owned();
        self.read(move |db| people::merchant_named(db, &name)).await
    }

    async fn keys(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        self.list(move |db| people::keys(db, holder, page)).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.read(move |db| people::key(db, id)).await
    }

    async fn key_of_hash(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        self.read(move |db| people::key_of_hash(db, hash)).await
    }

    async fn note_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        self.write(move |db| people::note_key_uses(db, &uses)).await
    }

    async fn endpoints(&self, owner: Owner, page: PageRequest) -> Result<Page<Endpoint>, StoreError> {
        self.list(move |db| endpoints::page(db, owner, page)).await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.read(move |db| endpoints::find(db, id)).await
    }

    async fn claim_endpoints(&self, claim: EndpointClaim) -> Result<Vec<EndpointLease>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        writer.run(move |writer| Ok(writer.leases.claim_endpoints(endpoints::enabled(&writer.db)?, claim))).await
    }

    async fn release_endpoints(&self, by: RawId) -> Result<(), StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        let release = move |writer: &mut Writer| {
            writer.leases.release_endpoints(by);
            Ok(())
        };
        writer.run(release).await
    }

    async fn deliveries(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        page: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        self.list(move |db| deliveries::page(db, endpoint, filter, page)).await
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.read(move |db| deliveries::find(db, id)).await
    }

    async fn outbox(
        &self,
        endpoint: EndpointId,
        position: u64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Outbox>, StoreError> {
        self.list(move |db| endpoints::outbox(db, endpoint, position, now, limit)).await
    }

    async fn note_told(&self, told: Vec<Told>) -> Result<(), StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        let note = move |writer: &mut Writer| {
            let newest = told.iter().filter(|told| writer.leases.is_newest_of_endpoint(told.endpoint, told.token));
            deliveries::note(&mut writer.db, newest)
        };
        writer.run(note).await
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.write(move |db| deliveries::forget(db, before)).await
    }

    async fn log_requests(&self, requests: Vec<LoggedRequest>) -> Result<(), StoreError> {
        self.log(move |db| requests::add(db, &requests)).await
    }

    async fn requests(&self, holder: Option<KeyHolder>, page: PageRequest) -> Result<Page<LoggedRequest>, StoreError> {
        self.log(move |db| requests::page(db, holder, page)).await
    }

    async fn request(&self, id: RequestId) -> Result<Option<LoggedRequest>, StoreError> {
        self.log(move |db| requests::find(db, id)).await
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.log(move |db| requests::forget(db, before)).await
    }

    /// No other process counts, and what was counted may be lost with this one.
    async fn tally(&self, tallies: Vec<Tally>, forgotten: Timestamp) -> Result<Vec<u64>, StoreError> {
        let writer = self.writer.as_ref().ok_or_else(read_only)?;
        writer.run(move |writer| Ok(writer.tallies.add(&tallies, forgotten))).await
    }

    /// Runs on a thread and a connection of its own, so that it keeps nobody waiting.
    async fn audit(&self, mut visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError> {
        self.readers.check_open()?;
        let (answer, answered) = oneshot::channel();
        let dir = self.dir.clone();
        let mut walk = move || {
            let mut db =
                open::reader(&dir).map_err(|error| unavailable("the database file cannot be opened", &error))?;
            audit::audit(&mut db, &mut visit).map_err(StoreError::from)
        };
        let thread = std::thread::Builder::new().name("milepost-audit".to_owned());
        let spawned = thread.spawn(move || drop(answer.send(walk())));
        spawned.map_err(|error| unavailable("there are no threads left", &error))?;
        answered.await.map_err(|error| unavailable("the audit ended in a panic", &error))?
    }

    async fn has_secret(&self) -> Result<bool, StoreError> {
        self.read(people::has_secret).await
    }

    async fn knows_secret(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        self.write(move |db| people::knows_secret(db, fingerprint)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|db| jobs::next(db).map(drop)).await?;
        self.write(counters::ping).await
    }

    async fn close(&self) {
        self.readers.stop().await;
        self.listers.stop().await;
        if let Some(requests) = &self.requests {
            requests.stop().await;
        }
        if let Some(writer) = &self.writer {
            writer.stop().await;
        }
    }
}
