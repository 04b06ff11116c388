//! The store in memory: the plainest one that keeps the promises. Other stores are compared with it, and simulations run on it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use escrow::{
    Account, Currency, Duty, Effect, Escrow, Hash, IntentId, KeyId, MerchantId, Mode, Owner, RawId, Refund, RefundId,
    Settlement, SettlementId, Span, Timestamp, TransferId,
};

use crate::{
    ApiKey, Audited, Balance, Change, ClockMove, EscrowFilter, EventRow, Job, Lease, Loaded, Merchant, Outcome, Page,
    PageRequest, Position, Reply, Store, StoreError, StoredTransfer, TransferFilter, Unit, Versioned, Waiting, Wanted,
};

/// A [`Store`] in memory. What it holds is gone with it.
pub struct MemoryStore {
    /// `None` once it is closed.
    state: Mutex<Option<Everything>>,
}

type Balances = BTreeMap<(Owner, Account, Currency), i64>;

#[derive(Clone, Default)]
struct Everything {
    escrows: BTreeMap<IntentId, Versioned>,
    events: BTreeMap<IntentId, Vec<(Owner, u64, EventRow)>>,
    positions: BTreeMap<Owner, u64>,
    transfers: BTreeMap<TransferId, (Owner, StoredTransfer)>,
    balances: Balances,
    jobs: BTreeMap<(IntentId, Duty), JobState>,
    /// How far clocks are ahead of real time.
    clocks: BTreeMap<Owner, Span>,
    last_token: u64,
    /// Who named a transaction first, by the bytes of its hash.
    claims: BTreeMap<(Owner, [u8; 32]), IntentId>,
    replies: BTreeMap<(Owner, String), Reply>,
    replies_from: Option<Timestamp>,
    merchants: BTreeMap<MerchantId, Merchant>,
    keys: BTreeMap<KeyId, (ApiKey, [u8; 32])>,
}

#[derive(Clone)]
struct JobState {
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
        MemoryStore { state: Mutex::new(Some(Everything::default())) }
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
            if !self.are_claims_free(&change) {
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
        Outcome::Committed
    }

    fn fits(&self, unit: &Unit) -> bool {
        let keys: Vec<_> = unit.replies.iter().map(|reply| (reply.owner, reply.key.clone())).collect();
        let are_keys_free =
            keys.iter().all(|key| self.reply(key).is_none() && keys.iter().filter(|other| *other == key).count() == 1);
        let is_newest = unit.change.as_ref().is_none_or(|change| {
            let stored = self.escrows.get(&change.next.id).map(|stored| stored.version);
            stored == change.base.as_ref().map(|base| base.version)
        });
        are_keys_free && is_newest && unit.leases.iter().all(|lease| self.is_held(*lease))
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
                Effect::Schedule(duty, due) => {
                    let job = JobState { owner, due, run_at: self.real(owner, due), token: None, attempts: 0 };
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

    fn advance(&mut self, ClockMove { merchant, by }: ClockMove) {
        let owner = Owner { merchant, mode: Mode::Sandbox };
        let ahead = self.clocks.entry(owner).or_insert(Span::from_ms(0));
        *ahead = Span::from_ms(ahead.ms().saturating_add(by.ms()));
        for job in self.jobs.values_mut().filter(|job| job.owner == owner && job.token.is_none()) {
            job.run_at = Timestamp::from_ms(job.run_at.ms().saturating_sub(by.ms()));
        }
    }

    fn clocks(&self, wanted: &Wanted) -> BTreeMap<Owner, Span> {
        let of_escrows = wanted.escrows.iter().filter_map(|id| Some(self.escrows.get(id)?.escrow.owner));
        let owners = of_escrows.chain(wanted.clocks.iter().copied());
        owners.filter_map(|owner| Some((owner, *self.clocks.get(&owner)?))).collect()
    }

    fn sandbox_jobs(&self, merchant: MerchantId, until: Timestamp, limit: usize) -> Vec<Waiting> {
        let owner = Owner { merchant, mode: Mode::Sandbox };
        let is_wanted = |job: &JobState| job.owner == owner && (job.token.is_some() || job.run_at <= until);
        let mut jobs: Vec<_> = self.jobs.iter().filter(|(_, job)| is_wanted(job)).collect();
        jobs.sort_by_key(|(key, job)| (job.token.is_none(), job.run_at, **key));
        let waiting = |(&(intent, duty), job): (&(IntentId, Duty), &JobState)| {
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
        })
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

    async fn add_merchant(&self, merchant: Merchant) -> Result<(), StoreError> {
        self.with(|all| {
            if all.merchants.values().all(|other| other.id != merchant.id && other.name != merchant.name) {
                all.merchants.insert(merchant.id, merchant);
            }
        })
    }

    async fn merchants(&self) -> Result<Vec<Merchant>, StoreError> {
        self.with(|all| {
            let mut merchants: Vec<Merchant> = all.merchants.values().cloned().collect();
            merchants.sort_by_key(|merchant| (merchant.created, merchant.id));
            merchants
        })
    }

    async fn add_key(&self, key: ApiKey, hash: [u8; 32]) -> Result<(), StoreError> {
        self.with(|all| {
            if all.keys.values().all(|(other, known)| other.id != key.id && *known != hash) {
                all.keys.insert(key.id, (key, hash));
            }
        })
    }

    async fn key(&self, hash: [u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        self.with(|all| all.keys.values().find(|(_, known)| *known == hash).map(|(key, _)| key.clone()))
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.with(|all| {
            let mut keys: Vec<ApiKey> = all.keys.values().map(|(key, _)| key.clone()).collect();
            keys.sort_by_key(|key| (key.created, key.id));
            keys
        })
    }

    async fn update_key(&self, key: ApiKey) -> Result<bool, StoreError> {
        self.with(|all| {
            let stored = all.keys.get_mut(&key.id);
            stored.map(|(stored, _)| (stored.expires, stored.revoked) = (key.expires, key.revoked)).is_some()
        })
    }

    async fn audit(&self, mut visit: Box<dyn FnMut(Audited) + Send>) -> Result<(), StoreError> {
        // The walk is over a copy, so that whoever looks on may take their time.
        let all = self.with(|all| all.clone())?;
        all.audit(&mut visit);
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.with(|_| ())
    }

    async fn close(&self) {
        *self.lock() = None;
    }
}
