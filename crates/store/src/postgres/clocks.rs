//! Who moves the clocks of sandboxes.

use escrow::{MerchantId, RawId};
use tokio_postgres::Row;

use super::commit::DATABASE_NOW_MS;
use super::error::Fault;
use super::seen::bytes;
use super::session::{Kind, Sessions};
use super::settings::Times;
use super::statement::Statement;
use crate::ClockClaim;
use crate::rows::codec;

/// The newest lease of a clock, and what time it is for whoever claims it.
struct Newest {
    holder: Option<RawId>,
    token: u64,
    held_until_ms: i64,
    now_ms: i64,
}

/// Leases a clock to whoever moves it, unless somebody else holds it: in the time of the database, where that counts.
pub(super) async fn claim(sessions: &Sessions, times: Times, claim: ClockClaim) -> Result<Option<u64>, Fault> {
    let ClockClaim { merchant, by, now, until } = claim;
    let owner = super::sandbox(merchant);
    let now_ms = match times {
        Times::Database => DATABASE_NOW_MS,
        Times::Given => "$2",
    };
    let first = "INSERT INTO clock_leases (owner, token, held_until) VALUES ($1, 0, 0) ON CONFLICT (owner) DO NOTHING";
    let look = format!("SELECT holder, token, held_until, {now_ms} FROM clock_leases WHERE owner = $1 FOR UPDATE");
    let statements = [
        Statement::new(first).bytes(owner),
        Statement::new(look).bytes(owner).integer(now.ms()),
        Statement::new("SELECT nextval('lease_tokens')"),
    ];
    let mut session = sessions.begin(Kind::Write).await?;
    let rows = session.run(&statements).await?;
    let [_, looked, drawn] = <[Vec<Row>; 3]>::try_from(rows).unwrap_or_default();
    let missing = || Fault::Damaged("a lease that was written is not there".to_owned());
    let newest = newest(looked.first().ok_or_else(missing)?)?;
    let is_theirs = newest.holder == Some(by);
    if !is_theirs && newest.holder.is_some() && newest.held_until_ms > newest.now_ms {
        session.roll_back().await;
        return Ok(None);
    }
    let drawn: i64 = drawn.first().ok_or_else(missing)?.try_get(0)?;
    let token = if is_theirs { newest.token } else { codec::count(drawn)? };
    let until_ms = newest.now_ms.saturating_add(until.ms().saturating_sub(now.ms()));
    let lease = "UPDATE clock_leases SET holder = $2, token = $3, held_until = $4 WHERE owner = $1";
    let lease =
        Statement::new(lease).bytes(owner).bytes(by.to_bytes()).integer(codec::integer(token)?).integer(until_ms);
    session.finish(&[lease]).await?;
    Ok(Some(token))
}

fn newest(row: &Row) -> Result<Newest, Fault> {
    let holder: Option<&[u8]> = row.try_get(0)?;
    let holder = holder.map(|_| bytes(row, 0).map(RawId::from_bytes)).transpose()?;
    let token = codec::count(row.try_get(1)?)?;
    Ok(Newest { holder, token, held_until_ms: row.try_get(2)?, now_ms: row.try_get(3)? })
}

/// Gives a clock back, if somebody holds it.
pub(super) async fn release(sessions: &Sessions, merchant: MerchantId, by: RawId) -> Result<(), Fault> {
    let sql = "UPDATE clock_leases SET holder = NULL WHERE owner = $1 AND holder = $2";
    let release = Statement::new(sql).bytes(super::sandbox(merchant)).bytes(by.to_bytes());
    sessions.run(Kind::Write, vec![release]).await.map(drop)
}
