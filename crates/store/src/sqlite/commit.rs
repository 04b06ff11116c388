//! The commit: one transaction for many units, each of them checked whole before any of it is applied.

use std::collections::{BTreeMap, BTreeSet};

use escrow::{Account, Currency, Effect, Timestamp};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::error::Fault;
use super::{claims, clocks, deliveries, endpoints, jobs, journals, metadata, replies};
use crate::leases::Leases;
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::prepare::{PreparedChange, PreparedUnit};
use crate::rows::split::{Part, PartChange};
use crate::{EventRow, Outcome, Reply, TransferRow};

/// Commits units in this order; one that does not fit drops out alone.
pub(super) fn commit(db: &mut Connection, leases: &Leases, units: &[PreparedUnit]) -> Result<Vec<Outcome>, Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut batch = Batch {
        db: &transaction,
        leases,
        replies_from: replies::kept_from(&transaction)?,
        totals: BTreeMap::new(),
        positions: BTreeMap::new(),
        days: BTreeSet::new(),
    };
    let outcomes = units.iter().map(|unit| batch.take(unit)).collect::<Result<Vec<Outcome>, Fault>>()?;
    batch.finish()?;
    transaction.commit()?;
    Ok(outcomes)
}

/// One of an owner's running totals.
type TotalKey = (OwnerBytes, Account, Currency);

/// A transaction under way, and what it writes once at its end however many units touch it.
struct Batch<'t> {
    db: &'t Connection,
    leases: &'t Leases,
    replies_from: i64,
    totals: BTreeMap<TotalKey, i64>,
    positions: BTreeMap<OwnerBytes, i64>,
    /// The days of replies that are known to be written down.
    days: BTreeSet<i64>,
}

/// What the transfers of a unit do to its owner's totals.
#[derive(Default)]
struct Booking {
    totals: BTreeMap<TotalKey, i64>,
    /// For each transfer, the balances right after it of the accounts that the money left and reached.
    lines: Vec<(i64, i64)>,
}

impl Batch<'_> {
    fn take(&mut self, unit: &PreparedUnit) -> Result<Outcome, Fault> {
        if !self.keys_are_free(&unit.replies)? || !self.is_newest(unit)? || !jobs::are_held(self.db, &unit.leases)? {
            return Ok(Outcome::Lost);
        }
        if unit.clock.is_some_and(|moved| !self.leases.is_newest_of_clock(moved.merchant, moved.token)) {
            return Ok(Outcome::Lost);
        }
        for change in &unit.journals {
            if !journals::fits(self.db, change)? {
                return Ok(Outcome::Lost);
            }
        }
        for ask in &unit.deliveries {
            if !deliveries::fits(self.db, ask)? {
                return Ok(Outcome::Lost);
            }
        }
        if let Some(change) = &unit.change {
            if !claims::are_free(self.db, change.id.raw().to_bytes(), change.owner, &change.claims)? {
                return Ok(Outcome::TransactionTaken);
            }
            let Some(booking) = self.book(change)? else { return Ok(Outcome::TotalTooLarge) };
            self.apply(change, booking)?;
        }
        for change in &unit.journals {
            journals::apply(self.db, change)?;
            let owner = codec::owner_bytes(change.holder.stream());
            let id = change.next.id.to_bytes();
            change.events.iter().try_for_each(|event| self.write_event(id, owner, event))?;
            if let Some(endpoint) = &change.endpoint {
                endpoints::apply(self.db, endpoint, self.position(owner)?)?;
            }
        }
        unit.deliveries.iter().try_for_each(|ask| deliveries::ask(self.db, ask))?;
        unit.replies.iter().try_for_each(|reply| self.remember(reply))?;
        unit.clock.map_or(Ok(()), |moved| clocks::advance(self.db, moved))?;
        Ok(Outcome::Committed)
    }

    fn keys_are_free(&self, replies: &[Reply]) -> Result<bool, Fault> {
        let mut keys = BTreeSet::new();
        for reply in replies {
            let is_new = keys.insert((reply.owner, reply.key.as_str()));
            if !is_new || replies::find(self.db, reply.owner, &reply.key, self.replies_from)?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_newest(&self, unit: &PreparedUnit) -> Result<bool, Fault> {
        let Some(change) = &unit.change else { return Ok(true) };
        let mut statement = self.db.prepare_cached("SELECT version FROM escrows WHERE id = ?1")?;
        let stored: Option<i64> = statement.query_row([change.id.raw().to_bytes()], |row| row.get(0)).optional()?;
        Ok(stored == change.base)
    }

    /// What a change does to its owner's totals; `None` when one would leave the range of 64 bits.
    fn book(&self, change: &PreparedChange) -> Result<Option<Booking>, Fault> {
        let mut booking = Booking::default();
        for TransferRow { transfer, .. } in &change.transfers {
            let (from, to) = transfer.purpose.accounts();
            let (minor, currency) = (transfer.amount.minor(), transfer.amount.currency());
            let from_after = self.add(&mut booking, (change.owner, from, currency), -minor)?;
            let to_after = self.add(&mut booking, (change.owner, to, currency), minor)?;
            let (Some(from_after), Some(to_after)) = (from_after, to_after) else { return Ok(None) };
            booking.lines.push((from_after, to_after));
        }
        Ok(Some(booking))
    }

    fn add(&self, booking: &mut Booking, key: TotalKey, minor: i64) -> Result<Option<i64>, Fault> {
        let before = match booking.totals.get(&key).or_else(|| self.totals.get(&key)) {
            Some(total) => *total,
            None => self.stored_total(key)?,
        };
        let after = before.checked_add(minor);
        if let Some(after) = after {
            booking.totals.insert(key, after);
        }
        Ok(after)
    }

    fn stored_total(&self, (owner, account, currency): TotalKey) -> Result<i64, Fault> {
        let sql = "SELECT minor FROM balances WHERE owner = ?1 AND account = ?2 AND currency = ?3";
        let mut statement = self.db.prepare_cached(sql)?;
        let key = params![owner, account.to_string(), currency.code()];
        Ok(statement.query_row(key, |row| row.get(0)).optional()?.unwrap_or(0))
    }

    fn apply(&mut self, change: &PreparedChange, booking: Booking) -> Result<(), Fault> {
        let id = change.id.raw().to_bytes();
        self.write_escrow(id, change)?;
        metadata::insert(self.db, id, change.owner, &change.metadata)?;
        change.parts.iter().try_for_each(|part| self.write_part(id, change.owner, part))?;
        for (row, line) in change.transfers.iter().zip(&booking.lines) {
            self.write_transfer(id, change.owner, row, *line)?;
        }
        change.events.iter().try_for_each(|event| self.write_event(id, change.owner, event))?;
        for effect in &change.effects {
            match *effect {
                Effect::Schedule(duty, due) => jobs::schedule(self.db, id, change.owner, duty, due)?,
                Effect::Drop(duty) => jobs::forget(self.db, id, duty)?,
            }
        }
        change.claims.iter().try_for_each(|hash| claims::insert(self.db, id, change.owner, *hash))?;
        self.totals.extend(booking.totals);
        Ok(())
    }

    fn write_escrow(&self, id: IdBytes, change: &PreparedChange) -> Result<(), Fault> {
        if change.base.is_some() {
            let sql = "UPDATE escrows SET version = ?2, body = ?3 WHERE id = ?1";
            self.db.prepare_cached(sql)?.execute(params![id, change.version, change.head])?;
            if change.has_new_status {
                let sql = "UPDATE escrows SET status = ?2 WHERE id = ?1";
                self.db.prepare_cached(sql)?.execute(params![id, change.status])?;
            }
            return Ok(());
        }
        let sql = "INSERT INTO escrows (id, owner, version, status, payment_type, currency, created, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        self.db.prepare_cached(sql)?.execute(params![
            id,
            change.owner,
            change.version,
            change.status,
            change.payment_type,
            change.currency,
            change.created,
            change.head
        ])?;
        Ok(())
    }

    fn write_part(&self, escrow: IdBytes, owner: OwnerBytes, part: &Part) -> Result<(), Fault> {
        let kind = part.kind as i64;
        match &part.change {
            PartChange::Added { place, body, waits } => {
                let owner = part.kind.is_listed().then_some(owner);
                let sql = "INSERT INTO parts (escrow, kind, id, place, owner, body, waits)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                self.db.prepare_cached(sql)?.execute(params![escrow, kind, part.id, place, owner, body, waits])?;
            }
            PartChange::Changed { body, waits } => {
                let sql = "UPDATE parts SET body = ?4, waits = ?5 WHERE escrow = ?1 AND kind = ?2 AND id = ?3";
                self.db.prepare_cached(sql)?.execute(params![escrow, kind, part.id, body, waits])?;
            }
            PartChange::Removed => {
                let sql = "DELETE FROM parts WHERE escrow = ?1 AND kind = ?2 AND id = ?3";
                self.db.prepare_cached(sql)?.execute(params![escrow, kind, part.id])?;
            }
        }
        Ok(())
    }

    fn write_transfer(
        &self,
        intent: IdBytes,
        owner: OwnerBytes,
        row: &TransferRow,
        (from_after, to_after): (i64, i64),
    ) -> Result<(), Fault> {
        let transfer = &row.transfer;
        let (subject, method) = codec::purpose_columns(transfer.purpose);
        let sql = "INSERT INTO transfers
            (owner, id, intent, created, kind, subject, method, minor, currency, from_after, to_after)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        self.db.prepare_cached(sql)?.execute(params![
            owner,
            transfer.id.raw().to_bytes(),
            intent,
            row.created.ms(),
            transfer.purpose.kind().name(),
            subject,
            method,
            transfer.amount.minor(),
            transfer.amount.currency().code(),
            from_after,
            to_after
        ])?;
        Ok(())
    }

    fn write_event(&mut self, subject: IdBytes, owner: OwnerBytes, event: &EventRow) -> Result<(), Fault> {
        let position = self.position(owner)?.saturating_add(1);
        let sql = "INSERT INTO events (owner, position, subject, sequence, id, created, hash, body, type)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.db.prepare_cached(sql)?.execute(params![
            owner,
            position,
            subject,
            codec::integer(event.sequence)?,
            event.id.raw().to_bytes(),
            event.created.ms(),
            event.hash.bytes(),
            event.body,
            event.kind.name()
        ])?;
        self.positions.insert(owner, position);
        Ok(())
    }

    /// The place of an owner's last event.
    fn position(&self, owner: OwnerBytes) -> Result<i64, Fault> {
        self.positions.get(&owner).map_or_else(|| self.stored_position(owner), |position| Ok(*position))
    }

    fn stored_position(&self, owner: OwnerBytes) -> Result<i64, Fault> {
        let mut statement = self.db.prepare_cached("SELECT last FROM streams WHERE owner = ?1")?;
        Ok(statement.query_row([owner], |row| row.get(0)).optional()?.unwrap_or(0))
    }

    /// A reply that was made after the clock stepped back counts as just made: it must not be forgotten before it was known.
    fn remember(&mut self, reply: &Reply) -> Result<(), Fault> {
        let created = Timestamp::from_ms(reply.created.ms().max(self.replies_from));
        let day = codec::day(created);
        if self.days.insert(day) {
            replies::add_day(self.db, day)?;
        }
        replies::insert(self.db, reply, created)
    }

    /// Writes what was gathered, in the order of the keys.
    fn finish(&self) -> Result<(), Fault> {
        for ((owner, account, currency), minor) in &self.totals {
            let sql = "INSERT INTO balances (owner, account, currency, minor) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (owner, account, currency) DO UPDATE SET minor = excluded.minor";
            let row = params![owner, account.to_string(), currency.code(), minor];
            self.db.prepare_cached(sql)?.execute(row)?;
        }
        for (owner, last) in &self.positions {
            let sql = "INSERT INTO streams (owner, last) VALUES (?1, ?2)
                ON CONFLICT (owner) DO UPDATE SET last = excluded.last";
            self.db.prepare_cached(sql)?.execute(params![owner, last])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use escrow::{Hash, MerchantId, Mode, Owner, RawId, Timestamp};

    use super::super::open;
    use super::*;
    use crate::StoreError;

    fn remembering(key: &str) -> PreparedUnit {
        let owner = Owner { merchant: MerchantId::new(RawId::from_bits(1)), mode: Mode::Live };
        let (key, body, created) = (key.to_owned(), vec![0; 100_000], Timestamp::from_ms(1));
        let reply = Reply { owner, key, fingerprint: Hash::ZERO, status: 200, body, created };
        PreparedUnit {
            change: None,
            replies: vec![reply],
            leases: Vec::new(),
            clock: None,
            journals: Vec::new(),
            deliveries: Vec::new(),
        }
    }

    #[test]
    fn a_full_disk_stores_nothing_and_is_got_over_once_there_is_room() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut db = open::writer(dir.path()).expect("a database");
        let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("a number");
        let mut limit_to = |pages: i64| {
            db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).expect("a limit");
            commit(&mut db, &Leases::default(), &[remembering("one"), remembering("two")]).map_err(StoreError::from)
        };
        let full = limit_to(pages + 30).expect_err("no room for two");
        assert_eq!(full.to_string(), "the store is unavailable: the disk is full");
        assert_eq!(limit_to(pages + 1000).expect("room"), [Outcome::Committed, Outcome::Committed]);
    }
}
