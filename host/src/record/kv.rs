//! Small values that a connector keeps for a backend: JSON under keys.

use serde_json::Value as Json;

use super::Error;
use crate::{base::Timestamp, storage::Tx};

/// The value of a key with its `state_format`, where there is one.
pub fn get(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<Option<(Json, u32)>, Error> {
    let _ = (tx, backend, key);
    Ok(None)
}

/// Stores a value; null removes it.
pub fn set(
    tx: &mut dyn Tx,
    backend: i64,
    key: &str,
    value: &Json,
    state_format: u32,
    now: Timestamp,
) -> Result<(), Error> {
    let _ = (tx, backend, key, value, state_format, now);
    Ok(())
}

/// All keys of a backend.
pub fn keys(tx: &mut dyn Tx, backend: i64) -> Result<Vec<String>, Error> {
    let _ = (tx, backend);
    Ok(Vec::new())
}
