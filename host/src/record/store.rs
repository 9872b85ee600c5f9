//! Writing records: create, write, unlink, each with its version, its computed fields, its lines and its outbox row.

use super::{Catalogue, Change, Error, Model, Values};
use crate::storage::Tx;

/// What a write came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The record's version now.
    pub version: i64,
    /// Fields whose value differs from before, by index; none: nothing was written.
    pub changed: Vec<usize>,
}

/// Makes a record, its lines and its computed fields; answers its id. Symbolic references must be resolved.
pub fn create(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    values: &Values,
    change: &Change,
) -> Result<i64, Error> {
    let _ = (tx, catalogue, values, change);
    Err(Error::UnknownModel(model.name.clone()))
}

/// Changes a record: only what differs is written. Symbolic references must be resolved.
pub fn write(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    id: i64,
    values: &Values,
    change: &Change,
) -> Result<Written, Error> {
    let _ = (tx, catalogue, id, values, change);
    Err(Error::UnknownModel(model.name.clone()))
}

/// Removes records, with what stands and falls with them; leaves tombstones in the outbox and takes bindings away.
pub fn unlink(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    ids: &[i64],
    change: &Change,
) -> Result<(), Error> {
    let _ = (tx, catalogue, ids, change);
    Err(Error::UnknownModel(model.name.clone()))
}
