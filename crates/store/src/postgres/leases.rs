//! Duties that are leased to whoever carries them out, and what has run out.

use std::collections::HashMap;

use escrow::{IntentId, RawId, Timestamp};
use tokio_postgres::Row;

use super::commit::{self, DATABASE_NOW_MS};
use super::error::Fault;
use super::seen::bytes;
use super::session::{Kind, Session, Sessions};
use super::settings::Times;
use super::statement::Statement;
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::{Job, Lease, Tally};

/// How many forgotten replies are deleted in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1000;

/// Leases up to `limit` jobs that can be claimed at `now`, until `until`: in the time of the database, where that counts, so that
/// gateways whose clocks differ agree on who holds what.
pub(super) async fn claim(
    sessions: &Sessions,
    times: Times,
    (now, until): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Vec<Job>, Fault> {
    let mut session = sessions.begin(Kind::Write).await?;
    let now_ms = match times {
        Times::Database => DATABASE_NOW_MS,
        Times::Given => "$2",
    };
    // What another gateway is about to claim is not waited for.
    let sql = format!(
        "SELECT owner, intent, duty, subject, due, attempts, {now_ms} FROM jobs WHERE run_at <= {now_ms}
        ORDER BY run_at, intent, duty, subject LIMIT $1 FOR UPDATE SKIP LOCKED"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = session.query(Statement::new(sql).integer(limit).integer(now.ms())).await?;
    if rows.is_empty() {
        session.roll_back().await;
        return Ok(Vec::new());
    }
    let found = rows.iter().map(job).collect::<Result<Vec<(OwnerBytes, Job)>, Fault>>()?;
    let claimed_ms: i64 = rows.first().map_or(Ok(now.ms()), |row| row.try_get(6))?;
    let until_ms = claimed_ms.saturating_add(until.ms().saturating_sub(now.ms()));
    lease(session, found, until_ms).await
}

/// Tokens are drawn for all jobs alike, so that a lease of a job that was dropped never fits one that is scheduled later.
async fn lease(mut session: Session, mut found: Vec<(OwnerBytes, Job)>, until_ms: i64) -> Result<Vec<Job>, Fault> {
    let count = codec::integer(found.len() as u64)?;
    let sql = "SELECT nextval('lease_tokens') FROM generate_series(1, $1)";
    let mut tokens: Vec<i64> = Vec::with_capacity(found.len());
    for row in session.query(Statement::new(sql).integer(count)).await? {
        tokens.push(row.try_get(0)?);
    }
    tokens.sort_unstable();
    for ((_, job), token) in found.iter_mut().zip(&tokens) {
        job.lease.token = codec::count(*token)?;
    }
    let duties: Vec<(i64, Vec<u8>)> = found.iter().map(|(_, job)| codec::duty_columns(job.lease.duty)).collect();
    let sql = "UPDATE jobs j SET run_at = $6, token = w.token, attempts = j.attempts + 1
        FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BIGINT[], $4::BYTEA[], $5::BIGINT[])
            AS w (owner, intent, duty, subject, token)
        WHERE j.owner = w.owner AND j.intent = w.intent AND j.duty = w.duty AND j.subject = w.subject";
    let update = Statement::new(sql)
        .blobs(found.iter().map(|(owner, _)| owner))
        .blobs(found.iter().map(|(_, job)| job.lease.intent.raw().to_bytes()))
        .integers(duties.iter().map(|(duty, _)| *duty))
        .blobs(duties.iter().map(|(_, subject)| subject))
        .integers(tokens)
        .integer(until_ms);
    // Where the reply is lost, the leases run out by themselves.
    session.finish(&[update]).await?;
    Ok(found.into_iter().map(|(_, job)| job).collect())
}

fn job(row: &Row) -> Result<(OwnerBytes, Job), Fault> {
    let owner = bytes(row, 0)?;
    let (duty, subject, attempts): (i64, &[u8], i64) = (row.try_get(2)?, row.try_get(3)?, row.try_get(5)?);
    let duty = codec::duty(duty, subject)?;
    let job = Job {
        lease: Lease { intent: IntentId::new(RawId::from_bytes(bytes(row, 1)?)), duty, token: 0 },
        owner: codec::owner(owner)?,
        due: Timestamp::from_ms(row.try_get(4)?),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    };
    Ok((owner, job))
}

/// The condition on the job that a lease is of, which is held by it still: `$1` to `$4`.
const HELD: &str = "owner = (SELECT e.owner FROM escrows e WHERE e.id = $1)
    AND intent = $1 AND duty = $2 AND subject = $3 AND token = $4 AND token <> 0";

fn of_lease(sql: String, lease: Lease) -> Result<Statement, Fault> {
    let (duty, subject) = codec::duty_columns(lease.duty);
    let token = codec::integer(lease.token)?;
    Ok(Statement::new(sql).bytes(lease.intent.raw().to_bytes()).integer(duty).bytes(subject).integer(token))
}

/// Gives a leased job back, to be claimed again at `at`.
pub(super) async fn postpone(sessions: &Sessions, lease: Lease, at: Timestamp) -> Result<(), Fault> {
    let sql = format!("UPDATE jobs SET run_at = $5, token = 0 WHERE {HELD}");
    sessions.run(Kind::Write, vec![of_lease(sql, lease)?.integer(at.ms())]).await.map(drop)
}

/// Gives a leased job back, to be claimed again when it falls due by its owner's clock, which must not move meanwhile.
pub(super) async fn give_back(sessions: &Sessions, lease: Lease) -> Result<(), Fault> {
    let lock = "SELECT s.last FROM escrows e JOIN streams s ON s.owner = e.owner WHERE e.id = $1 FOR UPDATE OF s";
    let lock = Statement::new(lock).bytes(lease.intent.raw().to_bytes());
    let sql = format!(
        "UPDATE jobs SET run_at = due - coalesce((SELECT c.ahead_ms FROM clocks c WHERE c.owner = jobs.owner), 0), token = 0
        WHERE {HELD}"
    );
    sessions.run(Kind::Write, vec![lock, of_lease(sql, lease)?]).await.map(drop)
}

/// From now on, replies created before this time are as good as gone. Some of them are deleted, and some of the commits that nobody
/// looks for any more; `true` when there may be more.
pub(super) async fn forget_replies(sessions: &Sessions, before: Timestamp) -> Result<bool, Fault> {
    let kept_from = "INSERT INTO counters (name, value) VALUES ('replies_from', $1)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE counters.value < excluded.value";
    let delete = "WITH gone AS (
            SELECT owner, key FROM replies WHERE created < (SELECT c.value FROM counters c WHERE c.name = 'replies_from')
            ORDER BY created LIMIT $1 FOR UPDATE SKIP LOCKED)
        DELETE FROM replies r USING gone g WHERE r.owner = g.owner AND r.key = g.key RETURNING 1";
    let statements = vec![
        Statement::new(kept_from).integer(before.ms()),
        Statement::new(delete).integer(FORGOTTEN_AT_ONCE),
        commit::forget(),
    ];
    let rows = sessions.run(Kind::Write, statements).await?;
    let deleted = rows.get(1).map_or(0, Vec::len);
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == FORGOTTEN_AT_ONCE))
}

/// Adds to what all gateways have counted, and gives what each has come to.
pub(super) async fn tally(sessions: &Sessions, tallies: &[Tally], forgotten: Timestamp) -> Result<Vec<u64>, Fault> {
    let add = "INSERT INTO tallies (key, window_kind, since, total)
        SELECT * FROM unnest($1::BYTEA[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[]) ORDER BY 1, 2, 3
        ON CONFLICT (key, window_kind, since) DO UPDATE SET total = tallies.total + excluded.total
        RETURNING key, window_kind, since, total";
    let add = Statement::new(add)
        .blobs(tallies.iter().map(|tally| tally.key.raw().to_bytes()))
        .integers(tallies.iter().map(|tally| i64::from(tally.window)))
        .integers(tallies.iter().map(|tally| tally.since.ms()))
        .integers(tallies.iter().map(|tally| i64::from(tally.count)));
    let forget = Statement::new("DELETE FROM tallies WHERE since < $1").integer(forgotten.ms());
    let rows = sessions.run(Kind::Write, vec![add, forget]).await?;
    let mut totals = HashMap::new();
    for row in rows.first().into_iter().flatten() {
        let (key, window, since): (IdBytes, i64, i64) = (bytes(row, 0)?, row.try_get(1)?, row.try_get(2)?);
        totals.insert((key, window, since), codec::count(row.try_get(3)?)?);
    }
    let total = |tally: &Tally| {
        let name = (tally.key.raw().to_bytes(), i64::from(tally.window), tally.since.ms());
        totals.get(&name).copied().unwrap_or_default()
    };
    Ok(tallies.iter().map(total).collect())
}

/// Writes, and reads what was written.
pub(super) async fn ping(sessions: &Sessions) -> Result<(), Fault> {
    let sql = "INSERT INTO counters (name, value) VALUES ('pings', 1)
        ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
    sessions.run(Kind::Write, vec![Statement::new(sql)]).await.map(drop)
}

/// Whether the fingerprint of a gateway's secret is noted.
pub(super) async fn has_secret(sessions: &Sessions) -> Result<bool, Fault> {
    Ok(!sessions.read(Statement::new("SELECT 1 FROM secrets WHERE name = 'gateway'")).await?.is_empty())
}

/// Notes a fingerprint of the gateway's secret where there is none, and says whether it is the one that is noted.
pub(super) async fn knows_secret(sessions: &Sessions, fingerprint: [u8; 32]) -> Result<bool, Fault> {
    let note = "INSERT INTO secrets (name, fingerprint) VALUES ('gateway', $1) ON CONFLICT (name) DO NOTHING";
    let look = "SELECT fingerprint FROM secrets WHERE name = 'gateway'";
    let statements = vec![Statement::new(note).bytes(fingerprint), Statement::new(look)];
    let rows = sessions.run(Kind::Write, statements).await?;
    let known: [u8; 32] = rows.last().and_then(|rows| rows.first()).map_or(Ok([0; 32]), |row| bytes(row, 0))?;
    Ok(known == fingerprint)
}
