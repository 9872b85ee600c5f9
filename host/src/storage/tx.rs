//! The transaction handle that closures work with: a few calls, the same over every engine.

use super::{Error, Signal, Statement, outbox::NewRow};

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    /// NULL.
    Null,
    /// Integer; booleans as 0 and 1.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
    /// A list of integers for `{ints:n}`.
    Ints(&'a [i64]),
    /// A list of texts for `{texts:n}`.
    Texts(&'a [&'a str]),
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}
impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a String> for Param<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}
impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}
impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer, valid while it is visited.
pub trait Row {
    /// Integer column, or `None` where it is NULL.
    fn opt_int(&self, column: usize) -> Result<Option<i64>, Error>;
    /// Text column, or `None` where it is NULL.
    fn opt_text(&self, column: usize) -> Result<Option<&str>, Error>;
    /// Bytes column, or `None` where it is NULL.
    fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, Error>;
}

impl dyn Row + '_ {
    /// Integer column that is never NULL.
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        self.opt_int(column)?.ok_or_else(|| null(column))
    }
    /// Boolean column that is never NULL.
    pub fn bool(&self, column: usize) -> Result<bool, Error> {
        Ok(self.int(column)? != 0)
    }
    /// Text column that is never NULL.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        self.opt_text(column)?.ok_or_else(|| null(column))
    }
    /// Text column that is never NULL, owned.
    pub fn string(&self, column: usize) -> Result<String, Error> {
        self.text(column).map(str::to_owned)
    }
    /// Text column, owned, or `None` where it is NULL.
    pub fn opt_string(&self, column: usize) -> Result<Option<String>, Error> {
        Ok(self.opt_text(column)?.map(str::to_owned))
    }
    /// Bytes column that is never NULL.
    pub fn blob(&self, column: usize) -> Result<&[u8], Error> {
        self.opt_blob(column)?.ok_or_else(|| null(column))
    }
}

fn null(column: usize) -> Error {
    Error::Shape(format!("column {column} is null"))
}

/// A transaction, inside a closure given to the store.
///
/// A closure may run twice: it changes nothing outside the transaction, takes clock and ids from outside, checks its
/// fence first and is bounded in rows.
pub trait Tx {
    /// Runs a statement; answers how many rows it changed.
    fn execute(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<u64, Error>;
    /// Inserts one row; answers its id.
    fn insert(&mut self, statement: &Statement, params: &[Param<'_>]) -> Result<i64, Error>;
    /// Runs a query and shows each row to `each`.
    fn visit(
        &mut self,
        statement: &Statement,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<(), Error>,
    ) -> Result<(), Error>;
    /// Adds a row to the outbox. Like rows may be gathered: they are there before any statement that names the outbox, and
    /// before the transaction ends.
    fn log(&mut self, row: &NewRow<'_>) -> Result<(), Error>;
    /// Tells listeners of the store, once the transaction has committed (see [`super::Store::listen`]).
    fn signal(&mut self, signal: Signal);
    /// Runs DDL in the portable subset.
    fn define(&mut self, ddl: &str) -> Result<(), Error>;
    /// Lets a column of a table refer to the ids of another one, which may be made later in the transaction. Its definition
    /// says so too, with `{refers:other}`, for engines that look for the other table only when they need it.
    fn refer(&mut self, table: &str, column: &str, to: &str) -> Result<(), Error>;
    /// Opens a savepoint. Callers use `savepoint`, which closes it on every path.
    fn open_savepoint(&mut self) -> Result<(), Error>;
    /// Ends the innermost savepoint, keeping or undoing what was done since.
    fn close_savepoint(&mut self, keep: bool) -> Result<(), Error>;
}

impl dyn Tx + '_ {
    /// All rows of a query.
    pub fn query<T>(
        &mut self,
        statement: &Statement,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut rows = Vec::new();
        self.visit(statement, params, &mut |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row of a query.
    pub fn first<T>(
        &mut self,
        statement: &Statement,
        params: &[Param<'_>],
        mut read: impl FnMut(&dyn Row) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut found = None;
        self.visit(statement, params, &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs `body` so that nothing of it stays where it fails. The outer error is the store's own.
    pub fn savepoint<T, E>(&mut self, body: impl FnOnce(&mut dyn Tx) -> Result<T, E>) -> Result<Result<T, E>, Error> {
        self.open_savepoint()?;
        let result = body(self);
        self.close_savepoint(result.is_ok())?;
        Ok(result)
    }
}
