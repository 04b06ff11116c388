//! Many gateways at once on one database: what each was told is what is there afterwards, once and in one order.
#![expect(clippy::disallowed_methods, reason = "gateways are tasks that run side by side")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use escrow::{
    Account, Command, Currency, DeliveryId, Duty, EventId, IntentId, KeyId, Owner, RawId, Rejection, Span, TransferId,
};
use futures_util::future::join_all;
use store::{
    Audited, Balance, ClockClaim, ClockMove, DeliveryAsk, DeliveryFilter, DeliveryState, EndpointClaim, EscrowFilter,
    EventFilter, Job, KeyHolder, Outcome, PageRequest, Position, PostgresStore, Progress, Store, StoreError, Tally,
    Told, TransferFilter, TransferRow, Unit, Versioned, Wanted,
};

use crate::people::{of, told};
use crate::webhooks::{add, delivery};
use crate::world::{
    World, at, audit, complete, confirm, intent, merchant, owner, pay, prove, refund, reply, transaction, with_lease,
    with_reply,
};

const GATEWAYS: usize = 3;
const TASKS: usize = 4;

/// The variable of the environment that says by which seed and with how many steps of each task: `7:400`.
const RUN: &str = "MILEPOST_TOGETHER";

/// Replies from before this time are forgotten sooner or later.
const KEPT_FROM_MS: i64 = 10;

/// What a unit that was committed has brought about.
struct Done {
    owner: Owner,
    change: Option<(IntentId, u64)>,
    events: Vec<EventId>,
    transfers: Vec<TransferRow>,
    replies: Vec<(Owner, String, escrow::Hash)>,
    moved: Option<ClockMove>,
    asks: usize,
}

/// What all tasks know.
#[derive(Default)]
struct Shared {
    now_ms: AtomicI64,
    intents: Mutex<Vec<IntentId>>,
    outdated: Mutex<Vec<Versioned>>,
    done: Mutex<Vec<Done>>,
    counted: AtomicI64,
    faults: Mutex<Vec<String>>,
    outcomes: Mutex<BTreeMap<String, usize>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Notes what failed. Under locks that are held for moments alone, nothing may.
    fn answered<T>(&self, what: &str, answer: Result<T, StoreError>) -> Option<T> {
        answer.map_err(|error| locked(&self.faults).push(format!("{what}: {error}"))).ok()
    }

    /// As [`Shared::answered`], where nothing depends on the answer.
    fn heard<T>(&self, what: &str, answer: Result<T, StoreError>) {
        self.answered(what, answer);
    }
}

/// One of the tasks of a gateway.
struct Task {
    store: Arc<PostgresStore>,
    shared: Arc<Shared>,
    world: World,
    by: RawId,
    random: u64,
    number: u128,
    drawn: u128,
    followed: [u64; 2],
}

impl Task {
    fn below(&mut self, bound: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % bound as u64).expect("small")
    }

    fn now_ms(&self) -> i64 {
        self.shared.now_ms.load(Ordering::Relaxed)
    }

    fn owner(&mut self) -> Owner {
        owner(self.below(2) as u128 + 1)
    }

    /// A number that no other task draws.
    fn fresh(&mut self) -> u128 {
        self.drawn += 1;
        (self.number << 24) + self.drawn
    }

    fn any_intent(&mut self) -> Option<IntentId> {
        let intents = locked(&self.shared.intents).clone();
        // The newest are wanted by everybody.
        let recent = &intents[intents.len().saturating_sub(12)..];
        let place = self.below(recent.len().max(1));
        recent.get(place).copied()
    }

    async fn step(&mut self) {
        self.shared.now_ms.fetch_add(1, Ordering::Relaxed);
        match self.below(16) {
            0..=6 => self.change().await,
            7..=9 => self.work().await,
            10 => self.move_clock().await,
            11 => self.tell().await,
            12 => self.forget().await,
            13 => self.count().await,
            14 => self.follow().await,
            _ => self.look().await,
        }
    }

    async fn change(&mut self) {
        let mut units = Vec::new();
        for _ in 0..=self.below(4) {
            units.extend(self.unit().await);
        }
        self.commit(units).await;
    }

    async fn unit(&mut self) -> Option<Unit> {
        let (whose, now) = (self.owner(), at(self.now_ms()));
        let unit = match self.below(8) {
            0..=1 => self.world.open(whose, now),
            2 => self.journal(whose).await?,
            3 => self.ask().await?,
            _ => self.decision().await?,
        };
        Some(match self.below(4) {
            0 => {
                let key = format!("key {}", self.below(25));
                with_reply(unit, self.reply(whose, &key, self.now_ms()))
            }
            1 => {
                let key = format!("old {}", self.below(25));
                with_reply(unit, self.reply(whose, &key, 5))
            }
            _ => unit,
        })
    }

    fn reply(&mut self, whose: Owner, key: &str, created_ms: i64) -> store::Reply {
        let told = self.fresh();
        let fingerprint = escrow::Hash::ZERO.following(&told.to_be_bytes());
        store::Reply { fingerprint, ..reply(whose, key, at(created_ms)) }
    }

    async fn journal(&mut self, whose: Owner) -> Option<Unit> {
        let holder = KeyHolder::Owner(whose);
        let wanted = Wanted { journals: vec![holder], ..Wanted::default() };
        let loaded = self.shared.answered("load", self.store.load(wanted).await)?;
        let number = (1 << 90) + self.fresh();
        Some(of(vec![told(holder, loaded.journals.first().copied().flatten(), number)]))
    }

    async fn ask(&mut self) -> Option<Unit> {
        let endpoints = self.store.endpoints(owner(1), page(9)).await;
        let endpoints = self.shared.answered("endpoints", endpoints)?.items;
        let events = self.store.events(owner(1), EventFilter::default(), page(6)).await;
        let events = self.shared.answered("events", events)?.items;
        let (to, of) = (self.below(endpoints.len().max(1)), self.below(events.len().max(1)));
        let (to, event) = (endpoints.get(to)?, events.get(of)?);
        let filter = DeliveryFilter { event: Some(event.event.id), ..DeliveryFilter::default() };
        let found = self.shared.answered("deliveries", self.store.deliveries(to.id, filter, page(1)).await)?;
        let base = found.items.first().map(|delivery| delivery.id);
        let id = DeliveryId::new(RawId::from_bits((1 << 91) + self.fresh()));
        let (due, now) = (at(self.now_ms()), at(self.now_ms()));
        let ask = DeliveryAsk { endpoint: to.id, owner: to.owner, event: event.event.id, base, id, due, now };
        Some(Unit { deliveries: vec![ask], ..Unit::default() })
    }

    async fn decision(&mut self) -> Option<Unit> {
        let id = self.any_intent()?;
        let wanted = Wanted { escrows: vec![id], replies: vec![(owner(1), "key 1".to_owned())], ..Wanted::default() };
        let loaded = self.shared.answered("load", self.store.load(wanted).await)?;
        let mut base = loaded.escrows.into_iter().flatten().next()?;
        if self.below(8) == 0 {
            let outdated = locked(&self.shared.outdated).clone();
            let place = self.below(outdated.len().max(1));
            base = outdated.get(place).cloned()?;
        }
        locked(&self.shared.outdated).push(base.clone());
        let now = at(self.now_ms());
        let milestones = base.escrow.milestones();
        let any = milestones.get(self.below(milestones.len().max(1))).map(|milestone| milestone.id);
        let command = match (self.below(8), any) {
            (0, _) => Command::Cancel,
            (1, _) => confirm(&base, Some(transaction(u8::try_from(self.below(6)).expect("small")))),
            (2, _) => prove(&self.world),
            (3, _) => refund(Some("1")),
            (4 | 5, Some(milestone)) => complete(milestone),
            _ => pay(),
        };
        sound(self.world.try_after(&base, command, now))
    }

    async fn commit(&mut self, units: Vec<Unit>) {
        let wanted = units.clone();
        let Some(outcomes) = self.shared.answered("commit", self.store.commit(units).await) else { return };
        assert_eq!(outcomes.len(), wanted.len());
        for (unit, outcome) in wanted.into_iter().zip(outcomes) {
            *locked(&self.shared.outcomes).entry(format!("{outcome:?}")).or_default() += 1;
            if outcome == Outcome::Committed {
                self.note(unit);
            }
        }
    }

    fn note(&self, unit: Unit) {
        if unit.change.as_ref().is_some_and(|change| change.base.is_none()) {
            locked(&self.shared.intents).push(intent(&unit));
        }
        let change = unit.change.as_ref();
        let journal = unit.journals.first();
        let owner = change.map(|change| change.next.owner).or(journal.map(|journal| journal.holder.stream()));
        let events = change.map(|change| &change.events).or(journal.map(|journal| &journal.events));
        locked(&self.shared.done).push(Done {
            owner: owner.unwrap_or_else(|| crate::world::owner(1)),
            change: change.map(|it| (it.next.id, it.base.as_ref().map_or(0, |base| base.version) + 1)),
            events: events.into_iter().flatten().map(|event| event.id).collect(),
            transfers: change.map(|change| change.transfers.clone()).unwrap_or_default(),
            replies: unit.replies.iter().map(|it| (it.owner, it.key.clone(), it.fingerprint)).collect(),
            moved: unit.clock,
            asks: unit.deliveries.len(),
        });
    }

    /// Claims jobs, and carries them out, gives them back, or does both at once, as somebody does who was thought to be gone.
    async fn work(&mut self) {
        let (now_ms, limit) = (self.now_ms() + 200_000, self.below(6) + 1);
        let until_ms = now_ms + self.below(30) as i64;
        let jobs = self.store.claim_jobs(at(now_ms), at(until_ms), limit).await;
        for job in self.shared.answered("claim_jobs", jobs).unwrap_or_default() {
            let (store, shared) = (self.store.clone(), self.shared.clone());
            let carried = self.carry_out(job).await.map(|unit| with_lease(unit, job.lease));
            // One whose command was refused says so under its lease.
            let whose = job.owner;
            let key = format!("job {}", self.below(25));
            let refused = with_lease(Unit::default(), job.lease);
            let refused = with_reply(refused, self.reply(whose, &key, self.now_ms()));
            match self.below(6) {
                0 => shared.heard("postpone_job", store.postpone_job(job.lease, at(now_ms + 3)).await),
                1 => shared.heard("return_job", store.return_job(job.lease).await),
                2 => {
                    let beside = self.world.open(whose, at(now_ms));
                    let (returned, ()) = tokio::join!(
                        store.return_job(job.lease),
                        self.commit(carried.into_iter().chain([refused, beside]).collect())
                    );
                    shared.heard("return_job", returned);
                }
                3 => self.commit(vec![refused]).await,
                _ => self.commit(carried.into_iter().collect()).await,
            }
        }
        self.shared.heard("next_job", self.store.next_job().await);
    }

    async fn carry_out(&mut self, job: Job) -> Option<Unit> {
        let wanted = Wanted { escrows: vec![job.lease.intent], ..Wanted::default() };
        let loaded = self.shared.answered("load", self.store.load(wanted).await)?;
        let base = loaded.escrows.into_iter().flatten().next()?;
        let command = match job.lease.duty {
            Duty::StartSettlement(id) => Command::StartSettlement(id),
            Duty::PayOut(id) if self.below(3) == 0 => Command::FailSettlement(id, "closed".to_owned()),
            Duty::PayOut(id) => Command::ConfirmSettlement(id, "paid".to_owned()),
            Duty::PayBack(id) if self.below(3) == 0 => Command::FailRefund(id, "closed".to_owned()),
            Duty::PayBack(id) => Command::ConfirmRefund(id, "back".to_owned()),
            Duty::Finalize => Command::Finalize,
            Duty::OpenTimeLock => Command::OpenTimeLock,
            Duty::EndSilence(subject) => Command::EndSilence(subject),
            Duty::EndDispute(id) => Command::EndDispute(id),
            Duty::DisputeRejection(id) => Command::DisputeRejection(id),
            Duty::AwaitPayment(id) => Command::SettlePayment(id),
        };
        let now = at(job.due.ms().max(self.now_ms()));
        sound(self.world.try_after(&base, command, now))
    }

    async fn move_clock(&mut self) {
        let merchant = merchant(self.below(2) as u128 + 1);
        let (now, until) = (at(self.now_ms()), at(self.now_ms() + self.below(20) as i64));
        let claimed = self.store.claim_clock(ClockClaim { merchant, by: self.by, now, until }).await;
        let Some(token) = self.shared.answered("claim_clock", claimed).flatten() else { return };
        let by = Span::from_ms(self.below(50) as i64);
        self.commit(vec![Unit { clock: Some(ClockMove { merchant, by, token }), ..Unit::default() }]).await;
        self.shared.heard("sandbox_jobs", self.store.sandbox_jobs(merchant, until, 5).await);
        if self.below(3) == 0 {
            self.shared.heard("release_clock", self.store.release_clock(merchant, self.by).await);
        }
    }

    async fn tell(&mut self) {
        let (now, until) = (at(self.now_ms()), at(self.now_ms() + self.below(20) as i64));
        let claim = EndpointClaim { by: self.by, now, until, limit: self.below(3) };
        let leases = self.shared.answered("claim_endpoints", self.store.claim_endpoints(claim).await);
        let mut all = Vec::new();
        for lease in leases.unwrap_or_default() {
            let outbox = self.shared.answered("outbox", self.store.outbox(lease.endpoint, 0, now, 5).await);
            let Some(outbox) = outbox.flatten() else { continue };
            let mut deliveries = outbox.due.clone();
            for event in &outbox.fresh {
                let number = self.fresh();
                let id = DeliveryId::new(RawId::from_bits((1 << 92) + number));
                let state = [DeliveryState::Succeeded, DeliveryState::Pending(now)][self.below(2)];
                deliveries.push(store::Delivery { id, ..delivery(1, &outbox.endpoint, event, state) });
            }
            for delivery in &mut deliveries {
                (delivery.tries, delivery.heard) = (delivery.tries + 1, delivery.asked);
            }
            let progress = Progress { cursor: outbox.position, failing_since: None };
            all.push(Told { endpoint: lease.endpoint, token: lease.token, progress, deliveries });
        }
        self.shared.heard("note_told", self.store.note_told(all).await);
        if self.below(3) == 0 {
            self.shared.heard("release_endpoints", self.store.release_endpoints(self.by).await);
        }
    }

    async fn forget(&mut self) {
        let before = at(i64::try_from(self.below(2)).expect("small") * KEPT_FROM_MS);
        self.shared.heard("forget_replies", self.store.forget_replies(before).await);
        self.shared.heard("forget_deliveries", self.store.forget_deliveries(at(0)).await);
        self.shared.heard("forget_requests", self.store.forget_requests(before).await);
        self.shared.heard("ping", self.store.ping().await);
    }

    async fn count(&mut self) {
        let mut tallies = Vec::new();
        for key in 0..3 {
            let count = u32::try_from(self.below(5)).expect("small");
            tallies.push(Tally { key: KeyId::new(RawId::from_bits(3 - key)), window: 0, since: at(1), count });
        }
        let sum: i64 = tallies.iter().map(|tally| i64::from(tally.count)).sum();
        if self.shared.answered("tally", self.store.tally(tallies, at(0)).await).is_some() {
            self.shared.counted.fetch_add(sum, Ordering::Relaxed);
        }
    }

    /// Reads a stream on from where it was: whatever others commit meanwhile, nothing ever comes later than what is behind it.
    async fn follow(&mut self) {
        let which = self.below(2);
        let (whose, place, limit) = (owner(which as u128 + 1), self.followed[which], self.below(40) + 1);
        let tail = self.store.events_after(whose, EventFilter::default(), place, limit).await;
        let Some(tail) = self.shared.answered("events_after", tail) else { return };
        let places: Vec<u64> = tail.events.iter().map(|event| event.position).collect();
        assert_eq!(places, (place + 1..=tail.position).collect::<Vec<u64>>(), "behind {place}");
        self.followed[which] = tail.position;
    }

    async fn look(&mut self) {
        let whose = self.owner();
        let escrows = self.store.escrows(whose, EscrowFilter::default(), page(9)).await;
        let transfers = self.store.transfers(whose, TransferFilter::default(), page(9)).await;
        self.shared.heard("escrows", escrows);
        self.shared.heard("transfers", transfers);
        let balances = self.shared.answered("balances", self.store.balances(whose).await).unwrap_or_default();
        let sum: i64 = balances.iter().map(|balance| balance.minor).sum();
        assert_eq!(sum, 0, "money only moves: {balances:?}");
        self.shared.heard("heads", self.store.heads(vec![whose]).await);
    }
}

/// What was decided, which must not have been refused for what it would have broken.
fn sound(decided: Result<Unit, Rejection>) -> Option<Unit> {
    assert!(!matches!(decided, Err(Rejection::Broken(_))), "{decided:?}");
    decided.ok()
}

const fn page(limit: usize) -> PageRequest {
    PageRequest { limit, position: Position::Offset(0) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_gateways_were_told_is_what_is_there() {
    let Some(database) = cluster::Database::fresh() else { return };
    let run = std::env::var(RUN).unwrap_or_else(|_| "1:25".to_owned());
    let (seed, steps) = run.split_once(':').expect("a seed and a number of steps");
    let (seed, steps): (u64, usize) = (seed.parse().expect("a seed"), steps.parse().expect("a number"));
    println!("{RUN}={seed}:{steps}");
    let mut stores = vec![Arc::new(crate::postgres::made(&database).await)];
    for number in 1..=3 {
        add(&*stores[0], number, &["*"]).await;
    }
    for _ in 1..GATEWAYS {
        let settings = crate::postgres::settings(&database);
        stores.push(Arc::new(PostgresStore::open(&settings).await.expect("a store")));
    }
    let shared = Arc::new(Shared { now_ms: AtomicI64::new(1000), ..Shared::default() });
    let tasks = (0..GATEWAYS * TASKS).map(|number| {
        let random =
            (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (number as u64 + 1).wrapping_mul(0xD134_2543_DE82_EF95);
        let mut task = Task {
            store: stores[number % GATEWAYS].clone(),
            shared: shared.clone(),
            world: World::drawing_from((number as u64 + 1) << 32),
            by: RawId::from_bits((number as u128 + 1) << 80),
            random,
            number: number as u128 + 1,
            drawn: 0,
            followed: [0; 2],
        };
        tokio::spawn(async move {
            for _ in 0..steps {
                task.step().await;
            }
        })
    });
    for ended in join_all(tasks.collect::<Vec<_>>()).await {
        ended.expect("a task");
    }
    let deadlocks = database.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
    println!("{:?}, {deadlocks} deadlocks", locked(&shared.outcomes));
    assert_eq!(*locked(&shared.faults), Vec::<String>::new(), "seed {seed}");
    assert_eq!(deadlocks, "0", "seed {seed}: all lock in one order");
    verify(&*stores[0], &shared).await;
    let strange = "SELECT count(*) FROM jobs j LEFT JOIN clocks c ON c.owner = j.owner
        WHERE j.token = 0 AND j.attempts = 0 AND j.run_at <> j.due - coalesce(c.ahead_ms, 0)";
    assert_eq!(database.sql(strange), "0", "jobs can be claimed when they fall due by their owner's clock");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    assert_eq!(database.sql(open), "0", "no connection was left in a transaction");
}

async fn verify(store: &dyn Store, shared: &Shared) {
    let done = std::mem::take(&mut *locked(&shared.done));
    let (mut events, mut versions, mut transfers, mut balances) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for audited in audit(store).await {
        let chain = match audited {
            Audited::Escrow { stored, events, transfers: moved, .. } => {
                versions.insert(stored.escrow.id, stored.version);
                transfers.extend(moved.into_iter().map(|(owner, row)| (row.transfer.id, (owner, row))));
                events
            }
            Audited::Journal { events, .. } => events,
            Audited::Balance(owner, Balance { account, currency, minor }) => {
                balances.insert((owner, account, currency), minor);
                continue;
            }
            Audited::Account(_) => continue,
            Audited::Stray { table, what } => panic!("{table}: {what}"),
        };
        let mut head = escrow::Hash::ZERO;
        for (place, (owner, position, event)) in (1..).zip(chain) {
            head = head.following(&event.body);
            assert_eq!((event.sequence, event.hash), (place, head), "{event:?}");
            assert!(events.insert((owner, position), event.id).is_none(), "{owner:?} {position}");
        }
    }
    assert_places(&events);
    assert_once(&done, &events, &versions);
    assert_money(&done, &events, &transfers, &balances);
    assert_keys(store, &done).await;
    for number in 1..=2 {
        let moved = done.iter().filter_map(|done| done.moved).filter(|moved| moved.merchant == merchant(number));
        let ahead = store.heads(vec![owner(number)]).await.expect("a read")[0].ahead;
        assert_eq!(ahead.ms(), moved.map(|moved| moved.by.ms()).sum::<i64>(), "the clock of {number}");
    }
    let mut asked = 0;
    for endpoint in store.endpoints(owner(1), page(9)).await.expect("a page").items {
        let all = store.deliveries(endpoint.id, DeliveryFilter::default(), page(100_000)).await.expect("a page");
        asked += all.items.iter().map(|delivery| delivery.asked as usize).sum::<usize>();
    }
    assert_eq!(asked, done.iter().map(|done| done.asks).sum::<usize>(), "calls that were asked for");
    let tally = |key| Tally { key: KeyId::new(RawId::from_bits(key)), window: 0, since: at(1), count: 0 };
    let totals = store.tally((1..=3).map(tally).collect(), at(0)).await.expect("a write");
    assert_eq!(totals.iter().sum::<u64>(), shared.counted.load(Ordering::Relaxed).unsigned_abs());
}

/// The places of every stream are 1, 2, 3…
fn assert_places(events: &BTreeMap<(Owner, u64), EventId>) {
    let mut lasts: BTreeMap<Owner, u64> = BTreeMap::new();
    for (owner, position) in events.keys() {
        let last = lasts.entry(*owner).or_default();
        assert_eq!(*position, *last + 1, "{owner:?}");
        *last = *position;
    }
}

/// What was committed is there, once, and nothing else is: but for what was there before.
fn assert_once(done: &[Done], events: &BTreeMap<(Owner, u64), EventId>, versions: &BTreeMap<IntentId, u64>) {
    let stored: BTreeSet<EventId> = events.values().copied().collect();
    assert_eq!(stored.len(), events.len());
    let mut told = BTreeSet::new();
    for id in done.iter().flat_map(|done| &done.events) {
        assert!(told.insert(*id), "{id} was committed twice");
        assert!(stored.contains(id), "{id} is not there");
    }
    assert_eq!(stored.len(), told.len() + 3, "three endpoints were made before");
    let mut counted: BTreeMap<IntentId, Vec<u64>> = BTreeMap::new();
    for (id, version) in done.iter().filter_map(|done| done.change) {
        counted.entry(id).or_default().push(version);
    }
    for (id, version) in versions {
        let mut seen = counted.remove(id).unwrap_or_default();
        seen.sort_unstable();
        assert_eq!(seen, (1..=*version).collect::<Vec<u64>>(), "{id}");
    }
    assert!(counted.is_empty(), "{counted:?}");
}

type Stored = BTreeMap<TransferId, (Owner, store::StoredTransfer)>;

/// In the order of the commits, every transfer says what the balances were right after it; and these are what there is at the end.
fn assert_money(
    done: &[Done],
    events: &BTreeMap<(Owner, u64), EventId>,
    stored: &Stored,
    balances: &BTreeMap<(Owner, Account, Currency), i64>,
) {
    let places: BTreeMap<EventId, u64> = events.iter().map(|((_, place), id)| (*id, *place)).collect();
    let mut moving: Vec<(u64, &Done)> = done
        .iter()
        .filter(|done| !done.transfers.is_empty())
        .map(|done| (done.events.iter().map(|id| places[id]).min().expect("an event"), done))
        .collect();
    moving.sort_by_key(|(place, _)| *place);
    let (mut totals, mut count) = (BTreeMap::new(), 0);
    for (place, done) in moving {
        for TransferRow { transfer, .. } in &done.transfers {
            let ((from, to), currency) = (transfer.purpose.accounts(), transfer.amount.currency());
            let mut add = |account, minor: i64| {
                let total: &mut i64 = totals.entry((done.owner, account, currency)).or_default();
                *total += minor;
                *total
            };
            let after = (add(from, -transfer.amount.minor()), add(to, transfer.amount.minor()));
            let (owner, found) = stored.get(&transfer.id).expect("a transfer that was committed");
            assert_eq!((*owner, found.transfer), (done.owner, *transfer));
            assert_eq!((found.from_after, found.to_after), after, "{transfer:?} at {place}");
            count += 1;
        }
    }
    assert_eq!(stored.len(), count);
    assert_eq!(&totals, balances);
}

/// A key has one reply, that of the unit that was told it has it. One that was forgotten had another one before.
async fn assert_keys(store: &dyn Store, done: &[Done]) {
    let mut given: BTreeMap<(Owner, String), Vec<escrow::Hash>> = BTreeMap::new();
    for (owner, key, fingerprint) in done.iter().flat_map(|done| done.replies.clone()) {
        given.entry((owner, key)).or_default().push(fingerprint);
    }
    let keys: Vec<(Owner, String)> = given.keys().cloned().collect();
    let wanted = Wanted { replies: keys.clone(), ..Wanted::default() };
    let found = store.load(wanted).await.expect("a read").replies;
    for ((owner, key), reply) in keys.into_iter().zip(found) {
        let fingerprints = &given[&(owner, key.clone())];
        let most = if key.starts_with("old") { 2 } else { 1 };
        assert!(fingerprints.len() <= most, "{key} of {owner:?} was given {} times", fingerprints.len());
        match reply {
            Some(reply) => assert!(fingerprints.contains(&reply.fingerprint), "{key} has another reply"),
            None => assert!(key.starts_with("old"), "{key} has no reply"),
        }
    }
}
