//! Checks every invariant of the domain over a whole store, in one read snapshot and with bounded memory.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use escrow::money::decimal;
use escrow::refund::{RefundSource, RefundStatus};
use escrow::settlement::SettlementState;
use escrow::{
    Account, Amount, Chain, Currency, Duty, Escrow, Hash, MilestoneId, Owner, Purpose, PurposeKind, Refund, RefundId,
    Settlement, SettlementId, Timestamp,
};
use store::{AccountRow, Audited, Balance, EventRow, Journal, KeyHolder, Store, StoreError, StoredTransfer};

/// How many broken rows a report names; all are counted.
const MAX_NAMED: usize = 20;

/// What was looked at, and what does not hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Intents, each with its order.
    pub escrows: u64,
    /// Milestones.
    pub milestones: u64,
    /// Settlements.
    pub settlements: u64,
    /// Refunds.
    pub refunds: u64,
    /// Transfers.
    pub transfers: u64,
    /// Events.
    pub events: u64,
    /// Journals of merchants and of the operator, each with its events among those.
    pub journals: u64,
    /// Jobs.
    pub jobs: u64,
    /// Running totals.
    pub balances: u64,
    /// The first rows that break an invariant.
    pub broken: Vec<Broken>,
    /// How many do.
    pub broken_total: u64,
}

impl Report {
    /// Whether everything holds.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.broken_total == 0
    }

    /// What was looked at and how much of it, by name.
    #[must_use]
    pub const fn counts(&self) -> [(&'static str, u64); 9] {
        [
            ("escrows", self.escrows),
            ("milestones", self.milestones),
            ("settlements", self.settlements),
            ("refunds", self.refunds),
            ("transfers", self.transfers),
            ("events", self.events),
            ("journals", self.journals),
            ("jobs", self.jobs),
            ("balances", self.balances),
        ]
    }
}

/// A row that breaks an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which one.
    pub invariant: Invariant,
    /// The row, and what is wrong with it.
    pub what: String,
}

/// What always holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invariant {
    /// Per currency and mode all balances add up to zero, and every balance equals the sum of its transfers.
    Ledger,
    /// An escrow's state agrees with itself: balances, milestones, release order, status.
    State,
    /// A share is released at most once, a settlement and a refund paid at most once, an intent funded at most once, and a
    /// transaction used for one intent.
    Once,
    /// Events number 1..n without a gap, and each hash follows from the one before it and the event's own bytes.
    Events,
    /// Everything is what the last event about it says.
    Told,
    /// Every timed duty has exactly one job, and every job is a duty.
    Jobs,
    /// Every row can be read and belongs to an escrow or a journal.
    Rows,
}

impl Invariant {
    /// The invariant in a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::Ledger => "ledger balances",
            Invariant::State => "escrow state",
            Invariant::Once => "paid at most once",
            Invariant::Events => "event chain",
            Invariant::Told => "as its events say",
            Invariant::Jobs => "one job per duty",
            Invariant::Rows => "readable rows",
        }
    }
}

/// Knows what the bodies of events say, and so where a row is not what the last event about it says: each in one line. Whoever changes a
/// row behind the gateway's back would have to change that event too, and every hash from there on.
pub trait Witness: Send {
    /// Where an escrow is not what the bodies of its events say, which come in their order.
    fn escrow(&mut self, escrow: &Escrow, bodies: &[&[u8]]) -> Vec<String>;

    /// Hears the bodies of a journal's events, in their order.
    fn journal(&mut self, bodies: &[&[u8]]);

    /// Where a row is not what the journals say, all of which were heard before.
    fn account(&mut self, row: &AccountRow) -> Vec<String>;

    /// What the journals tell of, and no row was.
    fn unseen(&mut self) -> Vec<String>;
}

/// Checks everything in a store, in use or not.
///
/// # Errors
/// When the store cannot be read. What is broken is in the report.
pub async fn verify(store: &dyn Store, witness: Box<dyn Witness>) -> Result<Report, StoreError> {
    let check = Arc::new(Mutex::new(Check::new(witness)));
    let visitor = check.clone();
    let visit = move |row| visitor.lock().unwrap_or_else(PoisonError::into_inner).visit(row);
    store.audit(Box::new(visit)).await?;
    let mut check = check.lock().unwrap_or_else(PoisonError::into_inner);
    check.finish();
    Ok(std::mem::take(&mut check.report))
}

/// The place of a balance: whose, of which account, in which currency.
type Place = (Owner, Account, Currency);

struct Check {
    witness: Box<dyn Witness>,
    report: Report,
    /// What the transfers so far come to.
    sums: BTreeMap<Place, Moved>,
    /// What the store says they add up to.
    totals: BTreeMap<Place, i64>,
    streams: BTreeMap<Owner, Stream>,
}

/// What the transfers of a place come to, in whichever order they are seen.
#[derive(Clone, Copy, Default)]
struct Moved {
    sum: i128,
    /// The balances right before the transfers less those right after them, as a set of which only the sum of hashes is kept. Where each
    /// begins with what another left, the first with nothing, all that is left is nothing less the last.
    steps: u64,
}

impl Moved {
    /// Adds a transfer that changed the balance so, and left it at that.
    fn step(&mut self, change: i128, after: i64) {
        self.sum += change;
        let (before, after) = (trace(i128::from(after) - change), trace(i128::from(after)));
        self.steps = self.steps.wrapping_add(before).wrapping_sub(after);
    }

    /// Whether the balances right after each transfer lead to what all of them add up to.
    fn leads_to_its_sum(self) -> bool {
        self.steps == trace(0).wrapping_sub(trace(self.sum))
    }
}

fn trace(minor: i128) -> u64 {
    let mut hasher = DefaultHasher::new();
    minor.hash(&mut hasher);
    hasher.finish()
}

/// The places of an owner's events: all of 1..n, each once, is what count, highest and sum together say.
#[derive(Clone, Copy, Default)]
struct Stream {
    count: u64,
    highest: u64,
    sum: u128,
}

impl Check {
    fn new(witness: Box<dyn Witness>) -> Check {
        Check {
            witness,
            report: Report::default(),
            sums: BTreeMap::new(),
            totals: BTreeMap::new(),
            streams: BTreeMap::new(),
        }
    }

    fn visit(&mut self, row: Audited) {
        match row {
            Audited::Escrow { stored, events, transfers, jobs, claims } => {
                let escrow = &stored.escrow;
                self.count(escrow, &events, &transfers, &jobs);
                if let Err(what) = escrow.check() {
                    self.broken(Invariant::State, escrow, &what);
                }
                self.events(escrow, &events);
                self.told(escrow, &events);
                self.transfers(escrow, &transfers);
                self.once(escrow, &transfers);
                self.payouts(escrow, &transfers);
                self.refunds(escrow, &transfers);
                self.claims(escrow, &claims);
                self.jobs(escrow, jobs);
            }
            Audited::Journal { holder, journal, events } => self.journal(holder, journal, &events),
            Audited::Stray { table, what } => self.note(Invariant::Rows, format!("{table}: {what}")),
            Audited::Account(row) => self.account(&row),
            Audited::Balance(owner, balance) => self.balance(owner, balance),
        }
    }

    fn count(
        &mut self,
        escrow: &Escrow,
        events: &[(Owner, u64, EventRow)],
        transfers: &[(Owner, StoredTransfer)],
        jobs: &[(Duty, Timestamp)],
    ) {
        let report = &mut self.report;
        report.escrows += 1;
        report.milestones += escrow.milestones().len() as u64;
        report.settlements += escrow.settlements.len() as u64;
        report.refunds += escrow.refunds.len() as u64;
        report.events += events.len() as u64;
        report.transfers += transfers.len() as u64;
        report.jobs += jobs.len() as u64;
    }

    fn events(&mut self, escrow: &Escrow, events: &[(Owner, u64, EventRow)]) {
        for what in self.stream(escrow.owner, escrow.chain, events) {
            self.broken(Invariant::Events, escrow, &what);
        }
    }

    /// Holds a state against what its events say.
    fn told(&mut self, escrow: &Escrow, events: &[(Owner, u64, EventRow)]) {
        for what in self.witness.escrow(escrow, &bodies(events)) {
            self.broken(Invariant::Told, escrow, &what);
        }
    }

    fn account(&mut self, row: &AccountRow) {
        for what in self.witness.account(row) {
            self.note(Invariant::Told, what);
        }
    }

    fn journal(&mut self, holder: KeyHolder, journal: Journal, events: &[(Owner, u64, EventRow)]) {
        self.report.journals += 1;
        self.report.events += events.len() as u64;
        for what in self.stream(holder.stream(), journal.chain, events) {
            self.note(Invariant::Events, format!("journal {} of {}: {what}", journal.id, name(holder.stream())));
        }
        self.witness.journal(&bodies(events));
    }

    /// Notes the places of events in their stream, and says what is wrong with their chain.
    fn stream(&mut self, owner: Owner, chain: Chain, events: &[(Owner, u64, EventRow)]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (found, position, event) in events {
            let stream = self.streams.entry(*found).or_default();
            stream.count += 1;
            stream.highest = stream.highest.max(*position);
            stream.sum += u128::from(*position);
            if *found != owner {
                wrong.push(format!("event {} is in another owner's stream", event.id));
            }
        }
        match chain_of(chain, events) {
            Err(what) => wrong.push(what),
            // Only what hashes as it should is worth comparing with what stands beside it.
            Ok(()) => wrong.extend(mislaid(events)),
        }
        wrong
    }

    /// Only sums are compared: where several gateways serve one intent, its transfers need not have been made in the order of
    /// their ids.
    fn transfers(&mut self, escrow: &Escrow, transfers: &[(Owner, StoredTransfer)]) {
        let currency = escrow.terms.amount.currency();
        let mut own: BTreeMap<Account, i128> = BTreeMap::new();
        let mut moved: BTreeMap<PurposeKind, i128> = BTreeMap::new();
        for (owner, StoredTransfer { transfer, from_after, to_after, .. }) in transfers {
            let (from, to) = transfer.purpose.accounts();
            let minor = i128::from(transfer.amount.minor());
            for (account, change, after) in [(from, -minor, *from_after), (to, minor, *to_after)] {
                let place = (*owner, account, transfer.amount.currency());
                self.sums.entry(place).or_default().step(change, after);
                *own.entry(account).or_default() += change;
            }
            *moved.entry(transfer.purpose.kind()).or_default() += minor;
            if *owner != escrow.owner || transfer.amount.currency() != currency {
                self.broken(Invariant::Ledger, escrow, &format!("{} is in another ledger", transfer.id));
            }
        }
        // What a refused refund gave back was not refunded.
        let restored = moved.get(&PurposeKind::Restore).copied().unwrap_or(0);
        *moved.entry(PurposeKind::Refund).or_default() -= restored;
        let funds = &escrow.funds;
        let totals = [
            (PurposeKind::Fund, funds.funded),
            (PurposeKind::Release, funds.released),
            (PurposeKind::Refund, funds.refunded),
        ];
        let unapplied = (Account::Unapplied, escrow.unapplied_minor());
        let balances = funds.balances().map(|(account, amount)| (account, amount.minor())).into_iter();
        let balances =
            balances.chain([unapplied]).map(|(account, minor)| (account.to_string(), own.get(&account), minor));
        let totals = totals.map(|(kind, amount)| (format!("the total of {kind}"), moved.get(&kind), amount.minor()));
        for (name, sum, minor) in balances.chain(totals) {
            let sum = sum.copied().unwrap_or(0);
            if sum != i128::from(minor) {
                let (amount, sum) = (decimal(minor, currency), shown(sum, currency));
                let what = format!("{name} is {amount} {currency}, its transfers add up to {sum}");
                self.broken(Invariant::Ledger, escrow, &what);
            }
        }
    }

    /// Everything that may happen once happened once, and for the amount it was for.
    fn once(&mut self, escrow: &Escrow, transfers: &[(Owner, StoredTransfer)]) {
        let mut seen = BTreeSet::new();
        for (_, StoredTransfer { transfer, .. }) in transfers {
            let expected = match transfer.purpose {
                Purpose::Fund(_) => Some(escrow.terms.amount),
                Purpose::Release(Some(milestone)) => released_amount(escrow, milestone),
                Purpose::Release(None) | Purpose::Fee(_) => Some(transfer.amount),
                // They may be tried again; what all of them together come to is checked by itself.
                Purpose::Reserve(_) | Purpose::Unreserve(_) | Purpose::Settle(..) | Purpose::Unsettle(..) => continue,
                Purpose::Return(id, _) => refunded_amount(escrow, id, RefundSource::is_escrow),
                Purpose::Refund(id) | Purpose::Restore(id) => refund_parts(escrow, id).map(|(escrow, _)| escrow),
                Purpose::RefundPayable(id) | Purpose::RestorePayable(id) => {
                    refund_parts(escrow, id).and_then(|(_, payable)| payable)
                }
                Purpose::Receive(id, _) | Purpose::SendBack(id, _) => {
                    refunded_amount(escrow, id, RefundSource::is_unapplied)
                }
            };
            if expected != Some(transfer.amount) {
                let due = expected.map_or_else(|| "nothing".to_owned(), |amount| amount.to_string());
                let what = format!("{} moves {} where {due} was due", transfer.id, transfer.amount);
                self.broken(Invariant::Once, escrow, &what);
            }
            if !seen.insert(format!("{:?}", transfer.purpose)) {
                self.broken(Invariant::Once, escrow, &format!("{} repeats {:?}", transfer.id, transfer.purpose));
            }
        }
    }

    /// Of every settlement, what is reserved and what was paid out is what its state says, and it was not started more often than
    /// it was tried.
    fn payouts(&mut self, escrow: &Escrow, transfers: &[(Owner, StoredTransfer)]) {
        let mut paths: BTreeMap<SettlementId, PayoutSums> = BTreeMap::new();
        for (_, StoredTransfer { transfer, .. }) in transfers {
            let minor = i128::from(transfer.amount.minor());
            match transfer.purpose {
                Purpose::Reserve(id) => {
                    let path = paths.entry(id).or_default();
                    path.starts += 1;
                    path.reserved_minor += minor;
                }
                Purpose::Unreserve(id) => paths.entry(id).or_default().reserved_minor -= minor,
                Purpose::Settle(id, _) => {
                    let path = paths.entry(id).or_default();
                    path.reserved_minor -= minor;
                    path.settled_minor += minor;
                }
                Purpose::Unsettle(id, _) => paths.entry(id).or_default().settled_minor -= minor,
                Purpose::Fund(_)
                | Purpose::Release(_)
                | Purpose::Fee(_)
                | Purpose::Refund(_)
                | Purpose::RefundPayable(_)
                | Purpose::Return(..)
                | Purpose::Restore(_)
                | Purpose::RestorePayable(_)
                | Purpose::Receive(..)
                | Purpose::SendBack(..) => {}
            }
        }
        for settlement in &escrow.settlements {
            let path = paths.remove(&settlement.id).unwrap_or_default();
            if !path.leads_to(settlement) {
                let (id, status) = (settlement.id, settlement.status());
                self.broken(Invariant::Once, escrow, &format!("{id} is {status}, its transfers say {path:?}"));
            }
        }
        for id in paths.keys() {
            self.broken(Invariant::Once, escrow, &format!("there are transfers of {id}, which is not there"));
        }
    }

    /// Of every refund, the transfers are those that its state says.
    fn refunds(&mut self, escrow: &Escrow, transfers: &[(Owner, StoredTransfer)]) {
        let made: BTreeSet<String> =
            transfers.iter().map(|(_, stored)| format!("{:?}", stored.transfer.purpose)).collect();
        for refund in &escrow.refunds {
            for (purpose, is_due) in steps_of(refund) {
                if made.contains(&format!("{purpose:?}")) != is_due {
                    let (id, status) = (refund.id, refund.status());
                    let what = if is_due { "is missing" } else { "is there" };
                    self.broken(Invariant::Once, escrow, &format!("{id} is {status}, and {purpose:?} {what}"));
                }
            }
        }
    }

    /// The transactions that are claimed for the escrow are those that it names.
    fn claims(&mut self, escrow: &Escrow, claims: &[(Owner, Hash)]) {
        let named = escrow.transactions();
        for hash in named.iter().filter(|hash| !claims.contains(&(escrow.owner, **hash))) {
            self.broken(Invariant::Once, escrow, &format!("transaction 0x{hash} is not claimed"));
        }
        for (_, hash) in claims.iter().filter(|(owner, hash)| *owner != escrow.owner || !named.contains(hash)) {
            self.broken(Invariant::Once, escrow, &format!("transaction 0x{hash} is claimed, and not named"));
        }
    }

    fn jobs(&mut self, escrow: &Escrow, mut jobs: Vec<(Duty, Timestamp)>) {
        let mut duties = escrow.duties();
        duties.sort_unstable();
        jobs.sort_unstable();
        if duties != jobs {
            let what = format!("its duties are {}, its jobs {}", listed(&duties), listed(&jobs));
            self.broken(Invariant::Jobs, escrow, &what);
        }
    }

    fn balance(&mut self, owner: Owner, balance: Balance) {
        self.report.balances += 1;
        let Balance { account, currency, minor } = balance;
        let is_in_range = if account.may_be_negative() { minor <= 0 } else { minor >= 0 };
        if !is_in_range {
            let shown = decimal(minor, currency);
            self.note(Invariant::Ledger, format!("{}: {account} is {shown} {currency}", name(owner)));
        }
        if self.totals.insert((owner, account, currency), minor).is_some() {
            self.note(Invariant::Ledger, format!("{}: {account} in {currency} stands twice", name(owner)));
        }
    }

    /// What can only be said once everything was seen.
    fn finish(&mut self) {
        for what in self.witness.unseen() {
            self.note(Invariant::Told, what);
        }
        let places: BTreeSet<Place> = self.sums.keys().chain(self.totals.keys()).copied().collect();
        let mut zero_sums: BTreeMap<_, i128> = BTreeMap::new();
        for place in places {
            let moved = self.sums.get(&place).copied().unwrap_or_default();
            let sum = moved.sum;
            let total = i128::from(self.totals.get(&place).copied().unwrap_or(0));
            let (owner, account, currency) = place;
            *zero_sums.entry((owner.mode, currency)).or_default() += total;
            if sum != total {
                let (total, sum) = (shown(total, currency), shown(sum, currency));
                let what = format!("{}: {account} is {total} {currency}, its transfers add up to {sum}", name(owner));
                self.note(Invariant::Ledger, what);
            }
            if !moved.leads_to_its_sum() {
                let what = format!("{}: the balances of {account} beside its transfers do not follow", name(owner));
                self.note(Invariant::Ledger, what);
            }
        }
        for ((mode, currency), sum) in zero_sums {
            if sum != 0 {
                let sum = shown(sum, currency);
                self.note(
                    Invariant::Ledger,
                    format!("all {mode:?} balances in {currency} add up to {sum}, not to zero"),
                );
            }
        }
        for (owner, Stream { count, highest, sum }) in std::mem::take(&mut self.streams) {
            let is_gapless = highest == count && sum == u128::from(count) * u128::from(count + 1) / 2;
            if !is_gapless {
                let what = format!("{}: {count} events have places up to {highest}", name(owner));
                self.note(Invariant::Events, what);
            }
        }
    }

    fn broken(&mut self, invariant: Invariant, escrow: &Escrow, what: &str) {
        self.note(invariant, format!("{}: {what}", escrow.id));
    }

    fn note(&mut self, invariant: Invariant, what: String) {
        self.report.broken_total += 1;
        if self.report.broken.len() < MAX_NAMED {
            self.report.broken.push(Broken { invariant, what });
        }
    }
}

/// Follows events to the head that their chain should have; what does not follow from the first break on is not looked at.
fn chain_of(told: Chain, events: &[(Owner, u64, EventRow)]) -> Result<(), String> {
    let mut chain = Chain::EMPTY;
    for (_, _, event) in events {
        chain = chain.followed_by(&event.body);
        if event.sequence != chain.count {
            return Err(format!("event {} has sequence {} in place of {}", event.id, event.sequence, chain.count));
        }
        if event.hash != chain.head {
            return Err(format!("event {} (sequence {}) does not hash to its stored hash", event.id, event.sequence));
        }
    }
    let Chain { count, head } = told;
    if chain == told {
        Ok(())
    } else {
        Err(format!("its {} events end in {}, its state says {count} and {head}", chain.count, chain.head))
    }
}

/// What is wrong with how events that are as they were are listed.
fn mislaid(events: &[(Owner, u64, EventRow)]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut before = 0;
    for (_, position, event) in events {
        let EventRow { id, kind, body, .. } = event;
        for name in [kind.name().to_owned(), id.to_string()] {
            if !says(body, &name) {
                wrong.push(format!("event {id} is listed as {name}, which its body does not say"));
            }
        }
        if *position <= before {
            wrong.push(format!("event {id} stands in its stream before one that came before it"));
        }
        before = *position;
    }
    wrong
}

fn bodies(events: &[(Owner, u64, EventRow)]) -> Vec<&[u8]> {
    events.iter().map(|(_, _, event)| event.body.as_slice()).collect()
}

/// Whether a body has a word in it. The type of an event stands near its beginning.
fn says(body: &[u8], word: &str) -> bool {
    body.windows(word.len()).any(|window| window == word.as_bytes())
}

fn refunded_amount(escrow: &Escrow, id: RefundId, comes_from: fn(&RefundSource) -> bool) -> Option<Amount> {
    escrow.refund(id).filter(|refund| comes_from(&refund.source)).map(|refund| refund.amount)
}

/// Every transfer that a refund can have, and whether its state says that it has.
fn steps_of(refund: &Refund) -> Vec<(Purpose, bool)> {
    let (id, rail, status) = (refund.id, refund.rail, refund.status());
    let (has_arrived, has_failed) = (status == RefundStatus::Succeeded, status == RefundStatus::Failed);
    if refund.source.is_unapplied() {
        return vec![(Purpose::Receive(id, rail), true), (Purpose::SendBack(id, rail), has_arrived)];
    }
    let was_payable = refund.from_payable.is_some();
    let was_held = refund.from_payable != Some(refund.amount);
    vec![
        (Purpose::Refund(id), was_held),
        (Purpose::RefundPayable(id), was_payable),
        (Purpose::Return(id, rail), has_arrived),
        (Purpose::Restore(id), has_failed && was_held),
        (Purpose::RestorePayable(id), has_failed && was_payable),
    ]
}

/// What the transfers of one settlement come to.
#[derive(Clone, Copy, Debug, Default)]
struct PayoutSums {
    starts: u32,
    reserved_minor: i128,
    settled_minor: i128,
}

impl PayoutSums {
    fn leads_to(self, settlement: &Settlement) -> bool {
        let amount = i128::from(settlement.amount.minor());
        let (reserved, settled) = match settlement.state {
            SettlementState::Executed { .. } => (amount, 0),
            SettlementState::Confirmed { .. } => (0, amount),
            SettlementState::Scheduled { .. }
            | SettlementState::Failed { .. }
            | SettlementState::Returned { .. }
            | SettlementState::Cancelled { .. } => (0, 0),
        };
        let is_as_often = self.starts <= settlement.retries.saturating_add(1);
        is_as_often && (self.reserved_minor, self.settled_minor) == (reserved, settled)
    }
}

fn released_amount(escrow: &Escrow, milestone: MilestoneId) -> Option<Amount> {
    let milestone = escrow.milestone(milestone)?;
    let refunded = milestone.release()?.refunded;
    refunded.map_or(Some(milestone.amount), |refunded| milestone.amount.minus(refunded).ok())
}

/// What of a refund was held, and what had been released.
fn refund_parts(escrow: &Escrow, id: RefundId) -> Option<(Amount, Option<Amount>)> {
    let refund = escrow.refund(id).filter(|refund| refund.source.is_escrow())?;
    let held = refund.from_payable.map_or(Some(refund.amount), |payable| refund.amount.minus(payable).ok())?;
    Some((held, refund.from_payable))
}

/// A sum for people; of one beyond 64 bits, which no balance can be, its minor units.
fn shown(minor: i128, currency: Currency) -> String {
    i64::try_from(minor).map_or_else(|_| format!("{minor} minor units"), |minor| decimal(minor, currency))
}

fn listed(duties: &[(Duty, Timestamp)]) -> String {
    let one = |(duty, due): &(Duty, Timestamp)| format!("{duty} due at {}", due.ms());
    let all: Vec<String> = duties.iter().map(one).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

fn name(owner: Owner) -> String {
    format!("{} ({:?})", owner.merchant, owner.mode)
}
