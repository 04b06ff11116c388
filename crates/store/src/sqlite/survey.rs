//! What whoever watches over the gateway wants to know at a glance.

use escrow::{Account, Currency, Mode, Timestamp};
use rusqlite::{Connection, Row};

use super::error::Fault;
use super::page::collect;
use crate::rows::codec;
use crate::{Backlog, Survey, Total};

pub(super) fn survey(db: &Connection, now: Timestamp) -> Result<Survey, Fault> {
    Ok(Survey { backlog: backlog(db, now)?, totals: totals(db)? })
}

/// Counts jobs along an index that has all it takes. Where there is one `min`, SQLite takes the other columns from its row.
fn backlog(db: &Connection, now: Timestamp) -> Result<Vec<Backlog>, Fault> {
    let sql = "SELECT duty, subject, count(*), sum(run_at <= ?1), min(run_at) FROM jobs INDEXED BY jobs_by_time GROUP BY duty";
    let mut statement = db.prepare_cached(sql)?;
    let mut backlog = collect(statement.query([now.ms()])?, |row| {
        let subject: Vec<u8> = row.get(1)?;
        Ok(Backlog {
            duty: codec::duty(row.get(0)?, &subject)?.name(),
            waiting: codec::count(row.get(2)?)?,
            due: codec::count(row.get(3)?)?,
            first: Timestamp::from_ms(row.get(4)?),
        })
    })?;
    backlog.sort_unstable();
    Ok(backlog)
}

/// Sums over all owners. One sum could leave the range of 64 bits, two of halves do not.
fn totals(db: &Connection) -> Result<Vec<Total>, Fault> {
    let sql = "SELECT owner, account, currency, sum(minor >> 32), sum(minor & 0xffffffff) FROM balances
        GROUP BY substr(owner, 17), account, currency";
    let mut statement = db.prepare_cached(sql)?;
    let mut totals = collect(statement.query([])?, total)?;
    totals.sort_unstable();
    Ok(totals)
}

fn total(row: &Row<'_>) -> Result<Total, Fault> {
    let (account, currency): (String, String) = (row.get(1)?, row.get(2)?);
    let (account, currency): (Account, Currency) = (codec::parsed(&account)?, codec::currency(&currency)?);
    let (high, low): (i64, i64) = (row.get(3)?, row.get(4)?);
    let mode: Mode = codec::owner(row.get(0)?)?.mode;
    Ok(Total { mode, account, currency, minor: (i128::from(high) << 32) + i128::from(low) })
}
