//! A store that can be made to stand still or to lose its answers, and that answers nothing at once, as one behind a network does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use escrow::{
    DeliveryId, Dispute, EndpointId, Escrow, EventId, IntentId, KeyId, MerchantId, Owner, RawId, Refund, RefundId,
    RequestId, Settlement, SettlementId, Span, Timestamp,
};
use store::{
    ApiKey, Audited, Balance, ClockClaim, Delivery, DeliveryFilter, Endpoint, EndpointClaim, EndpointLease,
    EscrowFilter, EventFilter, Head, Job, JobState, KeyHolder, Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome,
    Page, PageRequest, Store, StoreError, StoredEvent, StoredTransfer, Survey, Tail, Tally, Told, TransferFilter, Unit,
    Waiting, Wanted, Which,
};
use tokio::sync::watch;

/// Another store, out of reach at times.
pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    is_frozen: watch::Sender<bool>,
    /// What becomes of the next commits.
    fates: Mutex<VecDeque<Fate>>,
    /// How far the store's own time is behind, in which jobs are claimed.
    behind: Mutex<Span>,
    /// How often jobs were claimed.
    claims: AtomicUsize,
}

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// What the store makes of it.
    Answered,
    /// The same, but its answer is lost.
    DoneInDoubt,
    /// It never came to the store, and nobody can tell.
    LostInDoubt,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Faulty> {
        Arc::new(Faulty {
            inner,
            is_frozen: watch::channel(false).0,
            fates: Mutex::default(),
            behind: Mutex::new(Span::from_ms(0)),
            claims: AtomicUsize::new(0),
        })
    }

    /// Has jobs claimed in a time that is so far behind.
    pub(crate) fn fall_behind(&self, by: Span) {
        *self.behind.lock().expect("nobody panics with it") = by;
    }

    /// How often jobs were claimed.
    pub(crate) fn claims(&self) -> usize {
        self.claims.load(Ordering::SeqCst)
    }

    async fn claim_behind(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.reach().await;
        self.claims.fetch_add(1, Ordering::SeqCst);
        let behind = *self.behind.lock().expect("nobody panics with it");
        let own = |time: Timestamp| Timestamp::from_ms(time.ms() - behind.ms());
        self.inner.claim_jobs(own(now), own(until), limit).await
    }

    /// What becomes of the next commits, in this order. Whatever comes after them is answered.
    pub(crate) fn doom(&self, fates: &[Fate]) {
        self.fates.lock().expect("nobody panics with it").extend(fates);
    }

    /// Whether all that was to become of commits has come true.
    pub(crate) fn is_done(&self) -> bool {
        self.fates.lock().expect("nobody panics with it").is_empty()
    }

    async fn commit_by_fate(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        self.reach().await;
        let fate = self.fates.lock().expect("nobody panics with it").pop_front();
        match fate.unwrap_or(Fate::Answered) {
            Fate::Answered => self.inner.commit(units).await,
            Fate::DoneInDoubt => {
                self.inner.commit(units).await?;
                Err(StoreError::InDoubt)
            }
            Fate::LostInDoubt => Err(StoreError::InDoubt),
        }
    }

    /// Whoever asks from now on waits until [`Faulty::thaw`].
    pub(crate) fn freeze(&self) {
        self.is_frozen.send_replace(true);
    }

    /// What was asked meanwhile is done now.
    pub(crate) fn thaw(&self) {
        self.is_frozen.send_replace(false);
    }

    async fn reach(&self) {
        tokio::task::yield_now().await;
        drop(self.is_frozen.subscribe().wait_for(|is_frozen| !is_frozen).await);
    }
}

/// Passes everything on.
macro_rules! passing_on {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for Faulty {
            fn is_shared(&self) -> bool {
                self.inner.is_shared()
            }

            async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
                self.commit_by_fate(units).await
            }

            async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
                self.claim_behind(now, until, limit).await
            }

            async fn close(&self) {
                // The store behind it is others' as well.
            }

            $(async fn $name(&self, $($arg: $type),*) -> Result<$answer, StoreError> {
                self.reach().await;
                self.inner.$name($($arg),*).await
            })*
        }
    };
}

passing_on! {
    load(wanted: Wanted) -> Loaded;
    postpone_job(lease: Lease, at: Timestamp) -> ();
    return_job(lease: Lease) -> ();
    sandbox_jobs(merchant: MerchantId, until: Timestamp, limit: usize) -> Vec<Waiting>;
    claim_clock(claim: ClockClaim) -> Option<u64>;
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
    claim_endpoints(claim: EndpointClaim) -> Vec<EndpointLease>;
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
    ping() -> ();
}
