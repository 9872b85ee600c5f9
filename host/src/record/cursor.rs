//! Cursors of syncs, per backend and key (a kind), with their history. They move with a comparison, so that two runs
//! can't move one past each other.

use super::Error;
use crate::{
    base::Timestamp,
    storage::{
        Tx,
        cursor::{self as rows, CursorRow},
    },
};

/// Moves that are kept in a cursor's history.
const KEPT: i64 = 100;

/// A cursor.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cursor {
    /// The key: a kind.
    pub key: String,
    /// The value, as the connector made it.
    pub value: Option<String>,
    /// The format of the value: the connector's `state_format`.
    pub state_format: u32,
    /// Rises with each move; what `advance` compares.
    pub version: i64,
    /// When it was moved.
    pub moved_at: Timestamp,
    /// Who moved it: a run, an operator.
    pub moved_by: String,
}

/// What a cursor is moved to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move<'a> {
    /// The value; `None` starts from the beginning.
    pub value: Option<&'a str>,
    /// The connector's `state_format`.
    pub state_format: u32,
    /// Who moves it.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
}

/// The cursor of a key; one at the beginning where there is none.
pub fn get(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<Cursor, Error> {
    let beginning = || Cursor {
        key: key.to_owned(),
        value: None,
        state_format: 0,
        version: 0,
        moved_at: Timestamp::default(),
        moved_by: String::new(),
    };
    Ok(rows::get(tx, backend, key)?.map_or_else(beginning, cursor))
}

/// Moves a cursor that is still at a version; else [`Error::CursorChanged`]. Answers the new version.
pub fn advance(tx: &mut dyn Tx, backend: i64, key: &str, expected: i64, to: &Move<'_>) -> Result<i64, Error> {
    if get(tx, backend, key)?.version != expected {
        return Err(Error::CursorChanged { key: key.to_owned() });
    }
    put(tx, backend, key, expected + 1, to)
}

/// Moves a cursor whatever it is at: an operator's set and reset. Answers the new version.
pub fn set(tx: &mut dyn Tx, backend: i64, key: &str, to: &Move<'_>) -> Result<i64, Error> {
    let version = get(tx, backend, key)?.version;
    put(tx, backend, key, version + 1, to)
}

/// All cursors of a backend.
pub fn list(tx: &mut dyn Tx, backend: i64) -> Result<Vec<Cursor>, Error> {
    Ok(rows::list(tx, backend)?.into_iter().map(cursor).collect())
}

/// Where a cursor has been, newest first; the first is where it stands.
pub fn history(tx: &mut dyn Tx, backend: i64, key: &str, limit: u64) -> Result<Vec<Cursor>, Error> {
    Ok(rows::history(tx, backend, key, limit)?.into_iter().map(cursor).collect())
}

fn put(tx: &mut dyn Tx, backend: i64, key: &str, version: i64, to: &Move<'_>) -> Result<i64, Error> {
    let row = CursorRow {
        key: key.to_owned(),
        value: to.value.map(str::to_owned),
        state_format: to.state_format.into(),
        version,
        moved_at: to.now.0,
        moved_by: to.by.to_owned(),
    };
    rows::put(tx, backend, &row, KEPT)?;
    Ok(version)
}

fn cursor(row: CursorRow) -> Cursor {
    Cursor {
        key: row.key,
        value: row.value,
        state_format: u32::try_from(row.state_format).unwrap_or_default(),
        version: row.version,
        moved_at: Timestamp(row.moved_at),
        moved_by: row.moved_by,
    }
}
