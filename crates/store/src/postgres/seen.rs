//! What a commit has seen of the database under its locks, and what its units have made of it since.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use escrow::{Account, Chain, Currency, Effect, Hash, RawId};
use tokio_postgres::Row;

use super::commit::reply_time;
use super::error::Fault;
use super::statement::Statement;
use super::writes::{EscrowRow, EventPlace, JobRow, PartRow, ReplyRow, TransferLine, Writes};
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::prepare::{PreparedChange, PreparedUnit};
use crate::rows::split::PartChange;
use crate::{
    ClockMove, DeliveryAsk, EndpointChange, EventRow, Journal, JournalChange, Lease, Outcome, Reply, TransferRow,
};

/// One of an owner's running totals.
pub(super) type TotalKey = (OwnerBytes, Account, Currency);

/// A duty of an escrow.
pub(super) type JobKey = (IdBytes, i64, Vec<u8>);

/// What rows of a look are taken in by.
type Reader = fn(&mut Seen, &Row) -> Result<(), Fault>;

/// What the units of a commit are about, each in the order of its keys, which is that of the locks.
#[derive(Default)]
pub(super) struct Touched {
    replies: BTreeSet<(OwnerBytes, String)>,
    escrows: BTreeSet<IdBytes>,
    leases: BTreeSet<JobKey>,
    /// Whose streams are locked, with how many places of each are taken at most.
    streams: BTreeMap<OwnerBytes, i64>,
    totals: BTreeSet<TotalKey>,
    claims: BTreeSet<(OwnerBytes, [u8; 32])>,
    clocks: BTreeSet<OwnerBytes>,
    journals: BTreeSet<OwnerBytes>,
    merchants: BTreeMap<IdBytes, String>,
    keys: BTreeMap<IdBytes, Option<[u8; 32]>>,
    endpoints: BTreeSet<IdBytes>,
    /// Calls that are asked for, as the endpoint and the event, with the id of a new delivery.
    asks: BTreeMap<(IdBytes, IdBytes), IdBytes>,
}

impl Touched {
    pub(super) fn by(units: &[PreparedUnit]) -> Result<Touched, Fault> {
        let mut touched = Touched::default();
        units.iter().try_for_each(|unit| touched.add(unit))?;
        Ok(touched)
    }

    fn add(&mut self, unit: &PreparedUnit) -> Result<(), Fault> {
        self.replies.extend(unit.replies.iter().map(reply_key));
        self.leases.extend(unit.leases.iter().map(lease_key));
        if let Some(change) = &unit.change {
            self.escrows.insert(change.id.raw().to_bytes());
            self.claims.extend(change.claims.iter().map(|hash| (change.owner, *hash.bytes())));
            self.take_places(change.owner, change.events.len())?;
            for TransferRow { transfer, .. } in &change.transfers {
                let ((from, to), currency) = (transfer.purpose.accounts(), transfer.amount.currency());
                self.totals.extend([(change.owner, from, currency), (change.owner, to, currency)]);
            }
        }
        if let Some(moved) = unit.clock {
            self.take_places(super::sandbox(moved.merchant), 0)?;
            self.clocks.insert(super::sandbox(moved.merchant));
        }
        unit.journals.iter().try_for_each(|change| self.add_journal(change))?;
        for ask in &unit.deliveries {
            self.take_places(codec::owner_bytes(ask.owner), 0)?;
            self.endpoints.insert(ask.endpoint.raw().to_bytes());
            self.asks.insert(ask_key(ask), ask.id.raw().to_bytes());
        }
        Ok(())
    }

    fn add_journal(&mut self, change: &JournalChange) -> Result<(), Fault> {
        let owner = codec::owner_bytes(change.holder.stream());
        self.take_places(owner, change.events.len())?;
        self.journals.insert(owner);
        self.merchants.extend(change.merchant.iter().map(|it| (it.id.raw().to_bytes(), it.name.clone())));
        self.keys.extend(change.key.iter().map(|(key, hash)| (key.id.raw().to_bytes(), Some(*hash))));
        self.keys.extend(change.changed.iter().map(|key| (key.id.raw().to_bytes(), None)));
        self.endpoints.extend(change.endpoint.iter().map(endpoint_id));
        Ok(())
    }

    fn take_places(&mut self, owner: OwnerBytes, count: usize) -> Result<(), Fault> {
        let places = self.streams.entry(owner).or_insert(0);
        *places = places.saturating_add(codec::integer(count as u64)?);
        Ok(())
    }

    /// The statements that lock and read all of it, in this order, each with what takes in its rows.
    pub(super) fn looks(&self) -> Vec<(Reader, Statement)> {
        let mut looks: Vec<(Reader, Statement)> = Vec::new();
        if !self.replies.is_empty() {
            looks
                .push((Seen::read_kept_from, Statement::new("SELECT value FROM counters WHERE name = 'replies_from'")));
            let (owners, keys) =
                (self.replies.iter().map(|(owner, _)| owner), self.replies.iter().map(|(_, key)| key.as_str()));
            let sql = "SELECT r.owner, r.key, r.created FROM unnest($1::BYTEA[], $2::TEXT[]) AS w (owner, key)
                JOIN replies r ON r.owner = w.owner AND r.key = w.key";
            looks.push((Seen::read_reply, Statement::new(sql).blobs(owners).texts(keys)));
        }
        if !self.escrows.is_empty() {
            let sql = "SELECT id, version FROM escrows WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
            looks.push((Seen::read_version, Statement::new(sql).blobs(&self.escrows)));
        }
        if !self.endpoints.is_empty() {
            let sql = "SELECT id FROM endpoints WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
            looks.push((Seen::read_endpoint, Statement::new(sql).blobs(&self.endpoints)));
        }
        if !self.streams.is_empty() {
            // Whoever has the lock has taken the places, too: those that are not needed are given back.
            let sql = "INSERT INTO streams (owner, last)
                SELECT w.owner, w.places FROM unnest($1::BYTEA[], $2::BIGINT[]) AS w (owner, places) ORDER BY w.owner
                ON CONFLICT (owner) DO UPDATE SET last = streams.last + excluded.last RETURNING owner, last";
            let places = Statement::new(sql).blobs(self.streams.keys()).integers(self.streams.values().copied());
            looks.push((Seen::read_last, places));
        }
        if !self.leases.is_empty() {
            // Behind the streams: whoever moves a clock or schedules duties has the stream of their owner when they get to the jobs.
            looks.push((Seen::read_token, self.look_at_leases()));
        }
        looks.extend(self.looks_under_locks());
        looks
    }

    fn look_at_leases(&self) -> Statement {
        let sql = "SELECT j.intent, j.duty, j.subject, j.token
            FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BYTEA[]) AS w (intent, duty, subject)
            JOIN escrows e ON e.id = w.intent
            JOIN jobs j ON j.owner = e.owner AND j.intent = w.intent AND j.duty = w.duty AND j.subject = w.subject
            ORDER BY j.intent, j.duty, j.subject FOR UPDATE OF j";
        Statement::new(sql)
            .blobs(self.leases.iter().map(|(intent, _, _)| intent))
            .integers(self.leases.iter().map(|(_, duty, _)| *duty))
            .blobs(self.leases.iter().map(|(_, _, subject)| subject))
    }

    /// What stands still once the streams are locked.
    fn looks_under_locks(&self) -> Vec<(Reader, Statement)> {
        let mut looks: Vec<(Reader, Statement)> = Vec::new();
        if !self.totals.is_empty() {
            let accounts: Vec<String> = self.totals.iter().map(|(_, account, _)| account.to_string()).collect();
            let sql = "SELECT b.owner, b.account, b.currency, b.minor
                FROM unnest($1::BYTEA[], $2::TEXT[], $3::TEXT[]) AS w (owner, account, currency)
                JOIN balances b ON b.owner = w.owner AND b.account = w.account AND b.currency = w.currency";
            let look = Statement::new(sql)
                .blobs(self.totals.iter().map(|(owner, _, _)| owner))
                .texts(accounts.iter().map(String::as_str))
                .texts(self.totals.iter().map(|(_, _, currency)| currency.code()));
            looks.push((Seen::read_total, look));
        }
        if !self.claims.is_empty() {
            let sql = "SELECT c.owner, c.hash, c.intent FROM unnest($1::BYTEA[], $2::BYTEA[]) AS w (owner, hash)
                JOIN claims c ON c.owner = w.owner AND c.hash = w.hash";
            let (owners, hashes) =
                (self.claims.iter().map(|(owner, _)| owner), self.claims.iter().map(|(_, hash)| hash));
            looks.push((Seen::read_claim, Statement::new(sql).blobs(owners).blobs(hashes)));
        }
        if !self.clocks.is_empty() {
            let sql = "SELECT owner, token FROM clock_leases WHERE owner = ANY ($1) ORDER BY owner FOR UPDATE";
            looks.push((Seen::read_clock_lease, Statement::new(sql).blobs(&self.clocks)));
        }
        if !self.journals.is_empty() {
            let sql = "SELECT owner, id, count, head FROM journals WHERE owner = ANY ($1)";
            looks.push((Seen::read_journal, Statement::new(sql).blobs(&self.journals)));
        }
        if !self.merchants.is_empty() {
            let sql = "SELECT id, name FROM merchants WHERE id = ANY ($1) OR name = ANY ($2)";
            let names = self.merchants.values().map(String::as_str);
            looks.push((Seen::read_merchant, Statement::new(sql).blobs(self.merchants.keys()).texts(names)));
        }
        if !self.keys.is_empty() {
            let sql = "SELECT id, hash FROM keys WHERE id = ANY ($1) OR hash = ANY ($2)";
            let hashes = self.keys.values().flatten();
            looks.push((Seen::read_key, Statement::new(sql).blobs(self.keys.keys()).blobs(hashes)));
        }
        if !self.asks.is_empty() {
            looks.extend(self.looks_at_deliveries());
        }
        looks
    }

    fn looks_at_deliveries(&self) -> [(Reader, Statement); 3] {
        let (endpoints, events) =
            (self.asks.keys().map(|(endpoint, _)| endpoint), self.asks.keys().map(|(_, event)| event));
        let places = Statement::new("SELECT id, position FROM events WHERE id = ANY ($1)").blobs(events.clone());
        let sql = "SELECT w.endpoint, w.event, d.id FROM unnest($1::BYTEA[], $2::BYTEA[]) AS w (endpoint, event)
            JOIN events v ON v.id = w.event JOIN deliveries d ON d.endpoint = w.endpoint AND d.position = v.position";
        let found = Statement::new(sql).blobs(endpoints).blobs(events);
        let taken = Statement::new("SELECT id FROM deliveries WHERE id = ANY ($1)").blobs(self.asks.values());
        [(Seen::read_place, places), (Seen::read_delivery, found), (Seen::read_delivery_id, taken)]
    }
}

fn reply_key(reply: &Reply) -> (OwnerBytes, String) {
    (codec::owner_bytes(reply.owner), reply.key.clone())
}

fn lease_key(lease: &Lease) -> JobKey {
    let (duty, subject) = codec::duty_columns(lease.duty);
    (lease.intent.raw().to_bytes(), duty, subject)
}

fn ask_key(ask: &DeliveryAsk) -> (IdBytes, IdBytes) {
    (ask.endpoint.raw().to_bytes(), ask.event.raw().to_bytes())
}

fn endpoint_id(change: &EndpointChange) -> IdBytes {
    match change {
        EndpointChange::Added(endpoint) | EndpointChange::Changed(endpoint) | EndpointChange::Resumed(endpoint) => {
            endpoint.id.raw().to_bytes()
        }
    }
}

/// What there is of what the units are about, under locks, after the units that were taken so far.
#[derive(Default)]
pub(super) struct Seen {
    replies_from: Option<i64>,
    /// The keys that are taken, with when; those that are forgotten give way.
    replies: HashMap<(OwnerBytes, String), i64>,
    versions: HashMap<IdBytes, i64>,
    tokens: HashMap<JobKey, i64>,
    lasts: HashMap<OwnerBytes, i64>,
    totals: HashMap<TotalKey, i64>,
    claims: HashMap<(OwnerBytes, [u8; 32]), IdBytes>,
    /// The newest leases of clocks that had one.
    clock_tokens: HashMap<OwnerBytes, u64>,
    journals: HashMap<OwnerBytes, Journal>,
    merchants: HashSet<IdBytes>,
    names: HashSet<String>,
    keys: HashSet<IdBytes>,
    hashes: HashSet<[u8; 32]>,
    endpoints: HashSet<IdBytes>,
    places: HashMap<IdBytes, i64>,
    deliveries: HashMap<(IdBytes, IdBytes), IdBytes>,
    delivery_ids: HashSet<IdBytes>,
    /// What units of this commit have changed: it changes once in a commit.
    changed: HashSet<IdBytes>,
}

/// What the transfers of a unit do to its owner's totals.
#[derive(Default)]
struct Booking {
    totals: BTreeMap<TotalKey, i64>,
    /// For each transfer, the balances right after it of the accounts that the money left and reached.
    lines: Vec<(i64, i64)>,
}

impl Seen {
    fn read_kept_from(&mut self, row: &Row) -> Result<(), Fault> {
        self.replies_from = Some(row.try_get(0)?);
        Ok(())
    }

    fn read_reply(&mut self, row: &Row) -> Result<(), Fault> {
        self.replies.insert((bytes(row, 0)?, row.try_get(1)?), row.try_get(2)?);
        Ok(())
    }

    fn read_version(&mut self, row: &Row) -> Result<(), Fault> {
        self.versions.insert(bytes(row, 0)?, row.try_get(1)?);
        Ok(())
    }

    fn read_token(&mut self, row: &Row) -> Result<(), Fault> {
        self.tokens.insert((bytes(row, 0)?, row.try_get(1)?, row.try_get(2)?), row.try_get(3)?);
        Ok(())
    }

    fn read_endpoint(&mut self, row: &Row) -> Result<(), Fault> {
        self.endpoints.insert(bytes(row, 0)?);
        Ok(())
    }

    fn read_last(&mut self, row: &Row) -> Result<(), Fault> {
        self.lasts.insert(bytes(row, 0)?, row.try_get(1)?);
        Ok(())
    }

    fn read_total(&mut self, row: &Row) -> Result<(), Fault> {
        let (account, currency): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
        let key = (bytes(row, 0)?, codec::parsed(account)?, codec::currency(currency)?);
        self.totals.insert(key, row.try_get(3)?);
        Ok(())
    }

    fn read_claim(&mut self, row: &Row) -> Result<(), Fault> {
        self.claims.insert((bytes(row, 0)?, bytes(row, 1)?), bytes(row, 2)?);
        Ok(())
    }

    fn read_clock_lease(&mut self, row: &Row) -> Result<(), Fault> {
        self.clock_tokens.insert(bytes(row, 0)?, codec::count(row.try_get(1)?)?);
        Ok(())
    }

    fn read_journal(&mut self, row: &Row) -> Result<(), Fault> {
        let chain = Chain { count: codec::count(row.try_get(2)?)?, head: Hash::from_bytes(bytes(row, 3)?) };
        self.journals.insert(bytes(row, 0)?, Journal { id: RawId::from_bytes(bytes(row, 1)?), chain });
        Ok(())
    }

    fn read_merchant(&mut self, row: &Row) -> Result<(), Fault> {
        self.merchants.insert(bytes(row, 0)?);
        self.names.insert(row.try_get(1)?);
        Ok(())
    }

    fn read_key(&mut self, row: &Row) -> Result<(), Fault> {
        self.keys.insert(bytes(row, 0)?);
        self.hashes.insert(bytes(row, 1)?);
        Ok(())
    }

    fn read_place(&mut self, row: &Row) -> Result<(), Fault> {
        self.places.insert(bytes(row, 0)?, row.try_get(1)?);
        Ok(())
    }

    fn read_delivery(&mut self, row: &Row) -> Result<(), Fault> {
        self.deliveries.insert((bytes(row, 0)?, bytes(row, 1)?), bytes(row, 2)?);
        Ok(())
    }

    fn read_delivery_id(&mut self, row: &Row) -> Result<(), Fault> {
        self.delivery_ids.insert(bytes(row, 0)?);
        Ok(())
    }

    /// The places that were taken with the locks are taken by the units one after the other.
    pub(super) fn take_back_places(&mut self, touched: &Touched) {
        for (owner, places) in &touched.streams {
            if let Some(last) = self.lasts.get_mut(owner) {
                *last -= places;
            }
        }
    }

    /// Writes down where streams end of which not all places were needed.
    pub(super) fn give_back_places(&self, touched: &Touched, writes: &mut Writes) {
        for (owner, taken) in &touched.streams {
            let used = writes.events.iter().filter(|place| place.owner == *owner).count();
            if i64::try_from(used) != Ok(*taken) {
                writes.streams.push((*owner, self.lasts.get(owner).copied().unwrap_or(0)));
            }
        }
    }

    /// Takes a unit, or says why it drops out.
    pub(super) fn take(&mut self, unit: &PreparedUnit, writes: &mut Writes) -> Result<Outcome, Fault> {
        let fits = self.are_keys_free(&unit.replies)
            && self.is_newest(unit.change.as_ref())
            && unit.leases.iter().all(|lease| self.is_held(lease))
            && unit.clock.iter().all(|moved| self.is_theirs(moved))
            && unit.journals.iter().all(|change| self.fits_journal(change))
            && unit.deliveries.iter().all(|ask| self.fits_ask(ask));
        if !fits {
            return Ok(Outcome::Lost);
        }
        if let Some(change) = &unit.change {
            if !self.are_claims_free(change) {
                return Ok(Outcome::TransactionTaken);
            }
            let Some(booking) = self.book(change) else { return Ok(Outcome::TotalTooLarge) };
            self.apply(change, booking, writes)?;
        }
        unit.journals.iter().try_for_each(|change| self.tell(change, writes))?;
        unit.deliveries.iter().try_for_each(|ask| self.ask(ask, writes))?;
        unit.replies.iter().for_each(|reply| self.remember(reply, writes));
        writes.clocks.extend(unit.clock);
        Ok(Outcome::Committed)
    }

    fn kept_from(&self) -> i64 {
        self.replies_from.unwrap_or(i64::MIN)
    }

    fn are_keys_free(&self, replies: &[Reply]) -> bool {
        let mut keys = HashSet::new();
        replies.iter().all(|reply| {
            let key = reply_key(reply);
            let is_taken = self.replies.get(&key).is_some_and(|created| *created >= self.kept_from());
            !is_taken && keys.insert(key)
        })
    }

    fn is_newest(&self, change: Option<&PreparedChange>) -> bool {
        change.is_none_or(|change| {
            let id = change.id.raw().to_bytes();
            self.versions.get(&id).copied() == change.base && !self.changed.contains(&id)
        })
    }

    fn is_held(&self, lease: &Lease) -> bool {
        let token = self.tokens.get(&lease_key(lease)).copied().unwrap_or(0);
        token > 0 && i64::try_from(lease.token) == Ok(token)
    }

    fn is_theirs(&self, moved: &ClockMove) -> bool {
        self.clock_tokens.get(&super::sandbox(moved.merchant)).copied().unwrap_or(0) == moved.token
    }

    fn are_claims_free(&self, change: &PreparedChange) -> bool {
        let id = change.id.raw().to_bytes();
        let holder = |hash: &Hash| self.claims.get(&(change.owner, *hash.bytes()));
        change.claims.iter().all(|hash| holder(hash).is_none_or(|holder| *holder == id))
    }

    fn fits_journal(&self, change: &JournalChange) -> bool {
        let owner = codec::owner_bytes(change.holder.stream());
        let is_new = |key: &(crate::ApiKey, [u8; 32])| {
            !self.keys.contains(&key.0.id.raw().to_bytes()) && !self.hashes.contains(&key.1)
        };
        let is_endpoint_fit = change.endpoint.as_ref().is_none_or(|endpoint| {
            self.endpoints.contains(&endpoint_id(endpoint)) != matches!(endpoint, EndpointChange::Added(_))
        });
        self.journals.get(&owner).copied() == change.base
            && !self.changed.contains(&change.next.id.to_bytes())
            && change
                .merchant
                .as_ref()
                .is_none_or(|it| !self.merchants.contains(&it.id.raw().to_bytes()) && !self.names.contains(&it.name))
            && change.key.as_ref().is_none_or(is_new)
            && change.changed.as_ref().is_none_or(|key| self.keys.contains(&key.id.raw().to_bytes()))
            && is_endpoint_fit
    }

    fn fits_ask(&self, ask: &DeliveryAsk) -> bool {
        let found = self.deliveries.get(&ask_key(ask)).copied();
        let is_new = ask.base.is_some() || !self.delivery_ids.contains(&ask.id.raw().to_bytes());
        found == ask.base.map(|id| id.raw().to_bytes()) && is_new
    }

    /// What a change does to its owner's totals; `None` when one would leave the range of 64 bits.
    fn book(&self, change: &PreparedChange) -> Option<Booking> {
        let mut booking = Booking::default();
        for TransferRow { transfer, .. } in &change.transfers {
            let ((from, to), currency) = (transfer.purpose.accounts(), transfer.amount.currency());
            let from_after = self.add(&mut booking, (change.owner, from, currency), -transfer.amount.minor())?;
            let to_after = self.add(&mut booking, (change.owner, to, currency), transfer.amount.minor())?;
            booking.lines.push((from_after, to_after));
        }
        Some(booking)
    }

    fn add(&self, booking: &mut Booking, key: TotalKey, minor: i64) -> Option<i64> {
        let before = booking.totals.get(&key).or_else(|| self.totals.get(&key)).copied().unwrap_or(0);
        let after = before.checked_add(minor)?;
        booking.totals.insert(key, after);
        Some(after)
    }

    fn apply(&mut self, change: &PreparedChange, booking: Booking, writes: &mut Writes) -> Result<(), Fault> {
        let (id, owner) = (change.id.raw().to_bytes(), change.owner);
        self.versions.insert(id, change.version);
        self.changed.insert(id);
        writes.escrow(change.base.is_none(), EscrowRow::of(change));
        for (name, value) in &change.metadata {
            writes.metadata.push((owner, name.clone(), value.clone(), id));
        }
        for part in &change.parts {
            let key = PartRow {
                owner,
                escrow: id,
                kind: part.kind as i64,
                id: part.id,
                place: 0,
                waits: false,
                body: String::new(),
            };
            match &part.change {
                PartChange::Added { place, body, waits } => {
                    writes.added.push(PartRow { place: *place, waits: *waits, body: body.clone(), ..key });
                }
                PartChange::Changed { body, waits } => {
                    writes.altered.push(PartRow { waits: *waits, body: body.clone(), ..key });
                }
                PartChange::Removed => writes.removed.push(key),
            }
        }
        for (row, line) in change.transfers.iter().zip(&booking.lines) {
            writes.transfers.push(TransferLine { owner, intent: id, row: *row, after: *line });
        }
        change.events.iter().for_each(|event| self.place(owner, id, event, writes));
        for effect in &change.effects {
            self.schedule(id, owner, effect, writes);
        }
        for hash in &change.claims {
            self.claims.insert((owner, *hash.bytes()), id);
            writes.claims.push((owner, *hash.bytes(), id));
        }
        writes.totals.extend(booking.totals.iter().map(|(key, minor)| (*key, *minor)));
        self.totals.extend(booking.totals);
        Ok(())
    }

    /// Gives an event the next place of its owner's stream.
    fn place(&mut self, owner: OwnerBytes, subject: IdBytes, event: &EventRow, writes: &mut Writes) {
        let last = self.lasts.entry(owner).or_insert(0);
        *last = last.saturating_add(1);
        self.places.insert(event.id.raw().to_bytes(), *last);
        writes.events.push(EventPlace { owner, position: *last, subject, event: event.clone() });
    }

    fn schedule(&mut self, id: IdBytes, owner: OwnerBytes, effect: &Effect, writes: &mut Writes) {
        let (duty, due) = match *effect {
            Effect::Schedule(duty, due) => (duty, Some(due)),
            Effect::Drop(duty) => (duty, None),
        };
        let (duty, subject) = codec::duty_columns(duty);
        // Whoever had a lease of it has none any more.
        self.tokens.remove(&(id, duty, subject.clone()));
        writes.jobs.insert(JobRow { owner, intent: id, duty, subject }, due);
    }

    fn tell(&mut self, change: &JournalChange, writes: &mut Writes) -> Result<(), Fault> {
        let (owner, id) = (codec::owner_bytes(change.holder.stream()), change.next.id.to_bytes());
        self.journals.insert(owner, change.next);
        self.changed.insert(id);
        change.events.iter().for_each(|event| self.place(owner, id, event, writes));
        writes.journal(owner, change.next)?;
        if let Some(merchant) = &change.merchant {
            self.merchants.insert(merchant.id.raw().to_bytes());
            self.names.insert(merchant.name.clone());
            writes.merchant(merchant);
        }
        if let Some((key, hash)) = &change.key {
            self.keys.insert(key.id.raw().to_bytes());
            self.hashes.insert(*hash);
            writes.key(key, hash);
        }
        change.changed.iter().for_each(|key| writes.key_end(key));
        if let Some(endpoint) = &change.endpoint {
            self.endpoints.insert(endpoint_id(endpoint));
            writes.endpoint(endpoint, self.lasts.get(&owner).copied().unwrap_or(0))?;
        }
        Ok(())
    }

    fn ask(&mut self, ask: &DeliveryAsk, writes: &mut Writes) -> Result<(), Fault> {
        let missing = || Fault::Damaged(format!("there is no event {} to be delivered", ask.event));
        let place = self.places.get(&ask.event.raw().to_bytes()).copied().ok_or_else(missing)?;
        self.deliveries.entry(ask_key(ask)).or_insert(ask.id.raw().to_bytes());
        self.delivery_ids.insert(ask.id.raw().to_bytes());
        writes.ask(ask, place);
        Ok(())
    }

    fn remember(&mut self, reply: &Reply, writes: &mut Writes) {
        let (key, created) = (reply_key(reply), reply_time(reply.created, self.kept_from()));
        let is_in_the_way = self.replies.insert(key, created).is_some();
        writes.replies.push(ReplyRow { reply: reply.clone(), created, is_in_the_way });
    }
}

/// Bytes of a known number.
pub(super) fn bytes<const COUNT: usize>(row: &Row, column: usize) -> Result<[u8; COUNT], Fault> {
    let found: &[u8] = row.try_get(column)?;
    found.try_into().map_err(|_| Fault::Damaged(format!("there are {} bytes in the place of {COUNT}", found.len())))
}
