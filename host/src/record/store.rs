//! Writing records: create, write, unlink, each with its version, its computed fields, its lines and its outbox row.

use super::{Catalogue, Change, Error, Model, Values, work::Work};
use crate::storage::Tx;

/// What a write came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The record's version now.
    pub version: i64,
    /// Fields whose value differs from before, by index; none: nothing was written.
    pub changed: Vec<usize>,
}

/// The version of a record that was just made. Its lines and computed fields don't raise it.
pub const FIRST_VERSION: i64 = 1;

/// Makes a record, its lines and its computed fields; answers its id. Symbolic references must be resolved. A new
/// record has [`FIRST_VERSION`].
pub fn create(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    values: &Values,
    change: &Change,
) -> Result<i64, Error> {
    let mut work = Work::new(tx, catalogue, change);
    let id = work.create(model, values, None)?;
    work.finish(model.id, id)?;
    Ok(id)
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
    let mut work = Work::new(tx, catalogue, change);
    let written = work.write(model, id, values)?;
    let version = work.finish(model.id, id)?.unwrap_or(written.version);
    Ok(Written { version, changed: written.changed })
}

/// Removes records, with what stands and falls with them; leaves tombstones in the outbox and takes bindings away.
pub fn unlink(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    model: &Model,
    ids: &[i64],
    change: &Change,
) -> Result<(), Error> {
    let mut work = Work::new(tx, catalogue, change);
    for id in ids {
        work.remove(model, *id)?;
    }
    work.finish(model.id, 0)?;
    Ok(())
}
