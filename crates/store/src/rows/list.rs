//! Lists in the form of queries: pages of keys, newest first. How a query is run is each database's own.

use escrow::Owner;

use super::codec::{self, IdBytes};
use super::lists::Dialect;
use super::ranges::{Bounds, Ranges};
use crate::{Page, Position};

/// Further than any list reaches; twice that can still be counted.
const FARTHEST: i64 = i64::MAX / 2 - 1;

/// What stands in a column, or is compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Integer(number)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Blob(bytes)
    }
}

/// A query with the values of its parameters, `?1`, `?2`…
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

/// What a list is in the order of.
pub(crate) trait Key: Copy + Ord + Into<Value> {
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
pub(crate) struct IdKey(pub(crate) IdBytes);

impl From<IdKey> for Value {
    fn from(IdKey(bytes): IdKey) -> Value {
        Value::Blob(bytes.to_vec())
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
pub(crate) struct Source<'s> {
    /// The column of the keys.
    pub(crate) key: &'static str,
    /// Its table.
    pub(crate) table: &'static str,
    /// Finds the key of what has the id `?1` among what the list is of; `?2` is whose it is.
    pub(crate) find: &'s str,
}

/// A list of things that have a key, mostly their id: those in one of several ranges of an index that is, within each, in the order of
/// the keys, so that a page costs the same wherever the list ends. Only keys are listed, which the index has; the rows themselves are
/// read for the page alone.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct List<K = IdKey> {
    find: String,
    whose: Option<Value>,
    values: Vec<Value>,
    ranges: Ranges,
    /// The lowest and the highest key that there can be.
    bounds: (K, K),
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
pub(crate) struct Read {
    pub(crate) query: Query,
    limit: usize,
    is_upwards: bool,
}

impl Read {
    /// The page of these keys, which the query gave.
    pub(crate) fn page<K>(&self, mut keys: Vec<K>) -> Page<K> {
        let has_more = keys.len() > self.limit;
        keys.truncate(self.limit);
        if self.is_upwards {
            keys.reverse();
        }
        Page { items: keys, has_more }
    }
}

impl<K: Key> List<K> {
    /// What an owner has, whose name in the query is `?1`.
    pub(crate) fn new(source: Source<'_>, owner: Owner) -> List<K> {
        List::of(source, Some(Value::Blob(codec::owner_bytes(owner).to_vec())))
    }

    /// Everything there is, or what somebody has, whose name in the query is `?1`.
    pub(crate) fn of(source: Source<'_>, whose: Option<Value>) -> List<K> {
        List {
            find: source.find.to_owned(),
            values: whose.iter().cloned().collect(),
            whose,
            ranges: Ranges::of(source.key, source.table),
            bounds: (K::LOWEST, K::HIGHEST),
        }
    }

    /// The name under which a value can stand in conditions.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// Leaves out what does not fulfil a condition.
    pub(crate) fn only(&mut self, condition: &str) {
        self.ranges.only(condition.to_owned());
    }

    /// Limits the list to whom it is of. This and what follows name the columns of an index in their order, up to the keys.
    pub(crate) fn fix_whose(&mut self, column: &'static str) {
        self.ranges.fix(column, "?1".to_owned());
    }

    /// Limits the list to a value of a column.
    pub(crate) fn fix(&mut self, column: &'static str, value: impl Into<Value>) {
        let name = self.bind(value);
        self.ranges.fix(column, name);
    }

    /// Limits the list to a number of our own.
    pub(crate) fn fix_to(&mut self, column: &'static str, number: i64) {
        self.ranges.fix_to(column, number);
    }

    /// Splits every range by the values of a column: the one that is asked for, or else all there are. These are names of our own,
    /// which need no escaping, and different ones.
    pub(crate) fn split_by(
        &mut self,
        column: &'static str,
        wanted: Option<&str>,
        all: impl Iterator<Item = &'static str>,
    ) {
        match wanted {
            Some(name) => self.fix(column, name.to_owned()),
            None => self.ranges.split_by(column, all.collect()),
        }
    }

    /// Leaves out keys below the first and above the second.
    pub(crate) fn within(&mut self, (lowest, highest): (K, K)) {
        self.bounds = (self.bounds.0.max(lowest), self.bounds.1.min(highest));
    }

    /// The query for how many there are, counting no further than so many.
    pub(crate) fn count_up_to(&self, dialect: Dialect, most: i64) -> Query {
        let mut values = self.values.clone();
        let bounds = self.bind_bounds(&mut values);
        values.push(Value::Integer(most));
        let most = format!("?{}", values.len());
        let keys = match dialect {
            Dialect::Sqlite => self.ranges.all(&bounds),
            Dialect::Postgres => self.ranges.some(&bounds, &most),
        };
        Query { sql: format!("SELECT count(*) FROM ({keys} LIMIT {most}) AS counted"), values }
    }

    /// The query for the key of a page's cursor, which finds nothing where the cursor is unknown; `None` where a page has none.
    pub(crate) fn cursor(&self, position: Position) -> Option<Query> {
        let cursor = match position {
            Position::Offset(_) => return None,
            Position::After(cursor) | Position::Before(cursor) => cursor,
        };
        let values = std::iter::once(Value::Blob(cursor.to_bytes().to_vec())).chain(self.whose.clone()).collect();
        Some(Query { sql: self.find.clone(), values })
    }

    /// The page that begins at the top, leaving out so many.
    pub(crate) fn at_top(self, dialect: Dialect, offset: u64, limit: usize) -> Option<Read> {
        self.read(dialect, limit, Start::Top(offset))
    }

    /// The page that begins at its cursor, which has this key.
    pub(crate) fn at_cursor(self, dialect: Dialect, position: Position, key: K, limit: usize) -> Option<Read> {
        let start = match position {
            Position::Offset(offset) => Start::Top(offset),
            Position::After(_) => Start::Below(key),
            Position::Before(_) => Start::Above(key),
        };
        self.read(dialect, limit, start)
    }

    /// The keys behind a place, from the lowest on: the last of them in the order of the page come first.
    pub(crate) fn behind(self, dialect: Dialect, place: K, limit: usize) -> Option<Read> {
        self.read(dialect, limit, Start::Above(place))
    }

    /// The query for the keys of a page; `None` where there can be none.
    fn read(mut self, dialect: Dialect, limit: usize, start: Start<K>) -> Option<Read> {
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
        if self.ranges.are_none() || self.bounds.0 > self.bounds.1 {
            return None;
        }
        let mut values = std::mem::take(&mut self.values);
        let bounds = self.bind_bounds(&mut values);
        let order = if is_upwards { "ASC" } else { "DESC" };
        // One more than asked for tells whether there are more.
        let one_more = i64::try_from(limit).unwrap_or(FARTHEST).min(FARTHEST).saturating_add(1);
        values.extend([Value::Integer(one_more), Value::Integer(skipped.min(FARTHEST))]);
        let count = values.len();
        let (most, skip) = (format!("?{}", count - 1), format!("?{count}"));
        let keys = match dialect {
            Dialect::Sqlite => self.ranges.merged(&bounds, order),
            Dialect::Postgres => self.ranges.first(&bounds, order, &format!("{most} + {skip}")),
        };
        Some(Read { query: Query { sql: format!("{keys} LIMIT {most} OFFSET {skip}"), values }, limit, is_upwards })
    }

    /// Gives the lowest and the highest key names.
    fn bind_bounds(&self, values: &mut Vec<Value>) -> Bounds {
        values.extend([self.bounds.0.into(), self.bounds.1.into()]);
        let highest = values.len();
        Bounds { lowest: format!("?{}", highest - 1), highest: format!("?{highest}") }
    }
}

#[cfg(test)]
impl<K: Key> List<K> {
    /// The queries for pages from the top, and behind a key in both directions.
    pub(crate) fn queries(self, dialect: Dialect, key: K) -> Vec<Query> {
        let starts = [Start::Top(7), Start::Below(key), Start::Above(key)];
        starts.into_iter().filter_map(|start| Some(self.clone().read(dialect, 10, start)?.query)).collect()
    }
}
