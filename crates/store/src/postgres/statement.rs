//! Statements with their parameters. None is prepared under a name: behind a pooler in transaction mode the next one may run on another
//! connection, where the name is unknown or, worse, somebody else's.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::error::Fault;
use crate::copy::Column;
use crate::rows::list::{Query, Value};

/// A statement to be run, with `$1`, `$2`… for its parameters.
pub(super) struct Statement {
    pub(super) sql: Cow<'static, str>,
    params: Vec<Param>,
}

/// What a parameter is: a value, or a column of values for `unnest`.
#[derive(Debug)]
pub(super) enum Param {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Param {
    const fn kind(&self) -> Type {
        match self {
            Param::Integer(_) => Type::INT8,
            Param::Text(_) => Type::TEXT,
            Param::Bytes(_) => Type::BYTEA,
            Param::Integers(_) => Type::INT8_ARRAY,
            Param::Texts(_) => Type::TEXT_ARRAY,
            Param::Blobs(_) => Type::BYTEA_ARRAY,
        }
    }
}

impl ToSql for Param {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Param::Integer(number) => number.to_sql(kind, out),
            Param::Text(text) => text.to_sql(kind, out),
            Param::Bytes(bytes) => bytes.to_sql(kind, out),
            Param::Integers(numbers) => numbers.to_sql(kind, out),
            Param::Texts(texts) => texts.to_sql(kind, out),
            Param::Blobs(blobs) => blobs.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::BYTEA | Type::INT8_ARRAY | Type::TEXT_ARRAY | Type::BYTEA_ARRAY)
    }

    to_sql_checked!();
}

impl Statement {
    /// A statement without parameters yet.
    pub(super) fn new(sql: impl Into<Cow<'static, str>>) -> Statement {
        Statement { sql: sql.into(), params: Vec::new() }
    }

    /// The statement of a list, whose parameters are `?1`, `?2`…
    pub(super) fn of(query: &Query) -> Statement {
        let mut statement = Statement::new(query.sql.replace('?', "$"));
        statement.params.extend(query.values.iter().map(|value| match value {
            Value::Null => Param::Bytes(None),
            Value::Integer(number) => Param::Integer(Some(*number)),
            Value::Text(text) => Param::Text(Some(text.clone())),
            Value::Blob(bytes) => Param::Bytes(Some(bytes.clone())),
        }));
        statement
    }

    fn with(mut self, param: Param) -> Statement {
        self.params.push(param);
        self
    }

    pub(super) fn integer(self, number: impl Into<Option<i64>>) -> Statement {
        self.with(Param::Integer(number.into()))
    }

    pub(super) fn text(self, text: &str) -> Statement {
        self.text_or_null(Some(text))
    }

    pub(super) fn text_or_null(self, text: Option<&str>) -> Statement {
        self.with(Param::Text(text.map(str::to_owned)))
    }

    pub(super) fn bytes(self, bytes: impl AsRef<[u8]>) -> Statement {
        self.bytes_or_null(Some(bytes))
    }

    pub(super) fn bytes_or_null(self, bytes: Option<impl AsRef<[u8]>>) -> Statement {
        self.with(Param::Bytes(bytes.map(|bytes| bytes.as_ref().to_vec())))
    }

    /// A column of numbers.
    pub(super) fn integers(self, numbers: impl IntoIterator<Item = impl Into<Option<i64>>>) -> Statement {
        self.with(Param::Integers(numbers.into_iter().map(Into::into).collect()))
    }

    /// A column of texts.
    pub(super) fn texts<'t>(self, texts: impl IntoIterator<Item = impl Into<Option<&'t str>>>) -> Statement {
        self.with(Param::Texts(texts.into_iter().map(|text| text.into().map(str::to_owned)).collect()))
    }

    /// A column of bytes.
    pub(super) fn blobs(self, blobs: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Statement {
        self.blobs_or_nulls(blobs.into_iter().map(Some))
    }

    /// A column of bytes, some of which are missing.
    pub(super) fn blobs_or_nulls(self, blobs: impl IntoIterator<Item = Option<impl AsRef<[u8]>>>) -> Statement {
        let copied = blobs.into_iter().map(|bytes| bytes.map(|bytes| bytes.as_ref().to_vec()));
        self.with(Param::Blobs(copied.collect()))
    }

    /// A column of values of one kind.
    pub(super) fn column(self, column: Column, values: Vec<Value>) -> Result<Statement, Fault> {
        let wrong = |value: Value| Fault::Damaged(format!("{value:?} does not belong into its column"));
        let param = match column {
            Column::Integer => {
                let numbers = values.into_iter().map(|value| match value {
                    Value::Integer(number) => Ok(Some(number)),
                    Value::Null => Ok(None),
                    other @ (Value::Text(_) | Value::Blob(_)) => Err(wrong(other)),
                });
                Param::Integers(numbers.collect::<Result<_, Fault>>()?)
            }
            Column::Text => {
                let texts = values.into_iter().map(|value| match value {
                    Value::Text(text) => Ok(Some(text)),
                    Value::Null => Ok(None),
                    other @ (Value::Integer(_) | Value::Blob(_)) => Err(wrong(other)),
                });
                Param::Texts(texts.collect::<Result<_, Fault>>()?)
            }
            Column::Blob => {
                let blobs = values.into_iter().map(|value| match value {
                    Value::Blob(bytes) => Ok(Some(bytes)),
                    Value::Null => Ok(None),
                    other @ (Value::Integer(_) | Value::Text(_)) => Err(wrong(other)),
                });
                Param::Blobs(blobs.collect::<Result<_, Fault>>()?)
            }
        };
        Ok(self.with(param))
    }

    /// The parameters as the driver takes them.
    pub(super) fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params.iter().map(|param| (param as &(dyn ToSql + Sync), param.kind())).collect()
    }
}
