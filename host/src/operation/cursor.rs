//! Use cases of cursors: from where a kind's next sync goes on.

use serde::{Deserialize, Serialize};

use super::{Caller, Host};
use crate::{
    base::{Fault, Timestamp},
    record,
    storage::Durability,
};

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
    pub state_format: u32,
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

pub(super) async fn show(host: &Host, _: &Caller, request: Show) -> Result<List, Fault> {
    listed(host, &request.backend, request.kind).await
}

pub(super) async fn set(host: &Host, caller: &Caller, request: Set) -> Result<List, Fault> {
    host.catalogue.get().need_kind(&request.kind)?;
    place(host, caller, &request.backend, vec![request.kind.clone()], Some(request.value)).await?;
    listed(host, &request.backend, Some(request.kind)).await
}

pub(super) async fn reset(host: &Host, caller: &Caller, request: Reset) -> Result<List, Fault> {
    let keys = match &request.kind {
        Some(kind) => vec![kind.clone()],
        None => listed(host, &request.backend, None).await?.cursors.into_iter().map(|cursor| cursor.kind).collect(),
    };
    place(host, caller, &request.backend, keys, None).await?;
    listed(host, &request.backend, request.kind).await
}

pub(super) async fn history(host: &Host, _: &Caller, request: History) -> Result<Moves, Fault> {
    let backend = host.backend_id(&request.backend)?;
    let limit = u64::try_from(request.limit.unwrap_or(50)).unwrap_or_default();
    let moves = host.store.read(move |tx| record::cursor::history(tx, backend, &request.kind, limit)).await?;
    let one = |was: record::cursor::Cursor| Move { time: was.moved_at, value: was.value, by: was.moved_by };
    Ok(Moves { moves: moves.into_iter().map(one).collect() })
}

async fn place(
    host: &Host,
    caller: &Caller,
    backend: &str,
    keys: Vec<String>,
    value: Option<String>,
) -> Result<(), Fault> {
    let found = host.backends.by_name(backend)?;
    // A value that a person gives is of the shape that the connector has now.
    let state_format = host.plugins.generation(&found.plugin).map(|generation| generation.manifest.state_format);
    let (backend, now, by) = (found.id, host.clock.now(), caller.actor.clone());
    host.store
        .write(Durability::Durable, move |tx| {
            for key in &keys {
                let before = record::cursor::get(tx, backend, key)?.state_format;
                let state_format = state_format.unwrap_or(before);
                let to = record::cursor::Move { value: value.as_deref(), state_format, by: &by, now };
                record::cursor::set(tx, backend, key, &to)?;
            }
            Ok::<_, record::Error>(())
        })
        .await?;
    Ok(())
}

async fn listed(host: &Host, name: &str, kind: Option<String>) -> Result<List, Fault> {
    let backend = host.backend_id(name)?;
    let cursors = host.store.read(move |tx| record::cursor::list(tx, backend)).await?;
    let one = |cursor: record::cursor::Cursor| Cursor {
        backend: name.to_owned(),
        kind: cursor.key,
        value: cursor.value,
        state_format: cursor.state_format,
        version: cursor.version,
        moved: Some(cursor.moved_at),
        by: cursor.moved_by,
    };
    let is_wanted = |cursor: &record::cursor::Cursor| kind.as_ref().is_none_or(|kind| *kind == cursor.key);
    Ok(List { cursors: cursors.into_iter().filter(is_wanted).map(one).collect() })
}
