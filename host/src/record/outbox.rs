//! The log of what happened to records, read by named consumers and pruned behind the slowest.

use serde::{Deserialize, Serialize};

use super::{Catalogue, Error};
use crate::{base::Timestamp, model::Origin, storage::Tx};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Made.
    Create,
    /// Changed.
    Write,
    /// Removed; the row is its tombstone.
    Unlink,
}

/// One change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the log.
    pub id: i64,
    /// The model.
    pub model: String,
    /// The record.
    pub record: i64,
    /// What happened.
    pub op: Op,
    /// On whose behalf.
    pub origin: Origin,
    /// Fields that changed; none for create and unlink.
    pub changed: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// Changes after a place in the log, oldest first.
pub fn after(tx: &mut dyn Tx, catalogue: &Catalogue, id: i64, limit: u64) -> Result<Vec<Event>, Error> {
    let _ = (tx, catalogue, id, limit);
    Ok(Vec::new())
}
