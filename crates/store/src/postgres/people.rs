//! Merchants and API keys.

use escrow::{KeyId, MerchantId, Owner, RawId, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::page::{self, ColumnKey};
use super::seen::bytes;
use super::session::{Kind, Sessions};
use super::statement::Statement;
use crate::rows::codec;
use crate::rows::list::IdKey;
use crate::rows::lists::{self, Dialect};
use crate::{ApiKey, KeyHolder, Merchant, Page, PageRequest};

pub(super) const MERCHANTS: &str = "SELECT id, name, created FROM merchants";

pub(super) async fn merchants(sessions: &Sessions, request: PageRequest) -> Result<Page<Merchant>, Fault> {
    let session = sessions.begin(Kind::Read).await?;
    let rows = |keys: &[IdKey]| IdKey::column(Statement::new(format!("{MERCHANTS} WHERE id = ANY ($1)")), keys);
    page::page(session, lists::merchants(), request, rows, read_merchant).await
}

pub(super) async fn merchant(sessions: &Sessions, id: MerchantId) -> Result<Option<Merchant>, Fault> {
    let statement = Statement::new(format!("{MERCHANTS} WHERE id = $1")).bytes(id.raw().to_bytes());
    sessions.read(statement).await?.first().map(read_merchant).transpose()
}

pub(super) async fn merchant_named(sessions: &Sessions, name: &str) -> Result<Option<Merchant>, Fault> {
    let statement = Statement::new(format!("{MERCHANTS} WHERE name = $1")).text(name);
    sessions.read(statement).await?.first().map(read_merchant).transpose()
}

pub(super) fn read_merchant(row: &Row) -> Result<Merchant, Fault> {
    let id = MerchantId::new(RawId::from_bytes(bytes(row, 0)?));
    Ok(Merchant { id, name: row.try_get(1)?, created: Timestamp::from_ms(row.try_get(2)?) })
}

pub(super) const KEYS: &str =
    "SELECT id, owner, kind, last_four, created, expires, revoked, name, scopes, last_used FROM keys";

pub(super) async fn keys(
    sessions: &Sessions,
    holder: Option<KeyHolder>,
    request: PageRequest,
) -> Result<Page<ApiKey>, Fault> {
    let session = sessions.begin(Kind::Read).await?;
    let rows = |keys: &[IdKey]| IdKey::column(Statement::new(format!("{KEYS} WHERE id = ANY ($1)")), keys);
    page::page(session, lists::keys(Dialect::Postgres, holder), request, rows, api_key).await
}

pub(super) async fn key(sessions: &Sessions, id: KeyId) -> Result<Option<ApiKey>, Fault> {
    let statement = Statement::new(format!("{KEYS} WHERE id = $1")).bytes(id.raw().to_bytes());
    sessions.read(statement).await?.first().map(api_key).transpose()
}

pub(super) async fn key_of_hash(sessions: &Sessions, hash: [u8; 32]) -> Result<Option<ApiKey>, Fault> {
    let statement = Statement::new(format!("{KEYS} WHERE hash = $1")).bytes(hash);
    sessions.read(statement).await?.first().map(api_key).transpose()
}

/// Notes when keys were last used. What is older than what is noted changes nothing.
pub(super) async fn note_key_uses(sessions: &Sessions, uses: &[(KeyId, Timestamp)]) -> Result<(), Fault> {
    // Locked in the order of their ids, as whoever else notes them does.
    let lock = "SELECT id FROM keys WHERE id = ANY ($1) ORDER BY id FOR UPDATE";
    let lock = Statement::new(lock).blobs(uses.iter().map(|(id, _)| id.raw().to_bytes()));
    let sql = "UPDATE keys k SET last_used = w.last_used
        FROM (SELECT u.id, max(u.last_used) AS last_used FROM unnest($1::BYTEA[], $2::BIGINT[]) AS u (id, last_used) GROUP BY u.id) w
        WHERE k.id = w.id AND coalesce(k.last_used < w.last_used, TRUE)";
    let note = Statement::new(sql)
        .blobs(uses.iter().map(|(id, _)| id.raw().to_bytes()))
        .integers(uses.iter().map(|(_, at)| at.ms()));
    sessions.run(Kind::Write, vec![lock, note]).await.map(drop)
}

pub(super) fn api_key(row: &Row) -> Result<ApiKey, Fault> {
    let time = |column| row.try_get::<_, Option<i64>>(column).map(|ms| ms.map(Timestamp::from_ms));
    let owner: Owner = codec::owner(bytes(row, 1)?)?;
    Ok(ApiKey {
        id: KeyId::new(RawId::from_bytes(bytes(row, 0)?)),
        kind: codec::key_kind(row.try_get(2)?)?,
        holder: KeyHolder::of_stream(owner),
        last_four: row.try_get(3)?,
        created: Timestamp::from_ms(row.try_get(4)?),
        expires: time(5)?,
        revoked: time(6)?,
        name: row.try_get(7)?,
        scopes: codec::scopes(row.try_get(8)?)?,
        last_used: time(9)?,
    })
}
