//! Use cases of the review list: records that wait for a person, since the host never guesses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;

/// Chooses items.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Only of this backend.
    pub backend: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// At most so many; absent: 80.
    pub limit: Option<i64>,
}

/// Names an item.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// Its id.
    pub id: i64,
}

/// Items.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Oldest first.
    pub items: Vec<Item>,
}

/// An item.
#[derive(Debug, Serialize, Deserialize)]
pub struct Item {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// The record there.
    pub external_id: String,
    /// Why it waits: `several_matches`, …
    pub reason: String,
    /// Records of ours that it may be.
    pub candidates: Vec<i64>,
    /// Since when.
    pub created: Timestamp,
    /// More about it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

/// Settles an item.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resolve {
    /// The item.
    pub id: i64,
    /// How.
    #[serde(flatten)]
    pub decision: Decision,
}

/// How an item is settled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    /// It is this record of ours.
    Bind {
        /// The record.
        record: i64,
    },
    /// It is a new one.
    Create,
    /// It is not wanted here.
    Skip,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Resolved {
    /// The item.
    pub id: i64,
    /// The job that does the rest, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<i64>,
}
