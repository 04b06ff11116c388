//! The store in memory: the plainest one that keeps the promises. Other stores are compared with it, and simulations run on it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use escrow::{
    Account, Currency, DeliveryId, Dispute, Duty, Effect, EndpointId, Escrow, EventId, Hash, IntentId, KeyId,
    MerchantId, Mode, Owner, RawId, Refund, RefundId, RequestId, Settlement, SettlementId, Span, Timestamp, TransferId,
    planted,
};

use crate::leases::Leases;
use crate::metadata::found_by;
use crate::tally::Tallies;
use crate::{
    AccountRow, ApiKey, Audited, Backlog, Balance, Change, ClockClaim, ClockMove, Delivery, DeliveryFilter, Endpoint,
    EndpointChange, EndpointClaim, EndpointLease, EndpointState, EscrowFilter, EventFilter, EventRow, Head, Job,
    JobState, Journal, JournalChange, KeyHolder, Lease, Loaded, LoggedRequest, Merchant, Outbox, Outcome, Page,
    PageRequest, Position, Reply, Store, StoreError, StoredEvent, StoredTransfer, Survey, Tail, Tally, Told, Total,
    TransferFilter, Unit, Versioned, Waiting, Wanted, Which,
};

mod webhooks;

/// A [`Store`] in memory. What it holds is gone with it.
pub struct MemoryStore {
    /// `None` once it is closed.
    state: Mutex<Option<Everything>>,
    is_shared: bool,
}

/// An event with whose stream it is in and its place there.
type PlacedEvent = (Owner, u64, EventRow);

type Balances = BTreeMap<(Owner, Account, Currency), i64>;

#[derive(Clone, Default)]
struct Everything {
    /// The fingerprint of the gateway's secret.
    secret: Option<[u8; 32]>,
    escrows: BTreeMap<IntentId, Versioned>,
    events: BTreeMap<IntentId, Vec<PlacedEvent>>,
    positions: BTreeMap<Owner, u64>,
    transfers: BTreeMap<TransferId, (Owner, StoredTransfer)>,
    balances: Balances,
    jobs: BTreeMap<(IntentId, Duty), StoredJob>,
    /// How far clocks are ahead of real time.
    clocks: BTreeMap<Owner, Span>,
    last_token: u64,
    /// Who named a transaction first, by the bytes of its hash.
    claims: BTreeMap<(Owner, [u8; 32]), IntentId>,
    replies: BTreeMap<(Owner, String), Reply>,
    replies_from: Option<Timestamp>,
    merchants: BTreeMap<MerchantId, Merchant>,
    keys: BTreeMap<KeyId, (ApiKey, [u8; 32])>,
    journals: BTreeMap<Owner, (Journal, Vec<PlacedEvent>)>,
    endpoints: BTreeMap<EndpointId, Endpoint>,
    leases: Leases,
    tallies: Tallies,
    /// By endpoint and place of the event.
    deliveries: BTreeMap<(EndpointId, u64), Delivery>,
    requests: BTreeMap<RequestId, LoggedRequest>,
}

#[derive(Clone)]
struct StoredJob {
    owner: Owner,
    /// By its owner's clock.
    due: Timestamp,
    /// In real time.
    run_at: Timestamp,
    /// The token of its lease, while somebody has one.
    token: Option<u64>,
    attempts: u32,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> MemoryStore {
        MemoryStore { state: Mutex::new(Some(Everything::default())), is_shared: false }
    }

    /// An empty store for several engines, each of which takes the others for other processes.
    #[must_use]
    pub fn shared() -> MemoryStore {
        MemoryStore { is_shared: true, ..MemoryStore::new() }
    }

    fn with<A>(&self, task: impl FnOnce(&mut Everything) -> A) -> Result<A, StoreError> {
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        self.lock().as_mut().map(task).ok_or_else(closed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Everything>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> MemoryStore {
        MemoryStore::new()
    }
}

impl Everything {
    fn commit(&mut self, unit: Unit) -> Outcome {
        if !self.fits(&unit) {
            return Outcome::Lost;
        }
        if let Some(change) = unit.change {
            if !planted!(ClaimUnchecked) && !self.are_claims_free(&change) {
                return Outcome::TransactionTaken;
            }
            let Some((balances, transfers)) = self.book(&change) else { return Outcome::TotalTooLarge };
            let owner = change.next.owner;
            self.balances = balances;
            self.transfers.extend(transfers.into_iter().map(|stored| (stored.transfer.id, (owner, stored))));
            self.apply(change);
        }
        for mut reply in unit.replies {
            // One that was made after the clock stepped back counts as just made.
            reply.created = self.replies_from.map_or(reply.created, |from| from.max(reply.created));
            self.replies.insert((reply.owner, reply.key.clone()), reply);
        }
        if let Some(moved) = unit.clock {
            self.advance(moved);
        }
        unit.journals.into_iter().for_each(|change| self.tell(change));
        unit.deliveries.into_iter().for_each(|ask| self.ask(ask));
        Outcome::Committed
    }

    fn fits_people(&self, change: &JournalChange) -> bool {
        let stored = self.journals.get(&change.holder.stream()).map(|(journal, _)| *journal);
        let is_merchant_new = change.merchant.iter().all(|merchant| {
            self.merchants.values().all(|other| other.id != merchant.id && other.name != merchant.name)
        });
        let is_key_new = change
            .key
            .iter()
            .all(|(key, hash)| self.keys.values().all(|(other, known)| other.id != key.id && known != hash));
        let is_there = change.changed.iter().all(|key| self.keys.contains_key(&key.id));
        let is_endpoint_fit = change.endpoint.iter().all(|change| match change {
            EndpointChange::Added(endpoint) => !self.endpoints.contains_key(&endpoint.id),
            EndpointChange::Changed(endpoint) | EndpointChange::Resumed(endpoint) => {
                self.endpoints.contains_key(&endpoint.id)
            }
        });
        stored == change.base && is_merchant_new && is_key_new && is_there && is_endpoint_fit
    }

    fn tell(&mut self, change: JournalChange) {
        let owner = change.holder.stream();
        let (journal, events) = self.journals.entry(owner).or_insert((change.next, Vec::new()));
        *journal = change.next;
        for event in change.events {
            let position = self.positions.entry(owner).or_insert(0);
            *position += 1;
            events.push((owner, *position, event));
        }
        self.merchants.extend(change.merchant.map(|merchant| (merchant.id, merchant)));
        self.keys.extend(change.key.map(|(key, hash)| (key.id, (key, hash))));
        if let Some(key) = change.changed
            && let Some((stored, _)) = self.keys.get_mut(&key.id)
        {
            (stored.expires, stored.revoked) = (key.expires, key.revoked);
        }
        if let Some(change) = change.endpoint {
            self.change_endpoint(change, self.positions.get(&owner).copied().unwrap_or(0));
        }
    }

    /// Parts of everybody's escrows with whose they are and the intents they belong to, by id from the oldest on.
    fn everybodys<T: Clone>(
        &self,
        parts: impl Fn(&Escrow) -> &[T],
        id: impl Fn(&T) -> RawId,
    ) -> Vec<(RawId, (Owner, IntentId, T))> {
        let mut found = Vec::new();
        for escrow in self.escrows.values().map(|stored| &stored.escrow) {
            found.extend(parts(escrow).iter().map(|part| (id(part), (escrow.owner, escrow.id, part.clone()))));
        }
        found.sort_by_key(|(id, _)| *id);
        found
    }

    fn fits(&self, unit: &Unit) -> bool {
        let keys: Vec<_> = unit.replies.iter().map(|reply| (reply.owner, reply.key.clone())).collect();
        let are_keys_free =
            keys.iter().all(|key| self.reply(key).is_none() && keys.iter().filter(|other| *other == key).count() == 1);
        let is_newest = unit.change.as_ref().is_none_or(|change| {
            let stored = self.escrows.get(&change.next.id).map(|stored| stored.version);
            stored == change.base.as_ref().map(|base| base.version)
        });
        let (takes_any_key, takes_any_version) = (planted!(KeyUnchecked), planted!(VersionUnchecked));
        (are_keys_free || takes_any_key)
            && (is_newest || takes_any_version)
            && unit.leases.iter().all(|lease| self.is_held(*lease))
            && unit.clock.iter().all(|moved| self.leases.is_newest_of_clock(moved.merchant, moved.token))
            && unit.journals.iter().all(|change| self.fits_people(change))
            && unit.deliveries.iter().all(|ask| self.fits_ask(ask))
    }

    fn is_held(&self, lease: Lease) -> bool {
        self.jobs.get(&(lease.intent, lease.duty)).is_some_and(|job| job.token == Some(lease.token))
    }

    fn reply(&self, key: &(Owner, String)) -> Option<&Reply> {
        self.replies.get(key).filter(|reply| Some(reply.created) >= self.replies_from)
    }

    fn are_claims_free(&self, change: &Change) -> bool {
        let (id, owner) = (change.next.id, change.next.owner);
        let holder = |hash: &Hash| self.claims.get(&(owner, *hash.bytes()));
        change.claims().iter().all(|hash| holder(hash).is_none_or(|holder| *holder == id))
    }

    /// The balances and transfers after a change; `None` when a balance would leave the range of 64 bits.
    fn book(&self, change: &Change) -> Option<(Balances, Vec<StoredTransfer>)> {
        let (owner, mut balances, mut stored) = (change.next.owner, self.balances.clone(), Vec::new());
        for row in &change.transfers {
            let transfer = row.transfer;
            let mut add = |account: Account, minor: i64| {
                let balance = balances.entry((owner, account, transfer.amount.currency())).or_insert(0);
                *balance = balance.checked_add(minor)?;
                Some(*balance)
            };
            let (from, to) = transfer.purpose.accounts();
            let from_after = add(from, -transfer.amount.minor())?;
            let to_after = add(to, transfer.amount.minor())?;
            let intent = change.next.id;
            stored.push(StoredTransfer { transfer, intent, created: row.created, from_after, to_after });
        }
        Some((balances, stored))
    }

    fn apply(&mut self, change: Change) {
        let (id, owner) = (change.next.id, change.next.owner);
        self.claims.extend(change.claims().iter().map(|hash| ((owner, *hash.bytes()), id)));
        let version = change.base.map_or(1, |base| base.version + 1);
        self.escrows.insert(id, Versioned { version, escrow: change.next });
        for event in change.events {
            let position = self.positions.entry(owner).or_insert(0);
            *position += 1;
            self.events.entry(id).or_default().push((owner, *position, event));
        }
        for effect in change.effects {
            match effect {
                Effect::Schedule(Duty::PayBack(_), _) if planted!(JobForgotten) => {}
                Effect::Schedule(duty, due) => {
                    let job = StoredJob { owner, due, run_at: self.real(owner, due), token: None, attempts: 0 };
                    self.jobs.insert((id, duty), job);
                }
                Effect::Drop(duty) => drop(self.jobs.remove(&(id, duty))),
            }
        }
    }

    /// The real time at which an owner's clock shows this.
    fn real(&self, owner: Owner, time: Timestamp) -> Timestamp {
        let ahead_ms = self.clocks.get(&owner).map_or(0, |ahead| ahead.ms());
        Timestamp::from_ms(time.ms().saturating_sub(ahead_ms))
    }

    fn advance(&mut self, ClockMove { merchant, by, token: _ }: ClockMove) {
        let owner = Owner { merchant, mode: Mode::Sandbox };
        let ahead = self.clocks.entry(owner).or_insert(Span::from_ms(0));
        *ahead = Span::from_ms(ahead.ms().saturating_add(by.ms()));
        for job in self.jobs.values_mut().filter(|job| job.owner == owner && job.token.is_none()) {
            job.run_at = Timestamp::from_ms(job.run_at.ms().saturating_sub(by.ms()));
        }
    }

    fn head(&self, owner: Owner) -> Head {
        let last = self.positions.get(&owner).copied().unwrap_or(0);
        Head { last, ahead: self.clocks.get(&owner).copied().unwrap_or(Span::from_ms(0)) }
    }

    fn clocks(&self, wanted: &Wanted) -> BTreeMap<Owner, Span> {
        let of_escrows = wanted.escrows.iter().filter_map(|id| Some(self.escrows.get(id)?.escrow.owner));
        let owners = of_escrows.chain(wanted.clocks.iter().copied());
        owners.filter_map(|owner| Some((owner, *self.clocks.get(&owner)?))).collect()
    }

    fn survey(&self, now: Timestamp) -> Survey {
        let mut backlog: BTreeMap<&'static str, Backlog> = BTreeMap::new();
        for ((_, duty), job) in &self.jobs {
            let duty = duty.name();
            let known = backlog.entry(duty).or_insert(Backlog { duty, waiting: 0, due: 0, first: job.run_at });
            known.waiting += 1;
            known.due += u64::from(job.run_at <= now);
            known.first = known.first.min(job.run_at);
        }
        let mut totals: BTreeMap<(Mode, Account, Currency), i128> = BTreeMap::new();
        for ((owner, account, currency), minor) in &self.balances {
            *totals.entry((owner.mode, *account, *currency)).or_default() += i128::from(*minor);
        }
        let total = |((mode, account, currency), minor)| Total { mode, account, currency, minor };
        Survey { backlog: backlog.into_values().collect(), totals: totals.into_iter().map(total).collect() }
    }

    fn sandbox_jobs(&self, merchant: MerchantId, until: Timestamp, limit: usize) -> Vec<Waiting> {
        let owner = Owner { merchant, mode: Mode::Sandbox };
        let is_wanted = |job: &StoredJob| job.owner == owner && (job.token.is_some() || job.run_at <= until);
        let mut jobs: Vec<_> = self.jobs.iter().filter(|(_, job)| is_wanted(job)).collect();
        jobs.sort_by_key(|(key, job)| (job.token.is_none(), job.run_at, **key));
        let waiting = |(&(intent, duty), job): (&(IntentId, Duty), &StoredJob)| {
            let run_at = job.token.is_none().then_some(job.run_at);
            Waiting { intent, duty, due: job.due, run_at }
        };
        jobs.into_iter().take(limit).map(waiting).collect()
    }

    fn claim(&mut self, now: Timestamp, until: Timestamp, limit: usize) -> Vec<Job> {
        let claimable = self.jobs.iter().filter(|(_, job)| job.run_at <= now);
        let mut keys: Vec<_> = claimable.map(|(key, job)| (job.run_at, *key)).collect();
        keys.sort_unstable();
        keys.truncate(limit);
        let mut claimed = Vec::new();
        for (_, (intent, duty)) in keys {
            let Some(job) = self.jobs.get_mut(&(intent, duty)) else { continue };
            self.last_token += 1;
            let lease = Lease { intent, duty, token: self.last_token };
            claimed.push(Job { lease, owner: job.owner, due: job.due, attempts: job.attempts });
            (job.run_at, job.token) = (until, Some(self.last_token));
            job.attempts = job.attempts.saturating_add(1);
        }
        claimed
    }

    fn postpone(&mut self, lease: Lease, at: Timestamp) {
        if self.is_held(lease)
            && let Some(job) = self.jobs.get_mut(&(lease.intent, lease.duty))
        {
            (job.run_at, job.token) = (at, None);
        }
    }

    fn give_back(&mut self, lease: Lease) {
        let job = self.jobs.get(&(lease.intent, lease.duty));
        if let Some(due) = job.map(|job| self.real(job.owner, job.due)) {
            self.postpone(lease, due);
        }
    }

    /// The events of an owner in the order of their places.
    fn stream(&self, owner: Owner) -> Vec<StoredEvent> {
        let of_intents = self.events.iter().map(|(intent, events)| (Some(*intent), events));
        let journal = self.journals.get(&owner).map(|(_, events)| (None, events));
        let mut stream = Vec::new();
        for (intent, events) in of_intents.chain(journal) {
            let mut previous = Hash::ZERO;
            for (of, position, event) in events {
                let before = std::mem::replace(&mut previous, event.hash);
                if *of == owner {
                    let (position, event) = (*position, event.clone());
                    stream.push(StoredEvent { owner, position, intent, previous: before, event });
                }
            }
        }
        stream.sort_by_key(|stored| stored.position);
        stream
    }

    fn escrow_that(&self, has: impl Fn(&Escrow) -> bool) -> Option<Escrow> {
        self.escrows.values().map(|stored| &stored.escrow).find(|escrow| has(escrow)).cloned()
    }

    /// Parts of an owner's escrows with the intents they belong to, by id from the oldest on.
    fn parts_of<T: Clone>(
        &self,
        owner: Owner,
        parts: impl Fn(&Escrow) -> &[T],
        id: impl Fn(&T) -> RawId,
    ) -> Vec<(RawId, (IntentId, T))> {
        let escrows = self.escrows.values().map(|stored| &stored.escrow).filter(|escrow| escrow.owner == owner);
        let with_intent = |escrow: &Escrow, part: &T| (id(part), (escrow.id, part.clone()));
        let mut found: Vec<_> = escrows
            .flat_map(|escrow| parts(escrow).iter().map(|part| with_intent(escrow, part)).collect::<Vec<_>>())
            .collect();
        found.sort_by_key(|(id, _)| *id);
        found
    }

    fn audit(&self, visit: &mut dyn FnMut(Audited)) {
        for (id, stored) in &self.escrows {
            let transfers = self.transfers.values().filter(|(_, stored)| stored.intent == *id);
            let jobs = self.jobs.iter().filter(|((intent, _), _)| intent == id);
            let claims = self.claims.iter().filter(|(_, intent)| *intent == id);
            visit(Audited::Escrow {
                stored: Box::new(stored.clone()),
                events: self.events.get(id).cloned().unwrap_or_default(),
                transfers: transfers.copied().collect(),
                jobs: jobs.map(|((_, duty), job)| (*duty, job.due)).collect(),
                claims: claims.map(|((owner, hash), _)| (*owner, Hash::from_bytes(*hash))).collect(),
            });
        }
        for (owner, (journal, events)) in &self.journals {
            let holder = KeyHolder::of_stream(*owner);
            visit(Audited::Journal { holder, journal: *journal, events: events.clone() });
        }
        let merchants = self.merchants.values().cloned().map(AccountRow::Merchant);
        let keys = self.keys.values().map(|(key, _)| AccountRow::Key(key.clone()));
        let endpoints = self.endpoints.values().cloned().map(AccountRow::Endpoint);
        merchants.chain(keys).chain(endpoints).for_each(|row| visit(Audited::Account(row)));
        for ((owner, account, currency), minor) in &self.balances {
            let balance = Balance { account: *account, currency: *currency, minor: *minor };
            visit(Audited::Balance(*owner, balance));
        }
    }
}

/// A page of what an owner has, given by id from the oldest on, of which a filter keeps some.
fn page<T>(all: Vec<(RawId, T)>, keep: impl Fn(&T) -> bool, request: PageRequest) -> Result<Page<T>, StoreError> {
    let knows = |cursor: RawId| all.iter().any(|(id, _)| *id == cursor);
    let (skipped, is_upwards, range) = match request.position {
        Position::Offset(offset) => (usize::try_from(offset).unwrap_or(usize::MAX), false, None..None),
        Position::After(cursor) if knows(cursor) => (0, false, None..Some(cursor)),
        Position::Before(cursor) if knows(cursor) => (0, true, Some(cursor)..None),
        Position::After(_) | Position::Before(_) => return Err(StoreError::UnknownCursor),
    };
    let is_inside = |id: RawId| range.start.is_none_or(|start| id > start) && range.end.is_none_or(|end| id < end);
    let mut items: Vec<T> =
        all.into_iter().filter(|(id, item)| is_inside(*id) && keep(item)).map(|(_, item)| item).collect();
    if !is_upwards {
        items.reverse();
    }
    let mut items: Vec<T> = items.into_iter().skip(skipped).collect();
    let has_more = items.len() > request.limit;
    items.truncate(request.limit);
    if is_upwards {
        items.reverse();
    }
    Ok(Page { items, has_more })
}

fn passes_escrow(filter: &EscrowFilter, escrow: &Escrow) -> bool {
    filter.status.is_none_or(|status| escrow.status() == status)
        && filter.payment_type.is_none_or(|payment_type| escrow.terms.payment_type == payment_type)
        && filter.currency.is_none_or(|currency| escrow.terms.amount.currency() == currency)
        && filter.created_from.is_none_or(|from| escrow.created >= from)
        && filter.created_to.is_none_or(|to| escrow.created <= to)
        && has_members(escrow, &filter.metadata)
}

fn has_members(escrow: &Escrow, wanted: &BTreeMap<String, String>) -> bool {
    let members = escrow.terms.metadata.as_ref().map(found_by).unwrap_or_default();
    wanted.iter().all(|(name, value)| members.get(name) == Some(value))
}

/// A place as something to sort by.
fn in_order(position: u64) -> RawId {
    RawId::from_bits(u128::from(position))
}

/// Where a page begins, by places instead of ids.
fn in_places(position: Position, place: impl Fn(RawId) -> Result<RawId, StoreError>) -> Result<Position, StoreError> {
    Ok(match position {
        Position::Offset(offset) => Position::Offset(offset),
        Position::After(cursor) => Position::After(place(cursor)?),
        Position::Before(cursor) => Position::Before(place(cursor)?),
    })
}

fn passes_event(filter: &EventFilter, stored: &StoredEvent) -> bool {
    filter.types.as_ref().is_none_or(|types| types.contains(&stored.event.kind))
        && filter.intent.is_none_or(|intent| stored.intent == Some(intent))
}

fn passes_transfer(filter: &TransferFilter, stored: &StoredTransfer) -> bool {
    filter.intent.is_none_or(|intent| stored.intent == intent)
        && filter.currency.is_none_or(|currency| stored.transfer.amount.currency() == currency)
        && filter.kinds.as_ref().is_none_or(|kinds| kinds.contains(&stored.transfer.purpose.kind()))
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, wanted: Wanted) -> Result<Loaded, StoreError> {
        self.with(|all| Loaded {
            escrows: wanted.escrows.iter().map(|id| all.escrows.get(id).cloned()).collect(),
            replies: wanted.replies.iter().map(|key| all.reply(key).cloned()).collect(),
            clocks: all.clocks(&wanted),
            journals: wanted
                .journals
                .iter()
                .map(|holder| all.journals.get(&holder.stream()).map(|(journal, _)| *journal))
                .collect(),
        })
    }

    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn commit(&self, units: Vec<Unit>) -> Result<Vec<Outcome>, StoreError> {
        self.with(|all| units.into_iter().map(|unit| all.commit(unit)).collect())
    }

    async fn claim_jobs(&self, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, StoreError> {
        self.with(|all| all.claim(now, until, limit))
    }

    async fn postpone_job(&self, lease: Lease, at: Timestamp) -> Result<(), StoreError> {
        self.with(|all| all.postpone(lease, at))
    }

    async fn return_job(&self, lease: Lease) -> Result<(), StoreError> {
        self.with(|all| all.give_back(lease))
    }

    async fn sandbox_jobs(
        &self,
        merchant: MerchantId,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        self.with(|all| all.sandbox_jobs(merchant, until, limit))
    }

    async fn claim_clock(&self, claim: ClockClaim) -> Result<Option<u64>, StoreError> {
        self.with(|all| all.leases.claim_clock(claim))
    }

    async fn release_clock(&self, merchant: MerchantId, by: RawId) -> Result<(), StoreError> {
        self.with(|all| all.leases.release_clock(merchant, by))
    }

    async fn next_job(&self) -> Result<Option<Timestamp>, StoreError> {
        self.with(|all| all.jobs.values().map(|job| job.run_at).min())
    }

    async fn forget_replies(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.with(|all| {
            all.replies_from = all.replies_from.max(Some(before));
            all.replies.retain(|_, reply| Some(reply.created) >= all.replies_from);
            false
        })
    }

    async fn escrow(&self, id: IntentId) -> Result<Option<Escrow>, StoreError> {
        self.with(|all| all.escrows.get(&id).map(|stored| stored.escrow.clone()))
    }

    async fn escrows(
        &self,
        owner: Owner,
        filter: EscrowFilter,
        request: PageRequest,
    ) -> Result<Page<Escrow>, StoreError> {
        self.with(|all| {
            let escrows = all.escrows.values().map(|stored| &stored.escrow).filter(|escrow| escrow.owner == owner);
            let escrows = escrows.map(|escrow| (escrow.id.raw(), escrow.clone())).collect();
            page(escrows, |escrow| passes_escrow(&filter, escrow), request)
        })?
    }

    async fn escrow_of_settlement(&self, id: SettlementId) -> Result<Option<Escrow>, StoreError> {
        self.with(|all| all.escrow_that(|escrow| escrow.settlement(id).is_some()))
    }

    async fn settlements(
        &self,
        owner: Owner,
        request: PageRequest,
    ) -> Result<Page<(IntentId, Settlement)>, StoreError> {
        let settlements = self.with(|all| all.parts_of(owner, |escrow| &escrow.settlements, |part| part.id.raw()))?;
        page(settlements, |_| true, request)
    }

    async fn escrow_of_refund(&self, id: RefundId) -> Result<Option<Escrow>, StoreError> {
        self.with(|all| all.escrow_that(|escrow| escrow.refund(id).is_some()))
    }

    async fn refunds(
        &self,
        owner: Owner,
        intent: Option<IntentId>,
        request: PageRequest,
    ) -> Result<Page<(IntentId, Refund)>, StoreError> {
        let refunds = self.with(|all| all.parts_of(owner, |escrow| &escrow.refunds, |part| part.id.raw()))?;
        page(refunds, |(of, _)| intent.is_none_or(|intent| *of == intent), request)
    }

    async fn transfers(
        &self,
        owner: Owner,
        filter: TransferFilter,
        request: PageRequest,
    ) -> Result<Page<StoredTransfer>, StoreError> {
        self.with(|all| {
            let transfers = all.transfers.iter().filter(|(_, (other, _))| *other == owner);
            let transfers = transfers.map(|(id, (_, stored))| (id.raw(), *stored)).collect();
            page(transfers, |stored| passes_transfer(&filter, stored), request)
        })?
    }

    async fn events(
        &self,
        owner: Owner,
        filter: EventFilter,
        request: PageRequest,
    ) -> Result<Page<StoredEvent>, StoreError> {
        let events = self.with(|all| all.stream(owner))?;
        // The list is in the order of the places, which cursors are looked up for.
        let place = |id: RawId| {
            let found = events.iter().find(|stored| stored.event.id.raw() == id);
            found.map(|stored| in_order(stored.position)).ok_or(StoreError::UnknownCursor)
        };
        let position = in_places(request.position, place)?;
        let events = events.iter().map(|stored| (in_order(stored.position), stored.clone())).collect();
        page(events, |stored| passes_event(&filter, stored), PageRequest { position, ..request })
    }

    async fn event(&self, id: EventId) -> Result<Option<StoredEvent>, StoreError> {
        self.with(|all| {
            let owners: Vec<Owner> = all.positions.keys().copied().collect();
            owners.into_iter().flat_map(|owner| all.stream(owner)).find(|stored| stored.event.id == id)
        })
    }

    async fn events_after(
        &self,
        owner: Owner,
        filter: EventFilter,
        position: u64,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        let events = self.with(|all| all.stream(owner))?;
        let last = events.last().map_or(0, |stored| stored.position);
        let behind = events.into_iter().filter(|stored| stored.position > position && passes_event(&filter, stored));
        let events: Vec<StoredEvent> = behind.take(limit).collect();
        let position = match events.last() {
            Some(last) if events.len() >= limit => last.position,
            Some(_) | None => last.max(position),
        };
        Ok(Tail { events, position })
    }

    async fn heads(&self, owners: Vec<Owner>) -> Result<Vec<Head>, StoreError> {
        self.with(|all| owners.iter().map(|owner| all.head(*owner)).collect())
    }

    async fn balances(&self, owner: Owner) -> Result<Vec<Balance>, StoreError> {
        self.with(|all| {
            let balances = all.balances.iter().filter(|((other, ..), _)| *other == owner);
            let balance = |((_, account, currency), minor): (&(Owner, Account, Currency), &i64)| Balance {
                account: *account,
                currency: *currency,
                minor: *minor,
            };
            balances.map(balance).collect()
        })
    }

    async fn disputes(
        &self,
        which: Which,
        request: PageRequest,
    ) -> Result<Page<(Owner, IntentId, Dispute)>, StoreError> {
        let disputes = self.with(|all| all.everybodys(Escrow::disputes, |dispute| dispute.id.raw()))?;
        page(disputes, |(.., dispute)| which == Which::All || dispute.is_open(), request)
    }

    async fn everybodys_settlements(
        &self,
        which: Which,
        request: PageRequest,
    ) -> Result<Page<(Owner, IntentId, Settlement)>, StoreError> {
        let settlements = self.with(|all| all.everybodys(|escrow| &escrow.settlements, |part| part.id.raw()))?;
        page(settlements, |(.., settlement)| which == Which::All || settlement.needs_retry(), request)
    }

    async fn jobs(&self, offset: u64, limit: usize) -> Result<Vec<JobState>, StoreError> {
        self.with(|all| {
            let mut jobs: Vec<_> = all.jobs.iter().collect();
            jobs.sort_by_key(|(key, job)| (job.run_at, **key));
            let jobs = jobs.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX)).take(limit);
            jobs.map(|(&(intent, duty), job)| JobState {
                intent,
                duty,
                owner: job.owner,
                due: job.due,
                run_at: job.run_at,
                is_leased: job.token.is_some(),
                attempts: job.attempts,
            })
            .collect()
        })
    }

    async fn survey(&self, now: Timestamp) -> Result<Survey, StoreError> {
        self.with(|all| all.survey(now))
    }

    async fn merchants(&self, request: PageRequest) -> Result<Page<Merchant>, StoreError> {
        let merchants = self.with(|all| all.merchants.values().map(|it| (it.id.raw(), it.clone())).collect())?;
        page(merchants, |_| true, request)
    }

    async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, StoreError> {
        self.with(|all| all.merchants.get(&id).cloned())
    }

    async fn merchant_named(&self, name: &str) -> Result<Option<Merchant>, StoreError> {
        self.with(|all| all.merchants.values().find(|merchant| merchant.name == name).cloned())
    }

    async fn keys(&self, holder: Option<KeyHolder>, request: PageRequest) -> Result<Page<ApiKey>, StoreError> {
        let is_wanted = |key: &&ApiKey| holder.is_none_or(|holder| key.holder == holder);
        let keys = self.with(|all| {
            let keys = all.keys.values().map(|(key, _)| key).filter(is_wanted);
            keys.map(|key| (key.id.raw(), key.clone())).collect()
        })?;
        page(keys, |_| true, request)
    }

    async fn key(&self, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.with(|all| all.keys.get(&id).map(|(key, _)| key.clone()))
    }

    async fn key_of_hash(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        self.with(|all| all.keys.values().find(|(_, known)| *known == hash).map(|(key, _)| key.clone()))
    }

    async fn note_key_uses(&self, uses: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        self.with(|all| {
            for (id, at) in uses {
                if let Some((key, _)) = all.keys.get_mut(&id) {
                    key.last_used = key.last_used.max(Some(at));
                }
            }
        })
    }

    async fn endpoints(&self, owner: Owner, request: PageRequest) -> Result<Page<Endpoint>, StoreError> {
        let is_there = |it: &&Endpoint| it.owner == owner && it.state != EndpointState::Deleted;
        let endpoints = self.with(|all| {
            all.endpoints.values().filter(is_there).map(|endpoint| (endpoint.id.raw(), endpoint.clone())).collect()
        })?;
        page(endpoints, |_| true, request)
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<Endpoint>, StoreError> {
        self.with(|all| all.endpoints.get(&id).cloned())
    }

    async fn claim_endpoints(&self, claim: EndpointClaim) -> Result<Vec<EndpointLease>, StoreError> {
        self.with(|all| all.claim_endpoints(claim))
    }

    async fn release_endpoints(&self, by: RawId) -> Result<(), StoreError> {
        self.with(|all| all.leases.release_endpoints(by))
    }

    async fn deliveries(
        &self,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        request: PageRequest,
    ) -> Result<Page<Delivery>, StoreError> {
        self.with(|all| all.deliveries_to(endpoint, filter, request))?
    }

    async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.with(|all| all.delivery(id))
    }

    async fn outbox(
        &self,
        endpoint: EndpointId,
        position: u64,
        now: Timestamp,
        limit: usize,
    ) -> Result<Option<Outbox>, StoreError> {
        self.with(|all| all.outbox(endpoint, position, now, limit))
    }

    async fn note_told(&self, told: Vec<Told>) -> Result<(), StoreError> {
        self.with(|all| told.into_iter().for_each(|told| all.note_told(told)))
    }

    async fn forget_deliveries(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.with(|all| all.forget_deliveries(before))?;
        Ok(false)
    }

    async fn log_requests(&self, requests: Vec<LoggedRequest>) -> Result<(), StoreError> {
        self.with(|all| {
            for request in requests {
                all.requests.entry(request.id).or_insert(request);
            }
        })
    }

    async fn requests(
        &self,
        holder: Option<KeyHolder>,
        request: PageRequest,
    ) -> Result<Page<LoggedRequest>, StoreError> {
        let is_wanted = |logged: &&LoggedRequest| holder.is_none_or(|holder| logged.holder == holder);
        let logged = self.with(|all| {
            let logged = all.requests.values().filter(is_wanted);
            logged.map(|logged| (logged.id.raw(), logged.clone())).collect()
        })?;
        page(logged, |_| true, request)
    }

    async fn request(&self, id: RequestId) -> Result<Option<LoggedRequest>, StoreError> {
        self.with(|all| all.requests.get(&id).cloned())
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<bool, StoreError> {
        self.with(|all| {
            all.requests.retain(|_, request| request.created >= before);
            false
        })
    }

    async fn tally(&self, tallies: Vec<Tally>, forgotten: Timestamp) -> Result<Vec<u64>, StoreError> {
        self.with(|all| all.tallies.add(&tallies, forgotten))
    }

    async fn audit(&self, mut visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError> {
        // The walk is over a copy, so that whoever looks on may take their time.
        let all = self.with(|all| all.clone())?;
        all.audit(&mut visit);
        Ok(())
    }

    async fn has_secret(&self) -> Result<bool, StoreError> {
        self.with(|all| all.secret.is_some())
    }

    async fn knows_secret(&self, fingerprint: [u8; 32]) -> Result<bool, StoreError> {
        self.with(|all| *all.secret.get_or_insert(fingerprint) == fingerprint)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.with(|_| ())
    }

    async fn close(&self) {
        *self.lock() = None;
    }
}
