//! Duties written down, leased to whoever carries them out.

use escrow::{Duty, IntentId, RawId, Span, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::counters::{self, Counter};
use super::error::Fault;
use super::page::{Readings, collect};
use super::read;
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::split::Pieces;
use crate::{Job, JobState, Lease, Waiting};

/// The token of a job that nobody has a lease of.
const NO_LEASE: i64 = 0;

/// Writes a duty down afresh: not claimed yet, so that any earlier lease of it is void. It falls due by its owner's clock; when that
/// is in real time is only known here, since the clock may have moved after the duty was decided.
pub(super) fn schedule(
    db: &Connection,
    intent: IdBytes,
    owner: OwnerBytes,
    duty: Duty,
    due: Timestamp,
) -> Result<(), Fault> {
    let (kind, subject) = codec::duty_columns(duty);
    let sql = "INSERT OR REPLACE INTO jobs (intent, duty, subject, owner, due, run_at, token, attempts)
        VALUES (?1, ?2, ?3, ?4, ?5, ?5 - coalesce((SELECT ahead_ms FROM clocks WHERE owner = ?4), 0), ?6, 0)";
    db.prepare_cached(sql)?.execute(params![intent, kind, subject, owner, due.ms(), NO_LEASE])?;
    Ok(())
}

/// Strikes a duty off.
pub(super) fn forget(db: &Connection, intent: IdBytes, duty: Duty) -> Result<(), Fault> {
    let (kind, subject) = codec::duty_columns(duty);
    let sql = "DELETE FROM jobs WHERE intent = ?1 AND duty = ?2 AND subject = ?3";
    db.prepare_cached(sql)?.execute(params![intent, kind, subject])?;
    Ok(())
}

/// Whether every one of these leases still is the newest of its job.
pub(super) fn are_held(db: &Connection, leases: &[Lease]) -> Result<bool, Fault> {
    let sql = "SELECT token FROM jobs WHERE intent = ?1 AND duty = ?2 AND subject = ?3";
    for lease in leases {
        let (kind, subject) = codec::duty_columns(lease.duty);
        let key = params![lease.intent.raw().to_bytes(), kind, subject];
        let token: Option<i64> = db.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?;
        if token != Some(codec::integer(lease.token)?) || token == Some(NO_LEASE) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Leases up to `limit` jobs that can be claimed at `now`, until `until`.
pub(super) fn claim(db: &mut Connection, now: Timestamp, until: Timestamp, limit: usize) -> Result<Vec<Job>, Fault> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut due = claimable(&transaction, now, limit)?;
    if due.is_empty() {
        return Ok(due);
    }
    // Tokens are counted over all jobs, so that a lease of a job that was dropped never fits one that is scheduled later.
    let mut token = counters::get(&transaction, Counter::LeaseToken)?.unwrap_or(NO_LEASE);
    for job in &mut due {
        token = token.saturating_add(1);
        job.lease.token = codec::count(token)?;
        let (kind, subject) = codec::duty_columns(job.lease.duty);
        let sql = "UPDATE jobs SET run_at = ?4, token = ?5, attempts = attempts + 1
            WHERE intent = ?1 AND duty = ?2 AND subject = ?3";
        let row = params![job.lease.intent.raw().to_bytes(), kind, subject, until.ms(), token];
        transaction.prepare_cached(sql)?.execute(row)?;
    }
    counters::set(&transaction, Counter::LeaseToken, token)?;
    transaction.commit()?;
    Ok(due)
}

fn claimable(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Job>, Fault> {
    let sql = "SELECT intent, duty, subject, owner, due, attempts FROM jobs
        WHERE run_at <= ?1 ORDER BY run_at, intent, duty, subject LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(statement.query([now.ms(), limit])?, |row| {
        let subject: Vec<u8> = row.get(2)?;
        let duty = codec::duty(row.get(1)?, &subject)?;
        Ok(Job {
            lease: Lease { intent: IntentId::new(RawId::from_bytes(row.get(0)?)), duty, token: 0 },
            owner: codec::owner(row.get(3)?)?,
            due: Timestamp::from_ms(row.get(4)?),
            attempts: row.get(5)?,
        })
    })
}

/// Gives a leased job back, to be claimed again at `at`.
pub(super) fn postpone(db: &Connection, lease: Lease, at: Timestamp) -> Result<(), Fault> {
    let (kind, subject) = codec::duty_columns(lease.duty);
    let token = codec::integer(lease.token)?;
    let sql = "UPDATE jobs SET run_at = ?5, token = ?6
        WHERE intent = ?1 AND duty = ?2 AND subject = ?3 AND token = ?4 AND token <> ?6";
    let intent = lease.intent.raw().to_bytes();
    db.prepare_cached(sql)?.execute(params![intent, kind, subject, token, at.ms(), NO_LEASE])?;
    Ok(())
}

/// Gives a leased job back, to be claimed again when it falls due by its owner's clock.
pub(super) fn give_back(db: &Connection, lease: Lease) -> Result<(), Fault> {
    let (kind, subject) = codec::duty_columns(lease.duty);
    let sql =
        "UPDATE jobs SET run_at = due - coalesce((SELECT ahead_ms FROM clocks WHERE owner = jobs.owner), 0), token = ?5
        WHERE intent = ?1 AND duty = ?2 AND subject = ?3 AND token = ?4 AND token <> ?5";
    let key = params![lease.intent.raw().to_bytes(), kind, subject, codec::integer(lease.token)?, NO_LEASE];
    db.prepare_cached(sql)?.execute(key)?;
    Ok(())
}

/// Writes down what escrows of an older version owe by the rules of this one, and nobody has seen to. What cannot be read is left to
/// `verify`.
pub(super) fn catch_up(db: &Connection) -> Result<(), Fault> {
    let mut statement = db.prepare("SELECT id FROM escrows")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id: IdBytes = row.get(0)?;
        let Some(Ok(stored)) = read::escrow(db, id)?.map(Pieces::assemble) else { continue };
        let known: Vec<Duty> = of_intent(db, id)?.into_iter().flatten().map(|(duty, _)| duty).collect();
        let escrow = stored.escrow;
        for (duty, due) in escrow.duties().into_iter().filter(|(duty, _)| !known.contains(duty)) {
            schedule(db, id, codec::owner_bytes(escrow.owner), duty, due)?;
        }
    }
    Ok(())
}

/// Ends every lease: nobody can hold one in a store that was just opened, and whoever did has crashed with the work undone.
pub(super) fn release_all(db: &Connection) -> rusqlite::Result<()> {
    // The condition is that of the index, spelled as there.
    let sql = "UPDATE jobs INDEXED BY jobs_leased
        SET run_at = due - coalesce((SELECT ahead_ms FROM clocks WHERE owner = jobs.owner), 0), token = ?1
        WHERE token <> 0";
    db.execute(sql, [NO_LEASE]).map(drop)
}

/// Lets the jobs of a sandbox be claimed so much earlier. A lease ends in real time, and stays as it is.
pub(super) fn advance(db: &Connection, owner: OwnerBytes, by: Span) -> Result<(), Fault> {
    // The second term is that of the index.
    let sql = "UPDATE jobs SET run_at = run_at - ?2 WHERE owner = ?1 AND substr(owner, 17) = x'00' AND token = ?3";
    db.prepare_cached(sql)?.execute(params![owner, by.ms(), NO_LEASE])?;
    Ok(())
}

/// Up to `limit` jobs of a sandbox that are leased or can be claimed by `until`: first those that are leased, then the earliest.
pub(super) fn of_sandbox(
    db: &Connection,
    owner: OwnerBytes,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Waiting>, Fault> {
    let sql = "SELECT intent, duty, subject, due, run_at, token FROM jobs
        WHERE owner = ?1 AND substr(owner, 17) = x'00' AND (token <> ?3 OR run_at <= ?2)
        ORDER BY token = ?3, run_at, intent, duty, subject LIMIT ?4";
    let mut statement = db.prepare_cached(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    collect(statement.query(params![owner, until.ms(), NO_LEASE, limit])?, |row| {
        let subject: Vec<u8> = row.get(2)?;
        let token: i64 = row.get(5)?;
        let run_at = Timestamp::from_ms(row.get(4)?);
        Ok(Waiting {
            intent: IntentId::new(RawId::from_bytes(row.get(0)?)),
            duty: codec::duty(row.get(1)?, &subject)?,
            due: Timestamp::from_ms(row.get(3)?),
            run_at: (token == NO_LEASE).then_some(run_at),
        })
    })
}

/// Jobs of everybody in the order in which they can be claimed.
pub(super) fn all(db: &Connection, offset: u64, limit: usize) -> Result<Vec<JobState>, Fault> {
    let sql = "SELECT intent, duty, subject, owner, due, run_at, token, attempts FROM jobs
        ORDER BY run_at, intent, duty, subject LIMIT ?1 OFFSET ?2";
    let mut statement = db.prepare_cached(sql)?;
    let window = [i64::try_from(limit).unwrap_or(i64::MAX), i64::try_from(offset).unwrap_or(i64::MAX)];
    collect(statement.query(window)?, |row| {
        let subject: Vec<u8> = row.get(2)?;
        Ok(JobState {
            intent: IntentId::new(RawId::from_bytes(row.get(0)?)),
            duty: codec::duty(row.get(1)?, &subject)?,
            owner: codec::owner(row.get(3)?)?,
            due: Timestamp::from_ms(row.get(4)?),
            run_at: Timestamp::from_ms(row.get(5)?),
            is_leased: row.get::<_, i64>(6)? != NO_LEASE,
            attempts: row.get(7)?,
        })
    })
}

/// When the next job can be claimed.
pub(super) fn next(db: &Connection) -> Result<Option<Timestamp>, Fault> {
    let mut statement = db.prepare_cached("SELECT min(run_at) FROM jobs")?;
    let next: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(next.map(Timestamp::from_ms))
}

/// The jobs of an escrow with when they fall due, in the order of the duties.
pub(super) fn of_intent(db: &Connection, intent: IdBytes) -> Result<Readings<(Duty, Timestamp)>, Fault> {
    let sql = "SELECT duty, subject, due FROM jobs WHERE intent = ?1 ORDER BY duty, subject";
    let mut statement = db.prepare_cached(sql)?;
    let read = |row: &Row<'_>| {
        let subject: Vec<u8> = row.get(1)?;
        Ok((codec::duty(row.get(0)?, &subject)?, Timestamp::from_ms(row.get(2)?)))
    };
    collect(statement.query([intent])?, |row| Ok(read(row)))
}
