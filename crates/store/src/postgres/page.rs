//! Pages of lists.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::error::Fault;
use super::seen::bytes;
use super::session::Session;
use super::statement::Statement;
use crate::rows::list::{IdKey, Key, List};
use crate::rows::lists::Dialect;
use crate::{Page, PageRequest, Position};

/// What a list is in the order of, as it stands in a column.
pub(super) trait ColumnKey: Key {
    /// Reads it from a column.
    fn read(row: &Row, column: usize) -> Result<Self, Fault>;

    /// The column of these, for `unnest`.
    fn column(statement: Statement, keys: &[Self]) -> Statement;
}

impl ColumnKey for IdKey {
    fn read(row: &Row, column: usize) -> Result<IdKey, Fault> {
        bytes(row, column).map(IdKey)
    }

    fn column(statement: Statement, keys: &[IdKey]) -> Statement {
        statement.blobs(keys.iter().map(|IdKey(id)| id))
    }
}

impl ColumnKey for i64 {
    fn read(row: &Row, column: usize) -> Result<i64, Fault> {
        Ok(row.try_get(column)?)
    }

    fn column(statement: Statement, keys: &[i64]) -> Statement {
        statement.integers(keys.iter().copied())
    }
}

/// The keys of a page.
pub(super) async fn keys<K: ColumnKey>(
    session: &mut Session,
    list: List<K>,
    request: PageRequest,
) -> Result<Page<K>, Fault> {
    let (position, limit) = (request.position, request.limit);
    let read = match (list.cursor(position), position) {
        (Some(query), _) => {
            let rows = session.query(Statement::of(&query)).await?;
            let Some(row) = rows.first() else {
                // That is no failure, and must not cost the connection.
                session.roll_back().await;
                return Err(Fault::UnknownCursor);
            };
            list.at_cursor(Dialect::Postgres, position, K::read(row, 0)?, limit)
        }
        (None, Position::Offset(offset)) => list.at_top(Dialect::Postgres, offset, limit),
        (None, Position::After(_) | Position::Before(_)) => return Err(Fault::UnknownCursor),
    };
    let Some(read) = read else { return Ok(Page { items: Vec::new(), has_more: false }) };
    let rows = session.query(Statement::of(&read.query)).await?;
    let keys = rows.iter().map(|row| K::read(row, 0)).collect::<Result<Vec<K>, Fault>>()?;
    Ok(read.page(keys))
}

/// The keys behind a place, from the lowest on.
pub(super) async fn keys_behind<K: ColumnKey>(
    session: &mut Session,
    list: List<K>,
    place: K,
    limit: usize,
) -> Result<Vec<K>, Fault> {
    let Some(read) = list.behind(Dialect::Postgres, place, limit) else { return Ok(Vec::new()) };
    let rows = session.query(Statement::of(&read.query)).await?;
    rows.iter().take(limit).map(|row| K::read(row, 0)).collect()
}

/// How many a list has, counting no further than so many.
pub(super) async fn count_up_to<K: Key>(session: &mut Session, list: &List<K>, most: i64) -> Result<i64, Fault> {
    let rows = session.query(Statement::of(&list.count_up_to(Dialect::Postgres, most))).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
}

/// Reads a page: its keys, and then all of its rows by a statement for these keys. Each row has its key in the first column.
pub(super) async fn page<K: ColumnKey, T>(
    mut session: Session,
    list: List<K>,
    request: PageRequest,
    rows: impl FnOnce(&[K]) -> Statement,
    read: impl Fn(&Row) -> Result<T, Fault>,
) -> Result<Page<T>, Fault> {
    let Page { items: keys, has_more } = keys(&mut session, list, request).await?;
    let items = by_keys(session, &keys, rows(&keys), read).await?;
    Ok(Page { items, has_more })
}

/// Reads the rows of these keys, in their order, and ends the transaction.
pub(super) async fn by_keys<K: ColumnKey, T>(
    session: Session,
    keys: &[K],
    statement: Statement,
    read: impl Fn(&Row) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let rows = session.finish(&[statement]).await?;
    let found = rows.iter().flatten().map(|row| Ok((K::read(row, 0)?, read(row)?)));
    let mut found = found.collect::<Result<BTreeMap<K, T>, Fault>>()?;
    let gone = || Fault::Damaged("a list names what is not there".to_owned());
    keys.iter().map(|key| found.remove(key).ok_or_else(gone)).collect()
}
