//! Ranges of an index, and how each database is asked for the keys in them.
//!
//! A range is where all columns but the last one are fixed; within it, entries are in the order of that last column, the key.
//!
//! SQLite reads several ranges side by side and takes the next key from where it is. PostgreSQL would read all of them to their ends, and
//! sort. So it is asked for no more of each range than is wanted in all, and puts that little in order.

use std::iter::once;

/// The ranges that a list is in.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Ranges {
    key: &'static str,
    table: &'static str,
    /// The columns of the index before the key.
    fixed: Vec<(&'static str, Fixed)>,
    /// What must hold besides.
    conditions: Vec<String>,
}

/// What a column is.
#[cfg_attr(test, derive(Clone))]
enum Fixed {
    /// The value that has this name in the query.
    Value(String),
    /// A number of our own.
    Number(i64),
    /// One of these names of our own, which need no escaping. They are different ones.
    OneOf(Vec<&'static str>),
}

/// The names that the lowest and the highest key have in the query.
pub(crate) struct Bounds {
    pub(crate) lowest: String,
    pub(crate) highest: String,
}

impl Ranges {
    /// All of a table.
    pub(crate) const fn of(key: &'static str, table: &'static str) -> Ranges {
        Ranges { key, table, fixed: Vec::new(), conditions: Vec::new() }
    }

    /// Fixes a column to the value that has this name in the query.
    pub(crate) fn fix(&mut self, column: &'static str, name: String) {
        self.fixed.push((column, Fixed::Value(name)));
    }

    /// Fixes a column to a number of our own.
    pub(crate) fn fix_to(&mut self, column: &'static str, number: i64) {
        self.fixed.push((column, Fixed::Number(number)));
    }

    /// Splits every range by the values that a column can have.
    pub(crate) fn split_by(&mut self, column: &'static str, names: Vec<&'static str>) {
        self.fixed.push((column, Fixed::OneOf(names)));
    }

    /// Leaves out what does not fulfil a condition.
    pub(crate) fn only(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// Whether there is no range at all.
    pub(crate) fn are_none(&self) -> bool {
        self.fixed.iter().any(|(_, fixed)| matches!(fixed, Fixed::OneOf(names) if names.is_empty()))
    }

    /// The query for all keys in order, which SQLite merges.
    pub(crate) fn merged(&self, bounds: &Bounds, order: &str) -> String {
        format!("{} ORDER BY key {order}", self.all(bounds))
    }

    /// The query for all keys, a part for each range.
    pub(crate) fn all(&self, bounds: &Bounds) -> String {
        let mut ranges: Vec<Vec<String>> = vec![Vec::new()];
        for (column, fixed) in &self.fixed {
            let terms: Vec<String> = match fixed {
                Fixed::Value(name) => vec![format!("{column} = {name}")],
                Fixed::Number(number) => vec![format!("{column} = {number}")],
                Fixed::OneOf(names) => names.iter().map(|name| format!("{column} = '{name}'")).collect(),
            };
            let with = |range: &[String], term: &String| range.iter().chain(once(term)).cloned().collect();
            ranges = ranges.iter().flat_map(|range| terms.iter().map(|term| with(range, term))).collect();
        }
        let queries: Vec<String> = ranges.iter().map(|range| self.keys(range, bounds)).collect();
        queries.join(" UNION ALL ")
    }

    /// The query for the first keys of each range, in order; `most` says how many.
    ///
    /// Whose they are is asked for as one of a list of one, and is part of the order. Fixed it would not matter to the order, and
    /// PostgreSQL might take an index that begins with the key, and go through what everybody else has.
    pub(crate) fn first(&self, bounds: &Bounds, order: &str, most: &str) -> String {
        let (mut range, tables) = self.range();
        let mut ordered = format!("{} {order}", self.key);
        if let (Some((column, Fixed::Value(name))), Some(whose)) = (self.fixed.first(), range.first_mut()) {
            *whose = format!("{column} = ANY (ARRAY[{name}])");
            ordered = format!("{column} {order}, {ordered}");
        }
        let first = format!("{} ORDER BY {ordered}", self.keys(&range, bounds));
        if tables.is_empty() { first } else { format!("{} ORDER BY found.key {order}", of_each(&first, &tables, most)) }
    }

    /// The query for some keys of each range; `most` says how many.
    pub(crate) fn some(&self, bounds: &Bounds, most: &str) -> String {
        let (range, tables) = self.range();
        of_each(&self.keys(&range, bounds), &tables, most)
    }

    /// The conditions that make a range, and the tables of those columns in them that are one of several.
    fn range(&self) -> (Vec<String>, Vec<String>) {
        let mut tables = Vec::new();
        let condition = |(column, fixed): &(&'static str, Fixed)| match fixed {
            Fixed::Value(name) => format!("{column} = {name}"),
            Fixed::Number(number) => format!("{column} = {number}"),
            Fixed::OneOf(names) => {
                let (table, names) = (column.replace('.', "_"), names.join("'), ('"));
                tables.push(format!("(VALUES ('{names}')) AS {table} (name)"));
                format!("{column} = {table}.name")
            }
        };
        (self.fixed.iter().map(condition).collect(), tables)
    }

    /// The query for all keys of one range.
    fn keys(&self, range: &[String], Bounds { lowest, highest }: &Bounds) -> String {
        let Ranges { key, table, .. } = self;
        let bounds = [format!("{key} >= {lowest}"), format!("{key} <= {highest}")];
        let conditions: Vec<&str> = range.iter().chain(&bounds).chain(&self.conditions).map(String::as_str).collect();
        format!("SELECT {key} AS key FROM {table} WHERE {}", conditions.join(" AND "))
    }
}

/// Runs a query for each combination of the rows of these tables.
fn of_each(query: &str, tables: &[String], most: &str) -> String {
    match tables {
        [] => query.to_owned(),
        tables => {
            let tables = tables.join(" CROSS JOIN ");
            format!("SELECT found.key FROM {tables} CROSS JOIN LATERAL ({query} LIMIT {most}) AS found")
        }
    }
}
