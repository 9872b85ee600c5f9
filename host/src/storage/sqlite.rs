//! The SQLite engine: parameters, rows and errors of the store in terms of rusqlite.

use rusqlite::{
    Connection, ErrorCode,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{Error, Param, Row, Statement, Tx};

/// Opens a connection with the store's pragmas.
pub(super) fn open(path: &std::path::Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "pragma page_size=8192; pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on;
         pragma temp_store=memory; pragma cache_size=-32768; pragma busy_timeout=5000",
    )?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(connection)
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        let rusqlite::Error::SqliteFailure(failure, _) = &error else { return Self::Engine(text) };
        match (failure.code, failure.extended_code) {
            (ErrorCode::DiskFull, _) => Self::DiskFull(text),
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Locked(text),
            (ErrorCode::OperationInterrupted, _) => Self::Timeout,
            (_, rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
                Self::Unique(text)
            }
            (_, rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => Self::ForeignKey(text),
            (ErrorCode::ConstraintViolation, _) => Self::Check(text),
            _ => Self::Engine(text),
        }
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Self::Text(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Blob(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
            Self::Ints(values) => ToSqlOutput::Owned(Value::Text(list(values)?)),
            Self::Texts(values) => ToSqlOutput::Owned(Value::Text(list(values)?)),
        })
    }
}

fn list<T: serde::Serialize>(values: &[T]) -> rusqlite::Result<String> {
    serde_json::to_string(values).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl SqliteRow<'_> {
    fn shape(&self, column: usize, wanted: &str) -> Error {
        let name = self.0.as_ref().column_name(column).unwrap_or("?").to_owned();
        Error::Shape(format!("column {name} is not {wanted}"))
    }
}

impl Row for SqliteRow<'_> {
    fn opt_int(&self, column: usize) -> Result<Option<i64>, Error> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => Ok(Some(value)),
            _ => Err(self.shape(column, "an integer")),
        }
    }
    fn opt_text(&self, column: usize) -> Result<Option<&str>, Error> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(value) => std::str::from_utf8(value).map(Some).map_err(|_| self.shape(column, "UTF-8")),
            _ => Err(self.shape(column, "text")),
        }
    }
    fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, Error> {
        match self.0.get_ref(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(value) => Ok(Some(value)),
            _ => Err(self.shape(column, "bytes")),
        }
    }
}

/// A transaction (or a read) over a connection.
pub(super) struct SqliteTx<'a>(pub(super) &'a Connection);

impl Tx for SqliteTx<'_> {
    fn execute(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<u64, Error> {
        let mut prepared = self.0.prepare_cached(statement.sqlite())?;
        Ok(prepared.execute(rusqlite::params_from_iter(params))? as u64)
    }
    fn insert(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<i64, Error> {
        self.execute(statement, params)?;
        Ok(self.0.last_insert_rowid())
    }
    fn visit(
        &mut self,
        statement: &Statement,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut prepared = self.0.prepare_cached(statement.sqlite())?;
        let mut rows = prepared.query(rusqlite::params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            each(&SqliteRow(row))?;
        }
        Ok(())
    }
    fn signal(&mut self, _signal: super::Signal) {}
    fn define(&mut self, ddl: &str) -> Result<(), Error> {
        Ok(self.0.execute_batch(&super::statement::sqlite(ddl))?)
    }
    fn open_savepoint(&mut self) -> Result<(), Error> {
        self.0.prepare_cached("savepoint inner_work")?.execute([])?;
        Ok(())
    }
    fn close_savepoint(&mut self, keep: bool) -> Result<(), Error> {
        if !keep {
            self.0.prepare_cached("rollback to inner_work")?.execute([])?;
        }
        self.0.prepare_cached("release inner_work")?.execute([])?;
        Ok(())
    }
}
