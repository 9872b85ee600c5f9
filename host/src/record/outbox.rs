//! The log of what happened to records, read by named consumers and pruned behind the slowest.

use serde::{Deserialize, Serialize};

use super::{
    Catalogue, Error,
    work::{CREATED, REMOVED},
};
use crate::{
    base::Timestamp,
    model::Origin,
    storage::{Tx, outbox as rows},
};

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

impl Event {
    /// Whether it came from a backend, or through it.
    pub fn passed(&self, backend: i64) -> bool {
        self.origin.backend == Some(backend) || self.origin.chain.contains(&backend)
    }
}

/// Changes after a place in the log, oldest first.
pub fn after(tx: &mut dyn Tx, catalogue: &Catalogue, id: i64, limit: u64) -> Result<Vec<Event>, Error> {
    Ok(rows::after(tx, id, limit)?.into_iter().map(|row| event(catalogue, row)).collect())
}

/// The same without what came in from one backend.
pub fn after_of_others(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    id: i64,
    backend: i64,
    limit: u64,
) -> Result<Vec<Event>, Error> {
    Ok(rows::after_of_others(tx, id, backend, limit)?.into_iter().map(|row| event(catalogue, row)).collect())
}

fn event(catalogue: &Catalogue, row: rows::StoredRow) -> Event {
    Event {
        id: row.id,
        model: catalogue.model_by_id(row.model).map(|model| model.name.clone()).unwrap_or_default(),
        record: row.record,
        op: match row.op {
            CREATED => Op::Create,
            REMOVED => Op::Unlink,
            _ => Op::Write,
        },
        origin: Origin {
            backend: row.backend,
            chain: row.chain.and_then(|chain| serde_json::from_str(&chain).ok()).unwrap_or_default(),
            actor: row.actor.unwrap_or_default(),
        },
        changed: row.changed.map(|names| names.split(',').map(str::to_owned).collect()).unwrap_or_default(),
        at: Timestamp(row.at),
    }
}

/// The place of the newest change; 0 where there is none.
pub fn last(tx: &mut dyn Tx) -> Result<i64, Error> {
    Ok(rows::last(tx)?)
}

/// How far a consumer has read; `None` where nobody of that name reads.
pub fn position(tx: &mut dyn Tx, consumer: &str) -> Result<Option<i64>, Error> {
    Ok(rows::position(tx, consumer)?)
}

/// Notes how far a consumer has read, making it where it is new. It never goes back.
pub fn advance(tx: &mut dyn Tx, consumer: &str, position: i64, now: Timestamp) -> Result<(), Error> {
    Ok(rows::advance(tx, consumer, position, now.0)?)
}

/// Ends a consumer: the log no longer waits for it.
pub fn forget(tx: &mut dyn Tx, consumer: &str) -> Result<(), Error> {
    Ok(rows::forget(tx, consumer)?)
}

/// A reader of the log, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// How far it has read.
    pub position: i64,
    /// Changes that it has not read yet.
    pub behind: i64,
    /// Changes that it missed, since it was cut off and has not looked at everything since.
    pub missed: Option<i64>,
}

/// All readers of the log, by name.
pub fn consumers(tx: &mut dyn Tx) -> Result<Vec<Consumer>, Error> {
    let newest = rows::last(tx)?;
    let shown = |row: rows::Consumer| Consumer {
        behind: (newest - row.position).max(0),
        missed: row.cut_off_at.map(|_| row.missed),
        name: row.name,
        position: row.position,
    };
    Ok(rows::consumers(tx)?.into_iter().map(shown).collect())
}

/// Cuts consumers off that are more than so many changes behind: the log is bounded, whoever reads. Answers how many.
pub fn cut_off(tx: &mut dyn Tx, most_behind: i64, now: Timestamp) -> Result<u64, Error> {
    let place = rows::last(tx)? - most_behind;
    Ok(if place > 0 { rows::cut_off(tx, place, now.0)? } else { 0 })
}

/// Notes that a consumer that was cut off has looked at everything since.
pub fn resynced(tx: &mut dyn Tx, consumer: &str) -> Result<(), Error> {
    Ok(rows::resynced(tx, consumer)?)
}

/// Removes what every consumer has read and is older than a moment, at most `limit` rows; answers how many.
pub fn prune(tx: &mut dyn Tx, older_than: Timestamp, limit: u64) -> Result<u64, Error> {
    Ok(rows::prune(tx, older_than.0, limit)?)
}
