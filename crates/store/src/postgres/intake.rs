//! The database as what is copied into: all in one transaction.

use super::error::{DatabaseError, Fault};
use super::schema;
use super::session::{Kind, Session, Sessions};
use super::settings::PostgresSettings;
use super::statement::Statement;
use crate::copy::{Column, Table};
use crate::rows::list::Value;

/// A copy under way. Nothing of it is there before it is finished.
pub(crate) struct Intake {
    settings: PostgresSettings,
    session: Session,
}

impl Intake {
    /// Begins a copy into a database that is up to date.
    pub(crate) async fn begin(settings: &PostgresSettings) -> Result<Intake, DatabaseError> {
        let sessions = Sessions::new(settings).map_err(|why| schema::unreachable(settings, why))?;
        schema::check(&sessions, settings).await?;
        let session = sessions.begin(Kind::Migration).await;
        let session = session.map_err(|fault| schema::unreachable(settings, fault.details()))?;
        Ok(Intake { settings: settings.clone(), session })
    }

    /// Whether none of these tables has a row.
    pub(crate) async fn is_empty(&mut self, tables: &[Table]) -> Result<bool, DatabaseError> {
        for table in tables {
            let look = Statement::new(format!("SELECT 1 FROM {} LIMIT 1", table.name));
            if !self.session.query(look).await.map_err(|fault| self.cannot(&fault))?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes rows of a table.
    pub(crate) async fn take(&mut self, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), DatabaseError> {
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let types = (1..).zip(table.columns).map(|(place, (_, column))| format!("${place}::{}[]", kind(*column)));
        let sql = format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({})",
            table.name,
            names.join(", "),
            types.collect::<Vec<_>>().join(", ")
        );
        let mut columns: Vec<Vec<Value>> = table.columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let statement = columns
            .into_iter()
            .zip(table.columns)
            .try_fold(Statement::new(sql), |statement, (values, (_, column))| statement.column(*column, values));
        let taken = match statement {
            Ok(statement) => self.session.query(statement).await.map(drop),
            Err(fault) => Err(fault),
        };
        taken.map_err(|fault| self.cannot(&fault))
    }

    /// Makes it all durable.
    pub(crate) async fn finish(self) -> Result<(), DatabaseError> {
        let Intake { settings, session } = self;
        session.finish(&[]).await.map(drop).map_err(|fault| schema::unreachable(&settings, fault.details()))
    }

    fn cannot(&self, fault: &Fault) -> DatabaseError {
        schema::unreachable(&self.settings, fault.details())
    }
}

const fn kind(column: Column) -> &'static str {
    match column {
        Column::Integer => "BIGINT",
        Column::Text => "TEXT",
        Column::Blob => "BYTEA",
    }
}
