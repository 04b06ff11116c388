//! Pages of lists, newest first.

use escrow::Owner;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Rows, params_from_iter};

use super::codec;
use super::error::Fault;
use crate::{Page, PageRequest, Position};

/// A list of things that have an id, as the beginning of a query that ends in a condition.
pub(super) struct List {
    sql: String,
    values: Vec<Value>,
    /// Finds the id ?1 among what the list is of; ?2 is whose it is, where it is somebody's.
    find: String,
    whose: Option<Value>,
}

impl List {
    /// What an owner has. `sql` ends in a condition on the owner, which is `?1`.
    pub(super) fn new(sql: &str, find: &str, owner: Owner) -> List {
        List::of_whom(sql, find, Value::Blob(codec::owner_bytes(owner).to_vec()))
    }

    /// What somebody has. `sql` ends in a condition on whom, which is `?1`.
    pub(super) fn of_whom(sql: &str, find: &str, whose: Value) -> List {
        List { sql: sql.to_owned(), values: vec![whose.clone()], find: find.to_owned(), whose: Some(whose) }
    }

    /// What there is. `sql` ends in a condition.
    pub(super) fn of_everybody(sql: &str, find: &str) -> List {
        List { sql: sql.to_owned(), values: Vec::new(), find: find.to_owned(), whose: None }
    }

    /// Leaves out what does not fulfil a condition, which ends where its value belongs.
    pub(super) fn only(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.sql.push_str(&format!(" AND {condition} ?{}", self.values.len()));
    }

    /// As [`List::only`], if there is a value.
    pub(super) fn only_if(&mut self, condition: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.only(condition, value);
        }
    }

    /// Leaves out what is not of one of these names, which are our own and need no escaping.
    pub(super) fn only_named<'n>(&mut self, column: &str, names: impl Iterator<Item = &'n str>) {
        let quoted: Vec<String> = names.map(|name| format!("'{name}'")).collect();
        self.sql.push_str(&format!(" AND {column} IN ({})", quoted.join(", ")));
    }

    /// Reads a page.
    pub(super) fn page<T>(
        mut self,
        db: &Connection,
        request: PageRequest,
        read: impl FnMut(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Page<T>, Fault> {
        let (skipped, is_upwards) = self.begin_at(db, request.position)?;
        let order = if is_upwards { "ASC" } else { "DESC" };
        // One more than asked for tells whether there are more.
        let one_more = i64::try_from(request.limit).unwrap_or(i64::MAX).saturating_add(1);
        self.values.extend([Value::Integer(one_more), Value::Integer(skipped)]);
        let count = self.values.len();
        self.sql.push_str(&format!(" ORDER BY id {order} LIMIT ?{} OFFSET ?{count}", count - 1));
        let mut statement = db.prepare_cached(&self.sql)?;
        let mut items = collect(statement.query(params_from_iter(self.values))?, read)?;
        let has_more = items.len() > request.limit;
        items.truncate(request.limit);
        if is_upwards {
            items.reverse();
        }
        Ok(Page { items, has_more })
    }

    /// Turns a position into a condition, or into a number of items to leave out; and says whether to read upwards from it.
    fn begin_at(&mut self, db: &Connection, position: Position) -> Result<(i64, bool), Fault> {
        let (cursor, condition, is_upwards) = match position {
            Position::Offset(offset) => return Ok((i64::try_from(offset).unwrap_or(i64::MAX), false)),
            Position::After(cursor) => (cursor.to_bytes(), "id <", false),
            Position::Before(cursor) => (cursor.to_bytes(), "id >", true),
        };
        let found = std::iter::once(Value::Blob(cursor.to_vec())).chain(self.whose.clone());
        if !db.prepare_cached(&self.find)?.exists(params_from_iter(found))? {
            return Err(Fault::UnknownCursor);
        }
        self.only(condition, cursor.to_vec());
        Ok((0, is_upwards))
    }
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
