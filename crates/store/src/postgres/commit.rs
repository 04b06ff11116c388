//! The commit: one transaction for many units, in two round trips.
//!
//! The first one locks and reads everything that the units touch, always in the same order: idempotency keys are looked up, then
//! escrows, endpoints, streams and leases are locked, each in the order of their keys, and what a stream's lock keeps still is read.
//! Then it is known which units fit. The second one writes what they come to, a statement a table, and commits. What is inserted by two
//! gateways at once, an idempotency key above all, is refused to the later one, who begins anew and then sees it.

use escrow::Timestamp;

use super::error::Fault;
use super::seen::{Seen, Touched};
use super::session::{Kind, Session, Sessions};
use super::statement::Statement;
use super::writes::Writes;
use crate::Outcome;
use crate::rows::prepare::PreparedUnit;

/// How often a batch is begun anew that others got in the way of, or whose connection was lost.
const MOST_TRIES: u32 = 8;

/// How long to wait before each look for a commit whose reply was lost, in milliseconds.
const LOOKS_AFTER_MS: [u64; 8] = [0, 50, 200, 500, 1000, 2000, 3000, 3000];

/// How long commits are kept to be looked up, in milliseconds. It is far more than all the looks take.
const KEPT_MS: i64 = 6 * 3600 * 1000;

/// How many commits are forgotten in one go.
const FORGOTTEN_AT_ONCE: i64 = 5000;

/// The database's time, in milliseconds since the Unix epoch.
pub(super) const DATABASE_NOW_MS: &str = "CAST(extract(epoch FROM now()) * 1000 AS BIGINT)";

/// Commits units in this order; one that does not fit drops out alone.
pub(super) async fn commit(sessions: &Sessions, units: &[PreparedUnit]) -> Result<Vec<Outcome>, Fault> {
    let touched = Touched::by(units)?;
    let mut tries = 1;
    loop {
        match attempt(sessions, units, &touched).await {
            Err(fault) if tries < MOST_TRIES && (fault.is_conflict() || fault.is_of_connection()) => {
                tracing::info!(error = fault.details(), tries, "a commit is begun anew");
                tries += 1;
            }
            other => return other,
        }
    }
}

/// Commits units, or says why not. After any error but [`Fault::InDoubt`], nothing of any unit is stored, and never will be.
async fn attempt(sessions: &Sessions, units: &[PreparedUnit], touched: &Touched) -> Result<Vec<Outcome>, Fault> {
    let mut session = sessions.begin(Kind::Write).await?;
    let (id, mut seen) = look(&mut session, touched).await?;
    let mut writes = Writes::default();
    let outcomes = units.iter().map(|unit| seen.take(unit, &mut writes)).collect::<Result<Vec<Outcome>, Fault>>()?;
    if writes.is_empty() {
        session.roll_back().await;
        return Ok(outcomes);
    }
    seen.give_back_places(touched, &mut writes);
    let mut statements = vec![note(id)];
    statements.extend(writes.into_statements());
    match session.finish(&statements).await {
        Ok(_) => Ok(outcomes),
        Err(fault) if fault.is_refusal() => Err(fault),
        Err(fault) => {
            tracing::warn!(error = fault.details(), "the reply to a commit was lost; looking it up");
            if was_committed(sessions, id).await? { Ok(outcomes) } else { Err(fault) }
        }
    }
}

/// Locks and reads what the units touch, and draws an id for the commit.
async fn look(session: &mut Session, touched: &Touched) -> Result<(i64, Seen), Fault> {
    let mut statements = vec![Statement::new("SELECT nextval('commit_ids')")];
    let looks = touched.looks();
    let (into, looks): (Vec<_>, Vec<Statement>) = looks.into_iter().unzip();
    statements.extend(looks);
    let mut rows = session.run(&statements).await?.into_iter();
    let id = rows.next().unwrap_or_default().first().map_or(Ok(0), |row| row.try_get(0))?;
    let mut seen = Seen::default();
    for (read, rows) in into.into_iter().zip(rows) {
        rows.iter().try_for_each(|row| read(&mut seen, row))?;
    }
    seen.take_back_places(touched);
    Ok((id, seen))
}

fn note(id: i64) -> Statement {
    let sql = format!("INSERT INTO commits (id, is_void, made) VALUES ($1, FALSE, {DATABASE_NOW_MS})");
    Statement::new(sql).integer(id)
}

/// Whether a commit happened. Where it has not, it is made void, so that it never can: the server may still be about to do it.
async fn was_committed(sessions: &Sessions, id: i64) -> Result<bool, Fault> {
    for wait_ms in LOOKS_AFTER_MS {
        pause(wait_ms).await;
        // What is found is written again, so that this waits for whatever the commit should have waited for: a standby, too.
        let sql = format!(
            "INSERT INTO commits (id, is_void, made) VALUES ($1, TRUE, {DATABASE_NOW_MS})
            ON CONFLICT (id) DO UPDATE SET made = commits.made RETURNING is_void"
        );
        match sessions.run(Kind::Write, vec![Statement::new(sql).integer(id)]).await {
            Ok(rows) => {
                let row = rows.last().and_then(|rows| rows.first());
                let is_void: bool = row.map_or(Ok(true), |row| row.try_get(0))?;
                tracing::info!(is_committed = !is_void, "the commit was looked up");
                return Ok(!is_void);
            }
            Err(fault) => tracing::warn!(error = fault.details(), "a commit cannot be looked up"),
        }
    }
    Err(Fault::InDoubt)
}

/// Waits a while for the server to come back.
#[expect(
    clippy::disallowed_methods,
    reason = "what is waited for is another process, and no state depends on how long"
)]
async fn pause(ms: u64) {
    tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
}

/// Forgets some commits that nobody looks for any more.
pub(super) fn forget() -> Statement {
    let sql = format!(
        "DELETE FROM commits WHERE id IN
            (SELECT id FROM commits WHERE made < {DATABASE_NOW_MS} - $1 ORDER BY made LIMIT $2)"
    );
    Statement::new(sql).integer(KEPT_MS).integer(FORGOTTEN_AT_ONCE)
}

/// The time of a reply: one that was made after the clock stepped back counts as just made, so that it is not forgotten before it was
/// known.
pub(super) fn reply_time(created: Timestamp, kept_from: i64) -> i64 {
    created.ms().max(kept_from)
}
