//! The audit log: who changed what, and what came of it. Append-only; it never holds a secret or a setting's value.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;

/// Asks for the newest lines.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// At most so many; absent: 50.
    pub limit: Option<i64>,
    /// Only with a smaller id: the next page.
    pub before: Option<i64>,
}

/// Lines of the log.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Newest first.
    pub entries: Vec<Entry>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id.
    pub id: i64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Asked for what.
    pub operation: String,
    /// With what, secrets masked.
    pub request: Value,
    /// `done`, or the code of the fault.
    pub outcome: String,
}
