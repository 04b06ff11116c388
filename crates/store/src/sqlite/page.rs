//! Pages of lists, newest first.

use escrow::{Owner, RawId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Rows, params_from_iter};

use super::codec::{self, IdBytes};
use super::error::Fault;
use crate::{Page, PageRequest, Position};

/// Where the ids of a list are.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    /// The column of the ids.
    pub(super) id: &'s str,
    /// Its table, and a condition; `?1` is whose the list is, where it is somebody's.
    pub(super) from: &'s str,
    /// Finds the id `?1` among what the list is of; `?2` is whose it is.
    pub(super) find: &'s str,
}

/// A list of things that have an id: those in one of several ranges of an index that is, within each, in the order of
/// the ids. SQLite reads them side by side and takes the next one from where it is, so that a page costs the same wherever the list
/// ends. Only ids are listed, which the index has; the rows themselves are read for the page alone.
pub(super) struct List {
    id: String,
    from: String,
    find: String,
    whose: Option<Value>,
    values: Vec<Value>,
    /// The ranges, each as the condition that makes it; one that says nothing is everything there is.
    ranges: Vec<String>,
    /// What must hold besides.
    conditions: String,
    /// The lowest and the highest id that there can be.
    bounds: (RawId, RawId),
}

const LOWEST: RawId = RawId::from_bits(0);
const HIGHEST: RawId = RawId::from_bits(u128::MAX);

/// A page to be read.
struct Read {
    sql: String,
    values: Vec<Value>,
    is_upwards: bool,
}

impl List {
    /// Everything that an owner has.
    pub(super) fn new(source: Source<'_>, owner: Owner) -> List {
        List::of(source, Some(Value::Blob(codec::owner_bytes(owner).to_vec())))
    }

    /// Everything there is, or what somebody has.
    pub(super) fn of(source: Source<'_>, whose: Option<Value>) -> List {
        List {
            id: source.id.to_owned(),
            from: source.from.to_owned(),
            find: source.find.to_owned(),
            values: whose.iter().cloned().collect(),
            whose,
            ranges: vec![String::new()],
            conditions: String::new(),
            bounds: (LOWEST, HIGHEST),
        }
    }

    /// The name under which a value can stand in conditions.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// Leaves out what does not fulfil a condition.
    pub(super) fn only(&mut self, condition: &str) {
        self.conditions.push_str(" AND ");
        self.conditions.push_str(condition);
    }

    /// Splits every range by the values of a column: the one that is asked for, or else all there are. These are names of our own,
    /// which need no escaping, and different ones.
    pub(super) fn split_by(&mut self, column: &str, wanted: Option<&str>, all: impl Iterator<Item = &'static str>) {
        let terms: Vec<String> = match wanted {
            Some(name) => vec![format!(" AND {column} = {}", self.bind(name.to_owned()))],
            None => all.map(|name| format!(" AND {column} = '{name}'")).collect(),
        };
        let split = |range: &String| terms.iter().map(|term| format!("{range}{term}")).collect::<Vec<_>>();
        self.ranges = self.ranges.iter().flat_map(split).collect();
    }

    /// Leaves out ids below the first and above the second.
    pub(super) fn within(&mut self, (lowest, highest): (RawId, RawId)) {
        self.bounds = (self.bounds.0.max(lowest), self.bounds.1.min(highest));
    }

    /// How many there are, counting no further than so many.
    pub(super) fn count_up_to(&self, db: &Connection, most: i64) -> Result<i64, Fault> {
        let mut values = self.values.clone();
        let ids = self.ids(&mut values);
        values.push(Value::Integer(most));
        let sql = format!("SELECT count(*) FROM ({ids} LIMIT ?{})", values.len());
        Ok(db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?)
    }

    /// Reads the ids of a page, and with each of them its row.
    pub(super) fn page<T>(
        self,
        db: &Connection,
        request: PageRequest,
        read: impl Fn(IdBytes) -> Result<Option<T>, Fault>,
    ) -> Result<Page<T>, Fault> {
        let page = self.page_of_ids(db, request)?;
        let gone = || Fault::Damaged("a list names what is not there".to_owned());
        let items = page.items.into_iter().map(|id| read(id)?.ok_or_else(gone)).collect::<Result<Vec<T>, Fault>>()?;
        Ok(Page { items, has_more: page.has_more })
    }

    fn page_of_ids(mut self, db: &Connection, request: PageRequest) -> Result<Page<IdBytes>, Fault> {
        self.check_cursor(db, request.position)?;
        let Some(read) = self.read(request) else { return Ok(Page { items: Vec::new(), has_more: false }) };
        let mut statement = db.prepare_cached(&read.sql)?;
        let mut ids = collect(statement.query(params_from_iter(read.values))?, |row| Ok(row.get(0)?))?;
        let has_more = ids.len() > request.limit;
        ids.truncate(request.limit);
        if read.is_upwards {
            ids.reverse();
        }
        Ok(Page { items: ids, has_more })
    }

    fn check_cursor(&self, db: &Connection, position: Position) -> Result<(), Fault> {
        let cursor = match position {
            Position::Offset(_) => return Ok(()),
            Position::After(cursor) | Position::Before(cursor) => cursor.to_bytes(),
        };
        let found = std::iter::once(Value::Blob(cursor.to_vec())).chain(self.whose.clone());
        let is_known = db.prepare_cached(&self.find)?.exists(params_from_iter(found))?;
        if is_known { Ok(()) } else { Err(Fault::UnknownCursor) }
    }

    /// The query for the ids of a page; `None` where there can be none.
    fn read(&mut self, request: PageRequest) -> Option<Read> {
        let (skipped, is_upwards) = match request.position {
            Position::Offset(offset) => (i64::try_from(offset).unwrap_or(i64::MAX), false),
            Position::After(cursor) => {
                self.within((LOWEST, RawId::from_bits(cursor.bits().checked_sub(1)?)));
                (0, false)
            }
            Position::Before(cursor) => {
                self.within((RawId::from_bits(cursor.bits().checked_add(1)?), HIGHEST));
                (0, true)
            }
        };
        if self.ranges.is_empty() || self.bounds.0 > self.bounds.1 {
            return None;
        }
        let mut values = std::mem::take(&mut self.values);
        let ids = self.ids(&mut values);
        let order = if is_upwards { "ASC" } else { "DESC" };
        // One more than asked for tells whether there are more.
        let one_more = i64::try_from(request.limit).unwrap_or(i64::MAX).saturating_add(1);
        values.extend([Value::Integer(one_more), Value::Integer(skipped)]);
        let count = values.len();
        let sql = format!("{ids} ORDER BY id {order} LIMIT ?{} OFFSET ?{count}", count - 1);
        Some(Read { sql, values, is_upwards })
    }

    /// The query for all ids, without an order.
    fn ids(&self, values: &mut Vec<Value>) -> String {
        let bounds = [self.bounds.0, self.bounds.1].map(|id| Value::Blob(id.to_bytes().to_vec()));
        values.extend(bounds);
        let (List { id, from, conditions, .. }, highest) = (self, values.len());
        let lowest = highest - 1;
        let of_range = |range: &String| {
            format!("SELECT {id} AS id FROM {from}{range} AND {id} >= ?{lowest} AND {id} <= ?{highest}{conditions}")
        };
        self.ranges.iter().map(of_range).collect::<Vec<_>>().join(" UNION ALL ")
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

#[cfg(test)]
impl List {
    /// How SQLite would read a page, a line for each step.
    pub(super) fn plan(mut self, db: &Connection, request: PageRequest) -> Vec<String> {
        let read = self.read(request).expect("a list that is not empty");
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", read.sql)).expect("a query");
        let steps = statement.query_map(params_from_iter(read.values), |row| row.get(3)).expect("a plan");
        steps.map(|step| step.expect("a step")).collect()
    }
}
