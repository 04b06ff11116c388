//! The log of requests.

use escrow::{KeyId, RawId, RequestId, Timestamp};
use tokio_postgres::Row;

use super::error::Fault;
use super::page::{self, ColumnKey};
use super::seen::bytes;
use super::session::{Kind, Sessions};
use super::statement::Statement;
use crate::rows::codec;
use crate::rows::list::IdKey;
use crate::rows::lists::{self, Dialect};
use crate::{KeyHolder, LoggedRequest, Page, PageRequest};

/// How many requests are deleted in one go.
const DELETED_AT_ONCE: i64 = 1000;

const COLUMNS: &str =
    "SELECT id, owner, key, method, path, query, status, created, latency_ms, idempotency_key, sent, answered
    FROM requests";

pub(super) async fn add(sessions: &Sessions, requests: &[LoggedRequest]) -> Result<(), Fault> {
    let sql = "INSERT INTO requests
        (owner, id, key, method, path, query, status, created, latency_ms, idempotency_key, sent, answered)
        SELECT * FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BYTEA[], $4::TEXT[], $5::BYTEA[], $6::BYTEA[], $7::BIGINT[],
            $8::BIGINT[], $9::BIGINT[], $10::BYTEA[], $11::BYTEA[], $12::BYTEA[])
        ON CONFLICT DO NOTHING";
    let statement = Statement::new(sql)
        .blobs(requests.iter().map(|request| codec::owner_bytes(request.holder.stream())))
        .blobs(requests.iter().map(|request| request.id.raw().to_bytes()))
        .blobs(requests.iter().map(|request| request.key.raw().to_bytes()))
        .texts(requests.iter().map(|request| request.method.as_str()))
        .blobs(requests.iter().map(|request| request.path.as_bytes()))
        .blobs_or_nulls(requests.iter().map(|request| request.query.as_deref()))
        .integers(requests.iter().map(|request| i64::from(request.status)))
        .integers(requests.iter().map(|request| request.created.ms()))
        .integers(requests.iter().map(|request| request.latency_ms))
        .blobs_or_nulls(requests.iter().map(|request| request.idempotency_key.as_deref()))
        .blobs_or_nulls(requests.iter().map(|request| request.sent.as_deref()))
        .blobs_or_nulls(requests.iter().map(|request| request.answered.as_deref()));
    sessions.run(Kind::Write, vec![statement]).await.map(drop)
}

pub(super) async fn list(
    sessions: &Sessions,
    holder: Option<KeyHolder>,
    request: PageRequest,
) -> Result<Page<LoggedRequest>, Fault> {
    let session = sessions.begin(Kind::Read).await?;
    let rows = |ids: &[IdKey]| IdKey::column(Statement::new(format!("{COLUMNS} WHERE id = ANY ($1)")), ids);
    page::page(session, lists::requests(Dialect::Postgres, holder), request, rows, logged).await
}

pub(super) async fn find(sessions: &Sessions, id: RequestId) -> Result<Option<LoggedRequest>, Fault> {
    let statement = Statement::new(format!("{COLUMNS} WHERE id = $1")).bytes(id.raw().to_bytes());
    sessions.read(statement).await?.first().map(logged).transpose()
}

/// Deletes some of the requests from before this time; `true` when there may be more.
pub(super) async fn forget(sessions: &Sessions, before: Timestamp) -> Result<bool, Fault> {
    // What another gateway is about to delete is not waited for.
    let sql = "WITH gone AS (
            SELECT owner, id FROM requests WHERE created < $1 ORDER BY created LIMIT $2 FOR UPDATE SKIP LOCKED)
        DELETE FROM requests r USING gone g WHERE r.owner = g.owner AND r.id = g.id RETURNING 1";
    let statement = Statement::new(sql).integer(before.ms()).integer(DELETED_AT_ONCE);
    let rows = sessions.run(Kind::Write, vec![statement]).await?;
    let deleted = rows.first().map_or(0, Vec::len);
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETED_AT_ONCE))
}

fn logged(row: &Row) -> Result<LoggedRequest, Fault> {
    let text = |column| -> Result<Option<String>, Fault> {
        let bytes: Option<&[u8]> = row.try_get(column)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    };
    let status: i64 = row.try_get(6)?;
    Ok(LoggedRequest {
        id: RequestId::new(RawId::from_bytes(bytes(row, 0)?)),
        holder: KeyHolder::of_stream(codec::owner(bytes(row, 1)?)?),
        key: KeyId::new(RawId::from_bytes(bytes(row, 2)?)),
        method: row.try_get(3)?,
        path: text(4)?.unwrap_or_default(),
        query: text(5)?,
        status: u16::try_from(status).map_err(|_| Fault::Damaged(format!("{status} is no status")))?,
        created: Timestamp::from_ms(row.try_get(7)?),
        latency_ms: row.try_get(8)?,
        idempotency_key: text(9)?,
        sent: text(10)?,
        answered: text(11)?,
    })
}
