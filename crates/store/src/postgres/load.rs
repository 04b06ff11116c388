//! What the engine needs for a batch: one snapshot, one round trip.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use escrow::{Chain, Hash, Owner, RawId, Span, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::seen::bytes;
use super::session::{Kind, Sessions};
use super::statement::Statement;
use crate::rows::codec::{self, IdBytes, OwnerBytes};
use crate::rows::split::Pieces;
use crate::{Journal, Loaded, Reply, Versioned, Wanted};

/// The heads of escrows by their ids.
pub(super) fn heads(ids: impl IntoIterator<Item = IdBytes>) -> Statement {
    Statement::new("SELECT id, owner, version, created, body FROM escrows WHERE id = ANY ($1)").blobs(ids)
}

/// The parts of escrows by their ids, those of one escrow by kind and place.
pub(super) fn parts(ids: impl IntoIterator<Item = IdBytes>) -> Statement {
    let sql = "SELECT p.escrow, p.kind, p.body FROM escrows e JOIN parts p ON p.owner = e.owner AND p.escrow = e.id
        WHERE e.id = ANY ($1) ORDER BY p.escrow, p.kind, p.place";
    Statement::new(sql).blobs(ids)
}

/// The escrows of these heads and parts, by their ids.
pub(super) fn pieces(heads: &[Row], parts: &[Row]) -> Result<HashMap<IdBytes, Pieces>, Fault> {
    let mut found = HashMap::with_capacity(heads.len());
    for row in heads {
        let (id, owner, parts) = (bytes(row, 0)?, bytes(row, 1)?, Vec::new());
        let (version, created, head) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        found.insert(id, Pieces { id, owner, version, created, head, parts });
    }
    for row in parts {
        let id: IdBytes = bytes(row, 0)?;
        if let Some(pieces) = found.get_mut(&id) {
            pieces.parts.push((row.try_get(1)?, row.try_get(2)?));
        }
    }
    Ok(found)
}

pub(super) async fn load(sessions: &Sessions, wanted: Wanted) -> Result<Loaded, Fault> {
    let ids: Vec<IdBytes> = wanted.escrows.iter().map(|id| id.raw().to_bytes()).collect();
    let statements = vec![
        heads(ids.iter().copied()),
        parts(ids.iter().copied()),
        clocks(&wanted, &ids),
        replies(&wanted.replies),
        journals(&wanted),
    ];
    let rows = sessions.run(Kind::Read, statements).await?;
    let [heads, parts, clocks, replies, journals] = <[Vec<Row>; 5]>::try_from(rows).unwrap_or_default();
    let pieces = pieces(&heads, &parts)?.into_iter().map(|(id, pieces)| Ok((id, pieces.assemble()?)));
    let found = pieces.collect::<Result<HashMap<IdBytes, Versioned>, Fault>>()?;
    Ok(Loaded {
        escrows: ids.iter().map(|id| found.get(id).cloned()).collect(),
        replies: found_replies(&wanted.replies, &replies)?,
        clocks: found_clocks(&clocks)?,
        journals: found_journals(&wanted, &journals)?,
    })
}

/// The clocks of the owners wanted, and of those of the escrows wanted.
pub(super) fn clocks(wanted: &Wanted, ids: &[IdBytes]) -> Statement {
    // Two ways side by side, since either condition alone is looked up, and both with an `OR` are not.
    let sql = "SELECT owner, ahead_ms FROM clocks WHERE owner = ANY ($1)
        UNION ALL
        SELECT c.owner, c.ahead_ms FROM clocks c WHERE c.owner IN (SELECT e.owner FROM escrows e WHERE e.id = ANY ($2))";
    Statement::new(sql).blobs(wanted.clocks.iter().map(|owner| codec::owner_bytes(*owner))).blobs(ids)
}

fn found_clocks(rows: &[Row]) -> Result<BTreeMap<Owner, Span>, Fault> {
    rows.iter().map(|row| Ok((codec::owner(bytes(row, 0)?)?, Span::from_ms(row.try_get(1)?)))).collect()
}

/// The replies under these keys that are not forgotten.
fn replies(keys: &[(Owner, String)]) -> Statement {
    let sql = "SELECT r.owner, r.key, r.fingerprint, r.status, r.body, r.created
        FROM unnest($1::BYTEA[], $2::TEXT[]) AS w (owner, key) JOIN replies r ON r.owner = w.owner AND r.key = w.key
        WHERE r.created >= coalesce((SELECT c.value FROM counters c WHERE c.name = 'replies_from'), r.created)";
    let owners = keys.iter().map(|(owner, _)| codec::owner_bytes(*owner));
    Statement::new(sql).blobs(owners).texts(keys.iter().map(|(_, key)| key.as_str()))
}

fn found_replies(keys: &[(Owner, String)], rows: &[Row]) -> Result<Vec<Option<Reply>>, Fault> {
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let reply = reply(row)?;
        found.insert((reply.owner, reply.key.clone()), reply);
    }
    Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
}

fn reply(row: &Row) -> Result<Reply, Fault> {
    let status: i64 = row.try_get(3)?;
    Ok(Reply {
        owner: codec::owner(bytes(row, 0)?)?,
        key: row.try_get(1)?,
        fingerprint: Hash::from_bytes(bytes(row, 2)?),
        status: u16::try_from(status).map_err(|_| Fault::Damaged(format!("{status} is no status")))?,
        body: row.try_get(4)?,
        created: Timestamp::from_ms(row.try_get(5)?),
    })
}

fn journals(wanted: &Wanted) -> Statement {
    let owners: BTreeSet<OwnerBytes> = wanted.journals.iter().map(|it| codec::owner_bytes(it.stream())).collect();
    Statement::new("SELECT owner, id, count, head FROM journals WHERE owner = ANY ($1)").blobs(owners)
}

fn found_journals(wanted: &Wanted, rows: &[Row]) -> Result<Vec<Option<Journal>>, Fault> {
    let found = rows.iter().map(|row| Ok((bytes(row, 0)?, journal(row)?)));
    let found = found.collect::<Result<HashMap<OwnerBytes, Journal>, Fault>>()?;
    Ok(wanted.journals.iter().map(|it| found.get(&codec::owner_bytes(it.stream())).copied()).collect())
}

/// A journal from the columns owner, id, count and head.
pub(super) fn journal(row: &Row) -> Result<Journal, Fault> {
    let chain = Chain { count: codec::count(row.try_get(2)?)?, head: Hash::from_bytes(bytes(row, 3)?) };
    Ok(Journal { id: RawId::from_bytes(bytes(row, 1)?), chain })
}
