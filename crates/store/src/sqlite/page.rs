//! Pages of lists, newest first.

use escrow::{Owner, RawId};
use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, OptionalExtension, Row, Rows, params_from_iter};

use super::codec::{self, IdBytes};
use super::error::Fault;
use crate::{Page, PageRequest, Position};

/// What a list is in the order of.
pub(super) trait Key: Copy + Ord + FromSql + Into<Value> {
    /// The lowest that there can be.
    const LOWEST: Self;
    /// The highest that there can be.
    const HIGHEST: Self;

    /// The next lower one, if there is one.
    fn lower(self) -> Option<Self>;

    /// The next higher one, if there is one.
    fn higher(self) -> Option<Self>;
}

/// The bytes of an id, which sort like the id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct IdKey(pub(super) IdBytes);

impl From<IdKey> for Value {
    fn from(IdKey(bytes): IdKey) -> Value {
        Value::Blob(bytes.to_vec())
    }
}

impl FromSql for IdKey {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<IdKey> {
        IdBytes::column_result(value).map(IdKey)
    }
}

impl Key for IdKey {
    const LOWEST: IdKey = IdKey([0; 16]);
    const HIGHEST: IdKey = IdKey([u8::MAX; 16]);

    fn lower(self) -> Option<IdKey> {
        u128::from_be_bytes(self.0).checked_sub(1).map(|bits| IdKey(bits.to_be_bytes()))
    }

    fn higher(self) -> Option<IdKey> {
        u128::from_be_bytes(self.0).checked_add(1).map(|bits| IdKey(bits.to_be_bytes()))
    }
}

/// A place in an order that begins with 1.
impl Key for i64 {
    const LOWEST: i64 = 0;
    const HIGHEST: i64 = i64::MAX;

    fn lower(self) -> Option<i64> {
        self.checked_sub(1)
    }

    fn higher(self) -> Option<i64> {
        self.checked_add(1)
    }
}

/// Where the keys of a list are.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    /// The column of the keys.
    pub(super) key: &'s str,
    /// Its table, and a condition; `?1` is whose the list is, where it is somebody's.
    pub(super) from: &'s str,
    /// Finds the key of what has the id `?1` among what the list is of; `?2` is whose it is.
    pub(super) find: &'s str,
}

/// A list of things that have a key, mostly their id: those in one of several ranges of an index that is, within each, in the order of
/// the keys. SQLite reads them side by side and takes the next one from where it is, so that a page costs the same wherever the list
/// ends. Only keys are listed, which the index has; the rows themselves are read for the page alone.
#[cfg_attr(test, derive(Clone))]
pub(super) struct List<K = IdKey> {
    key: String,
    from: String,
    find: String,
    whose: Option<Value>,
    values: Vec<Value>,
    /// The ranges, each as the condition that makes it; one that says nothing is everything there is.
    ranges: Vec<String>,
    /// What must hold besides.
    conditions: String,
    /// The lowest and the highest key that there can be.
    bounds: (K, K),
}

impl List {
    /// Reads the ids of a page, and with each of them its row.
    pub(super) fn page<T>(
        self,
        db: &Connection,
        request: PageRequest,
        read: impl Fn(IdBytes) -> Result<Option<T>, Fault>,
    ) -> Result<Page<T>, Fault> {
        self.page_by_key(db, request, |IdKey(id)| read(id))
    }
}

/// Where a page begins.
enum Start<K> {
    /// At the highest key, leaving out so many.
    Top(u64),
    /// Right below a key.
    Below(K),
    /// Right above a key, going upwards.
    Above(K),
}

/// A page to be read.
struct Read {
    sql: String,
    values: Vec<Value>,
    is_upwards: bool,
}

impl<K: Key> List<K> {
    /// Everything that an owner has.
    pub(super) fn new(source: Source<'_>, owner: Owner) -> List<K> {
        List::of(source, Some(Value::Blob(codec::owner_bytes(owner).to_vec())))
    }

    /// Everything there is, or what somebody has.
    pub(super) fn of(source: Source<'_>, whose: Option<Value>) -> List<K> {
        List {
            key: source.key.to_owned(),
            from: source.from.to_owned(),
            find: source.find.to_owned(),
            values: whose.iter().cloned().collect(),
            whose,
            ranges: vec![String::new()],
            conditions: String::new(),
            bounds: (K::LOWEST, K::HIGHEST),
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

    /// Leaves out keys below the first and above the second.
    pub(super) fn within(&mut self, (lowest, highest): (K, K)) {
        self.bounds = (self.bounds.0.max(lowest), self.bounds.1.min(highest));
    }

    /// How many there are, counting no further than so many.
    pub(super) fn count_up_to(&self, db: &Connection, most: i64) -> Result<i64, Fault> {
        let mut values = self.values.clone();
        let keys = self.keys(&mut values);
        values.push(Value::Integer(most));
        let sql = format!("SELECT count(*) FROM ({keys} LIMIT ?{})", values.len());
        Ok(db.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?)
    }

    /// Reads the keys of a page, and with each of them its row.
    pub(super) fn page_by_key<T>(
        self,
        db: &Connection,
        request: PageRequest,
        read: impl Fn(K) -> Result<Option<T>, Fault>,
    ) -> Result<Page<T>, Fault> {
        let page = self.page_of_keys(db, request)?;
        let gone = || Fault::Damaged("a list names what is not there".to_owned());
        let items = page.items.into_iter().map(|key| read(key)?.ok_or_else(gone)).collect::<Result<Vec<T>, Fault>>()?;
        Ok(Page { items, has_more: page.has_more })
    }

    /// The keys behind a place, from the lowest on.
    pub(super) fn after(mut self, db: &Connection, place: K, limit: usize) -> Result<Vec<K>, Fault> {
        let Some(read) = self.read(limit, Start::Above(place)) else { return Ok(Vec::new()) };
        let mut statement = db.prepare_cached(&read.sql)?;
        let mut keys = collect(statement.query(params_from_iter(read.values))?, |row| Ok(row.get(0)?))?;
        keys.truncate(limit);
        Ok(keys)
    }

    fn page_of_keys(mut self, db: &Connection, request: PageRequest) -> Result<Page<K>, Fault> {
        let start = self.start(db, request.position)?;
        let Some(read) = self.read(request.limit, start) else {
            return Ok(Page { items: Vec::new(), has_more: false });
        };
        let mut statement = db.prepare_cached(&read.sql)?;
        let mut keys = collect(statement.query(params_from_iter(read.values))?, |row| Ok(row.get(0)?))?;
        let has_more = keys.len() > request.limit;
        keys.truncate(request.limit);
        if read.is_upwards {
            keys.reverse();
        }
        Ok(Page { items: keys, has_more })
    }

    /// Where a page begins; the cursor must be known.
    fn start(&self, db: &Connection, position: Position) -> Result<Start<K>, Fault> {
        let key = |cursor: RawId| {
            let found = std::iter::once(Value::Blob(cursor.to_bytes().to_vec())).chain(self.whose.clone());
            let mut statement = db.prepare_cached(&self.find)?;
            let key = statement.query_row(params_from_iter(found), |row| row.get(0)).optional()?;
            key.ok_or(Fault::UnknownCursor)
        };
        Ok(match position {
            Position::Offset(offset) => Start::Top(offset),
            Position::After(cursor) => Start::Below(key(cursor)?),
            Position::Before(cursor) => Start::Above(key(cursor)?),
        })
    }

    /// The query for the keys of a page; `None` where there can be none.
    fn read(&mut self, limit: usize, start: Start<K>) -> Option<Read> {
        let (skipped, is_upwards) = match start {
            Start::Top(offset) => (i64::try_from(offset).unwrap_or(i64::MAX), false),
            Start::Below(key) => {
                self.within((K::LOWEST, key.lower()?));
                (0, false)
            }
            Start::Above(key) => {
                self.within((key.higher()?, K::HIGHEST));
                (0, true)
            }
        };
        if self.ranges.is_empty() || self.bounds.0 > self.bounds.1 {
            return None;
        }
        let mut values = std::mem::take(&mut self.values);
        let keys = self.keys(&mut values);
        let order = if is_upwards { "ASC" } else { "DESC" };
        // One more than asked for tells whether there are more.
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        values.extend([Value::Integer(one_more), Value::Integer(skipped)]);
        let count = values.len();
        let sql = format!("{keys} ORDER BY key {order} LIMIT ?{} OFFSET ?{count}", count - 1);
        Some(Read { sql, values, is_upwards })
    }

    /// The query for all keys, without an order.
    fn keys(&self, values: &mut Vec<Value>) -> String {
        values.extend([self.bounds.0.into(), self.bounds.1.into()]);
        let (List { key, from, conditions, .. }, highest) = (self, values.len());
        let lowest = highest - 1;
        let of_range = |range: &String| {
            format!("SELECT {key} AS key FROM {from}{range} AND {key} >= ?{lowest} AND {key} <= ?{highest}{conditions}")
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
impl<K: Key> List<K> {
    /// How SQLite would read pages from the top, and behind a key in both directions, a line for each step.
    pub(super) fn plans(self, db: &Connection, key: K) -> Vec<Vec<String>> {
        let starts = [Start::Top(7), Start::Below(key), Start::Above(key)];
        starts.into_iter().map(|start| self.clone().plan(db, start)).collect()
    }

    fn plan(mut self, db: &Connection, start: Start<K>) -> Vec<String> {
        let read = self.read(10, start).expect("a list that is not empty");
        let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {}", read.sql)).expect("a query");
        let steps = statement.query_map(params_from_iter(read.values), |row| row.get(3)).expect("a plan");
        steps.map(|step| step.expect("a step")).collect()
    }
}
