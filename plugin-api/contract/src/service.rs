//! The services a connector asks of its host: names, requests, answers.
//!
//! Each call carries the host's call id, from which the host derives job, backend, origin, grants and deadline; none
//! of that is in the payload.
//!
//! Writes asked here are buffered: the call's own reads see them, and they are committed with the outcome of the job, or
//! at a [`CHECKPOINT`]. What the host can tell from the request alone (an unknown field, a wrong type, a model that is
//! not granted) is answered at once; what only the store can tell (a value that must be unique, a record that is gone)
//! at the next read that sees the write, at a checkpoint, or as the outcome of the job.
//!
//! What is not committed yet has a temporary id: negative, and good wherever an id is wanted, within the same piece of
//! work. JSON values travel as segments, so that numbers cross as they are written.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// [`crate::http::Request`] → [`crate::http::Response`].
pub const HTTP: &str = "http";
/// [`Body`] → [`crate::op::Done`] with the body as segment 0: a body that was kept.
pub const HTTP_BODY: &str = "http.body";
/// [`Search`] → [`Rows`].
pub const RECORD_SEARCH: &str = "record.search";
/// [`Search`] → [`Count`], whatever its limit.
pub const RECORD_COUNT: &str = "record.count";
/// [`ReadRecords`] → [`Rows`].
pub const RECORD_READ: &str = "record.read";
/// [`WriteRecord`] with a JSON object of values as segment 0 → [`RecordId`].
pub const RECORD_CREATE: &str = "record.create";
/// [`WriteRecord`] with a JSON object of values as segment 0 → [`RecordId`].
pub const RECORD_WRITE: &str = "record.write";
/// [`WriteRecord`] → [`RecordId`].
pub const RECORD_UNLINK: &str = "record.unlink";
/// [`FindBinding`] → [`Found`].
pub const BINDING_FIND: &str = "binding.find";
/// [`Bind`] with a JSON object of extra fields as segment 0 → [`RecordId`]: the binding's.
pub const BINDING_BIND: &str = "binding.bind";
/// [`Unbind`] → [`crate::op::Done`]: the record stays.
pub const BINDING_UNBIND: &str = "binding.unbind";
/// [`Mark`] → [`crate::op::Done`].
pub const BINDING_MARK: &str = "binding.mark";
/// [`Enqueue`] → [`Enqueued`].
pub const ENQUEUE: &str = "enqueue";
/// [`Key`] → [`Stored`] with the value as segment 0, a JSON text; the key is a kind of the connector.
pub const CURSOR_GET: &str = "cursor.get";
/// [`Key`] with a JSON text as segment 0 (null: from the beginning) → [`crate::op::Done`].
pub const CURSOR_SET: &str = "cursor.set";
/// [`Key`] → [`Stored`] with the value as segment 0, any JSON.
pub const KV_GET: &str = "kv.get";
/// [`Key`] with any JSON as segment 0 → [`crate::op::Done`].
pub const KV_SET: &str = "kv.set";
/// [`Key`] → [`crate::op::Done`]; a key that is not there is fine.
pub const KV_DELETE: &str = "kv.delete";
/// [`Key`], of which the keys begin with → [`Keys`].
pub const KV_LIST: &str = "kv.list";
/// [`Progress`] → [`crate::op::Done`].
pub const PROGRESS: &str = "progress";
/// [`Sleep`] → [`crate::op::Done`], or an error of class `cancelled`.
pub const SLEEP: &str = "sleep";
/// [`crate::op::Done`] → [`Cancelled`].
pub const CANCELLED: &str = "cancelled";
/// [`crate::op::Done`] → [`crate::op::Done`]: commits what was written so far behind a fence check.
pub const CHECKPOINT: &str = "checkpoint";
/// [`crate::op::Done`] → [`Now`].
pub const NOW: &str = "now";

/// Asks for a kept body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Body {
    /// Its handle.
    pub handle: u64,
}

/// Searches a model, or a kind under its own name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// Model or kind.
    pub model: String,
    /// Domain in prefix notation: `["&", ["active", "=", true], ["name", "ilike", "x"]]`.
    pub domain: Value,
    /// Fields to read; empty: all.
    pub fields: Vec<String>,
    /// At most this many; absent or more: the host's cap of 10,000.
    pub limit: Option<u64>,
    /// Rows to leave out first.
    pub offset: u64,
    /// `name desc, id`.
    pub order: String,
    /// Archived records too, where the domain does not speak of `active`.
    pub archived: bool,
}

/// Reads records by id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadRecords {
    /// Model or kind.
    pub model: String,
    /// Ids.
    pub ids: Vec<i64>,
    /// Fields to read; empty: all.
    pub fields: Vec<String>,
}

/// Rows: JSON objects with `id` and the fields asked for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rows {
    /// In the order of the search, or of the ids.
    pub rows: Vec<Value>,
}

/// How many there are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    /// The number.
    pub count: u64,
}

/// Creates, changes or removes one record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteRecord {
    /// Model or kind.
    pub model: String,
    /// The record; absent for a create.
    pub id: Option<i64>,
}

/// What was written: a record, or a binding under a kind's name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordId {
    /// Its id; a temporary one until it is committed.
    pub id: i64,
}

/// Looks a binding up from either end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindBinding {
    /// The kind.
    pub kind: String,
    /// External id, to find our record.
    pub external_id: Option<String>,
    /// Our record, to find the external id.
    pub record: Option<i64>,
}

/// A binding, or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The binding.
    pub binding: Option<Binding>,
}

/// A binding as a connector sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Binding {
    /// Its id.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// External id, where it is known.
    pub external_id: Option<String>,
    /// Our record, where there is one.
    pub record: Option<i64>,
    /// Time of the last sync, RFC 3339.
    pub sync_date: Option<String>,
    /// `pending`, `in_progress`, `success`, `failed`, `skipped`.
    pub sync_status: String,
    /// Failed attempts since the last success.
    pub retry_count: u32,
    /// Attempts allowed.
    pub max_retries: u32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Extra fields of the kind.
    pub extra: Value,
}

/// Links a record and an external id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bind {
    /// The kind.
    pub kind: String,
    /// External id.
    pub external_id: String,
    /// Our record.
    pub record: i64,
}

/// Takes a binding away.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unbind {
    /// The binding.
    pub id: i64,
}

/// Marks a binding.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// The binding.
    pub id: i64,
    /// `None`: `mark_sync_success()`; else `mark_sync_failed(message)`.
    pub failed: Option<String>,
}

/// Enqueues a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Enqueue {
    /// What to do.
    pub task: Task,
    /// 0 first; absent: 10.
    pub priority: Option<u32>,
    /// Seconds from now.
    pub eta_seconds: Option<u64>,
    /// Absent: 5; 0: endless under the host's cap.
    pub max_retries: Option<u32>,
    /// Folds equal jobs of this backend: while one of this identity waits, no other is made.
    pub identity: Option<String>,
    /// Folds them until the first has ended, not only until it starts.
    pub until_done: bool,
    /// A channel below the backend's own, made where it is missing; absent: the backend's own.
    pub channel: Option<String>,
    /// For people.
    pub description: Option<String>,
}

/// What a job of a connector can do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Task {
    /// Import one record.
    Import {
        /// The kind.
        kind: String,
        /// External id.
        id: String,
        /// Even where it looks up to date.
        #[serde(default)]
        force: bool,
    },
    /// Export one record.
    Export {
        /// The kind.
        kind: String,
        /// Our record.
        record: i64,
    },
    /// A step of a whole sync.
    Sync {
        /// The step.
        step: crate::manifest::Step,
    },
    /// A declared action.
    Action {
        /// Its name.
        name: String,
        /// Its arguments.
        #[serde(default)]
        arguments: Value,
    },
    /// A task of a newer contract; refused.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A job that was enqueued.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Enqueued {
    /// Its id; a temporary one until it is committed.
    pub id: i64,
    /// An equal job was waiting already; `id` is that one's.
    pub deduplicated: bool,
}

/// Names a stored value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Key {
    /// The key.
    pub key: String,
}

/// What is said of a stored value; where there is none, segment 0 is missing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stored {
    /// The connector's `state_format` when it was stored. Never above the present one: such a value is refused.
    pub state_format: u32,
}

/// Stored keys, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<String>,
}

/// How far a call is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all, where known.
    pub total: Option<u64>,
    /// For people.
    pub message: String,
}

/// Waits, without holding a thread.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sleep {
    /// Milliseconds.
    pub ms: u64,
}

/// Whether the call should end.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cancelled {
    /// It should.
    pub cancelled: bool,
}

/// The host's time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Now {
    /// RFC 3339.
    pub now: String,
}
