//! Use cases of cursors: from where a kind's next sync goes on.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

/// Chooses cursors.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    /// The backend.
    pub backend: String,
    /// Only of this kind.
    #[serde(default)]
    pub kind: Option<String>,
}

/// Moves a cursor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// The new value: an RFC 3339 time, or what the connector uses.
    pub value: String,
}

/// Removes a cursor, so that the next sync is a full one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The backend.
    pub backend: String,
    /// The kind; absent: all.
    #[serde(default)]
    pub kind: Option<String>,
}

/// Asks where a cursor was.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// At most so many; absent: 50.
    #[serde(default)]
    pub limit: Option<i64>,
}

/// Cursors.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// By kind.
    pub cursors: Vec<Cursor>,
}

/// A cursor.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// Where the next sync goes on; absent: from the start.
    pub value: Option<String>,
    /// Version of the shape of the value.
    pub state_format: i64,
    /// Raised by every move.
    pub version: i64,
    /// When it moved last.
    pub moved: Option<Timestamp>,
    /// Who or what moved it.
    pub by: String,
}

/// Where a cursor was.
#[derive(Debug, Serialize, Deserialize)]
pub struct Moves {
    /// Newest first.
    pub moves: Vec<Move>,
}

/// One move.
#[derive(Debug, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub time: Timestamp,
    /// To where; absent: to the start.
    pub value: Option<String>,
    /// Who or what moved it.
    pub by: String,
}
