//! The services a connector asks of its host: names, requests, answers.
//!
//! Each call carries the host's call id, from which the host derives job, backend, origin, grants and deadline; none
//! of that is in the payload. Writes asked here are buffered (the call's own reads see them) and committed with the
//! outcome of the job.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// [`crate::http::Request`] → [`crate::http::Response`].
pub const HTTP: &str = "http";
/// [`Body`] → [`crate::op::Done`] with the body as segment 0: a body that was kept.
pub const HTTP_BODY: &str = "http.body";
/// [`Search`] → [`Rows`].
pub const RECORD_SEARCH: &str = "record.search";
/// [`ReadRecords`] → [`Rows`].
pub const RECORD_READ: &str = "record.read";
/// [`WriteRecord`] → [`RecordId`].
pub const RECORD_CREATE: &str = "record.create";
/// [`WriteRecord`] → [`RecordId`].
pub const RECORD_WRITE: &str = "record.write";
/// [`WriteRecord`] → [`RecordId`].
pub const RECORD_UNLINK: &str = "record.unlink";
/// [`FindBinding`] → [`Found`].
pub const BINDING_FIND: &str = "binding.find";
/// [`Bind`] → [`Found`].
pub const BINDING_BIND: &str = "binding.bind";
/// [`Mark`] → [`crate::op::Done`].
pub const BINDING_MARK: &str = "binding.mark";
/// [`Enqueue`] → [`Enqueued`].
pub const ENQUEUE: &str = "enqueue";
/// [`Key`] → [`Stored`]; the key is a kind.
pub const CURSOR_GET: &str = "cursor.get";
/// [`Put`] → [`crate::op::Done`].
pub const CURSOR_SET: &str = "cursor.set";
/// [`Key`] → [`Stored`].
pub const KV_GET: &str = "kv.get";
/// [`Put`] → [`crate::op::Done`].
pub const KV_SET: &str = "kv.set";
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
    /// At most this many; absent: the host's cap.
    pub limit: Option<u64>,
    /// Rows to leave out first.
    pub offset: u64,
    /// `name desc, id`.
    pub order: String,
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

/// Creates, changes or removes one record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteRecord {
    /// Model or kind.
    pub model: String,
    /// The record; absent for a create.
    pub id: Option<i64>,
    /// JSON object of values; references as in [`crate::record::reference`].
    pub values: Value,
}

/// The record that was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordId {
    /// Its id. Of a create that is not committed yet: negative, and valid within this call.
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
    /// Extra fields of the kind, a JSON object or null.
    pub extra: Value,
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
    /// Folds equal jobs.
    pub identity: Option<String>,
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
    /// Its id.
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

/// A stored value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stored {
    /// Null where there is none.
    pub value: Value,
}

/// Stores a value; null removes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Put {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Value,
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
