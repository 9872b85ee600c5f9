//! Small values that a connector keeps for a backend: JSON under keys.

use serde_json::Value as Json;

use super::Error;
use crate::{
    base::Timestamp,
    storage::{Tx, kv as rows},
};

/// The value of a key with its `state_format`, where there is one.
pub fn get(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<Option<(Json, u32)>, Error> {
    let Some((text, format)) = rows::get(tx, backend, key)? else { return Ok(None) };
    let value = serde_json::from_str(&text)
        .map_err(|e| crate::storage::Error::Shape(format!("the value of {key} is not JSON: {e}")))?;
    Ok(Some((value, u32::try_from(format).unwrap_or_default())))
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
    match value {
        Json::Null => Ok(rows::delete(tx, backend, key)?),
        value => Ok(rows::put(tx, backend, key, &value.to_string(), state_format.into(), now.0)?),
    }
}

/// The JSON text of a key with its `state_format`, where there is one.
pub fn text(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<Option<(String, u32)>, Error> {
    Ok(rows::get(tx, backend, key)?.map(|(text, format)| (text, u32::try_from(format).unwrap_or_default())))
}

/// Stores JSON text as it is; `None` removes the key.
pub fn put(
    tx: &mut dyn Tx,
    backend: i64,
    key: &str,
    text: Option<&str>,
    state_format: u32,
    now: Timestamp,
) -> Result<(), Error> {
    match text {
        None => Ok(rows::delete(tx, backend, key)?),
        Some(text) => Ok(rows::put(tx, backend, key, text, state_format.into(), now.0)?),
    }
}

/// All keys of a backend.
pub fn keys(tx: &mut dyn Tx, backend: i64) -> Result<Vec<String>, Error> {
    Ok(rows::keys(tx, backend)?)
}
