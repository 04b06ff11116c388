//! Looks at what is to be done, and where everybody's money is.

use escrow::{Account, Currency, IntentId, MerchantId, RawId, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::seen::bytes;
use super::session::{Kind, Sessions};
use super::statement::Statement;
use crate::rows::codec::{self, OwnerBytes};
use crate::{Backlog, JobState, Survey, Total, Waiting};

/// Up to `limit` jobs of a sandbox that are leased or can be claimed by `until`: first those that are leased, then the earliest.
pub(super) async fn of_sandbox(
    sessions: &Sessions,
    merchant: MerchantId,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<Waiting>, Fault> {
    let sql =
        "SELECT intent, duty, subject, due, run_at, token FROM jobs WHERE owner = $1 AND (token <> 0 OR run_at <= $2)
        ORDER BY CASE WHEN token = 0 THEN 1 ELSE 0 END, run_at, intent, duty, subject LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = Statement::new(sql).bytes(super::sandbox(merchant)).integer(until.ms()).integer(limit);
    sessions.read(statement).await?.iter().map(waiting).collect()
}

fn waiting(row: &Row) -> Result<Waiting, Fault> {
    let (token, run_at): (i64, i64) = (row.try_get(5)?, row.try_get(4)?);
    Ok(Waiting {
        intent: IntentId::new(RawId::from_bytes(bytes(row, 0)?)),
        duty: codec::duty(row.try_get(1)?, row.try_get(2)?)?,
        due: Timestamp::from_ms(row.try_get(3)?),
        run_at: (token == 0).then_some(Timestamp::from_ms(run_at)),
    })
}

/// Jobs of everybody in the order in which they can be claimed.
pub(super) async fn all(sessions: &Sessions, offset: u64, limit: usize) -> Result<Vec<JobState>, Fault> {
    let sql = "SELECT intent, duty, subject, owner, due, run_at, token, attempts FROM jobs
        ORDER BY run_at, intent, duty, subject LIMIT $1 OFFSET $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let statement = Statement::new(sql).integer(limit).integer(i64::try_from(offset).unwrap_or(i64::MAX));
    sessions.read(statement).await?.iter().map(state).collect()
}

fn state(row: &Row) -> Result<JobState, Fault> {
    let (token, attempts): (i64, i64) = (row.try_get(6)?, row.try_get(7)?);
    Ok(JobState {
        intent: IntentId::new(RawId::from_bytes(bytes(row, 0)?)),
        duty: codec::duty(row.try_get(1)?, row.try_get(2)?)?,
        owner: codec::owner(bytes(row, 3)?)?,
        due: Timestamp::from_ms(row.try_get(4)?),
        run_at: Timestamp::from_ms(row.try_get(5)?),
        is_leased: token != 0,
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
    })
}

/// When the next job can be claimed.
pub(super) async fn next(sessions: &Sessions) -> Result<Option<Timestamp>, Fault> {
    let rows = sessions.read(Statement::new("SELECT min(run_at) FROM jobs")).await?;
    let next: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
    Ok(next.map(Timestamp::from_ms))
}

/// How much there is to do, and the sums of everybody's balances. One sum could leave the range of 64 bits, two of halves do not.
pub(super) async fn survey(sessions: &Sessions, now: Timestamp) -> Result<Survey, Fault> {
    let backlog = "SELECT duty, min(subject), count(*), count(CASE WHEN run_at <= $1 THEN 1 END), min(run_at)
        FROM (SELECT duty, encode(subject, 'hex') AS subject, run_at FROM jobs) AS j GROUP BY duty";
    let totals = "SELECT substring(owner, 17, 1), account, currency, CAST(sum(minor >> 32) AS BIGINT),
        CAST(sum(minor & 4294967295) AS BIGINT) FROM balances GROUP BY substring(owner, 17, 1), account, currency";
    let statements = vec![Statement::new(backlog).integer(now.ms()), Statement::new(totals)];
    let rows = sessions.run(Kind::Read, statements).await?;
    let [backlog, totals] = <[Vec<Row>; 2]>::try_from(rows).unwrap_or_default();
    let mut backlog = backlog.iter().map(waiting_of_kind).collect::<Result<Vec<Backlog>, Fault>>()?;
    let mut totals = totals.iter().map(total).collect::<Result<Vec<Total>, Fault>>()?;
    backlog.sort_unstable();
    totals.sort_unstable();
    Ok(Survey { backlog, totals })
}

fn waiting_of_kind(row: &Row) -> Result<Backlog, Fault> {
    let subject: &str = row.try_get(1)?;
    // Any subject of its kind will do to tell the name of the duty.
    let subject = vec![0; subject.len() / 2];
    Ok(Backlog {
        duty: codec::duty(row.try_get(0)?, &subject)?.name(),
        waiting: codec::count(row.try_get(2)?)?,
        due: codec::count(row.try_get(3)?)?,
        first: Timestamp::from_ms(row.try_get(4)?),
    })
}

fn total(row: &Row) -> Result<Total, Fault> {
    let [mode]: [u8; 1] = bytes(row, 0)?;
    let mut owner: OwnerBytes = [0; 17];
    owner[16] = mode;
    let (account, currency): (&str, &str) = (row.try_get(1)?, row.try_get(2)?);
    let (account, currency): (Account, Currency) = (codec::parsed(account)?, codec::currency(currency)?);
    let (high, low): (i64, i64) = (row.try_get(3)?, row.try_get(4)?);
    let minor = (i128::from(high) << 32) + i128::from(low);
    Ok(Total { mode: codec::owner(owner)?.mode, account, currency, minor })
}
