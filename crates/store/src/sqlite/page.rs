//! Pages of lists, and rows one after the other.

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Rows, params_from_iter};

use super::DIALECT;
use super::error::Fault;
use crate::rows::codec::IdBytes;
use crate::rows::list::{IdKey, Key, List, Query, Value};
use crate::{Page, PageRequest, Position};

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl FromSql for IdKey {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<IdKey> {
        IdBytes::column_result(value).map(IdKey)
    }
}

/// Reads the ids of a page, and with each of them its row.
pub(super) fn page<T>(
    db: &Connection,
    list: List,
    request: PageRequest,
    read: impl Fn(IdBytes) -> Result<Option<T>, Fault>,
) -> Result<Page<T>, Fault> {
    page_by_key(db, list, request, |IdKey(id)| read(id))
}

/// Reads the keys of a page, and with each of them its row. SQLite reads the ranges of a list side by side and takes the next key from
/// where it is, so that a page costs the same wherever the list ends. Only keys are listed, which the index has; the rows themselves are
/// read for the page alone.
pub(super) fn page_by_key<K: Key + FromSql, T>(
    db: &Connection,
    list: List<K>,
    request: PageRequest,
    read: impl Fn(K) -> Result<Option<T>, Fault>,
) -> Result<Page<T>, Fault> {
    let page = page_of_keys(db, list, request)?;
    let gone = || Fault::Damaged("a list names what is not there".to_owned());
    let items = page.items.into_iter().map(|key| read(key)?.ok_or_else(gone)).collect::<Result<Vec<T>, Fault>>()?;
    Ok(Page { items, has_more: page.has_more })
}

/// The keys behind a place, from the lowest on.
pub(super) fn keys_behind<K: Key + FromSql>(
    db: &Connection,
    list: List<K>,
    place: K,
    limit: usize,
) -> Result<Vec<K>, Fault> {
    let Some(read) = list.behind(DIALECT, place, limit) else { return Ok(Vec::new()) };
    let mut keys = all(db, &read.query)?;
    keys.truncate(limit);
    Ok(keys)
}

/// How many a list has, counting no further than so many.
pub(super) fn count_up_to<K: Key>(db: &Connection, list: &List<K>, most: i64) -> Result<i64, Fault> {
    let Query { sql, values } = list.count_up_to(DIALECT, most);
    Ok(db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?)
}

fn page_of_keys<K: Key + FromSql>(db: &Connection, list: List<K>, request: PageRequest) -> Result<Page<K>, Fault> {
    let (position, limit) = (request.position, request.limit);
    let read = match (list.cursor(position), position) {
        (Some(query), _) => {
            let mut statement = db.prepare_cached(&query.sql)?;
            let key = statement.query_row(params_from_iter(query.values), |row| row.get(0)).optional()?;
            list.at_cursor(DIALECT, position, key.ok_or(Fault::UnknownCursor)?, limit)
        }
        (None, Position::Offset(offset)) => list.at_top(DIALECT, offset, limit),
        (None, Position::After(_) | Position::Before(_)) => return Err(Fault::UnknownCursor),
    };
    let Some(read) = read else { return Ok(Page { items: Vec::new(), has_more: false }) };
    let keys = all(db, &read.query)?;
    Ok(read.page(keys))
}

fn all<K: FromSql>(db: &Connection, query: &Query) -> Result<Vec<K>, Fault> {
    let mut statement = db.prepare_cached(&query.sql)?;
    collect(statement.query(params_from_iter(&query.values))?, |row| Ok(row.get(0)?))
}

/// Rows that are there, each understood or not.
pub(super) type Readings<T> = Vec<Result<T, Fault>>;

/// Reads every row.
pub(super) fn collect<T>(
    mut rows: Rows<'_>,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}
