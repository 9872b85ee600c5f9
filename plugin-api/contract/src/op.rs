//! The ops a host asks of a connector: names, requests, answers.
//!
//! A manifest lists the ops a plugin answers; the host never sends one that is not listed. Requests and answers are
//! the headers of frames; where items travel, they are segments in the order of the header's list.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    error::Error,
    manifest::{RecordOp, Step},
    record::{External, PrepareItem, Ref},
};

/// [`TestConnection`] → [`Report`]. Every connector answers it.
pub const TEST_CONNECTION: &str = "test_connection";
/// [`Sync`] → [`SyncAnswer`]: a step of a whole sync, as the connector wants it done.
pub const SYNC: &str = "sync";
/// [`List`] → [`crate::record::Page`].
pub const LIST: &str = "list";
/// [`Read`] → [`crate::record::External`].
pub const READ: &str = "read";
/// [`Prepare`] with one segment an item → [`PrepareAnswer`].
pub const PREPARE: &str = "prepare";
/// [`After`] → [`Done`]: hooks after the write was committed; at least once.
pub const AFTER_IMPORT: &str = "after_import";
/// [`ExportPrepare`] with one segment an item → [`ExportAnswer`] with one segment an item: our record as the remote
/// wants it.
pub const EXPORT_PREPARE: &str = "export_prepare";
/// [`Send`] with the body as segment 0 → [`crate::record::External`].
pub const CREATE: &str = "create";
/// [`Send`] with the body as segment 0 → [`crate::record::External`].
pub const UPDATE: &str = "update";
/// [`ReadMany`] → [`crate::record::Page`]: the records of these ids as `list` gives them; one that is gone is left out.
/// Asked for kinds whose [`crate::manifest::Kind::batch`] is greater than one.
pub const READ_MANY: &str = "read_many";
/// [`SendMany`] with the body of item n as segment n → [`SentMany`]: many creates in one request. Asked for kinds whose
/// [`crate::manifest::Kind::batch`] is greater than one. What was not made by it may be sent again with
/// [`CREATE`] and the same key.
pub const CREATE_MANY: &str = "create_many";
/// [`SendMany`] with the body of item n as segment n → [`SentMany`]: many changes in one request.
pub const UPDATE_MANY: &str = "update_many";
/// [`Find`] with the body as segment 0 → [`FindAnswer`]: what a create whose answer was lost may have made.
pub const FIND: &str = "find";
/// [`Read`] → [`Done`].
pub const DELETE: &str = "delete";
/// [`Read`] → [`Done`]: takes a record out of use without deleting it.
pub const ARCHIVE: &str = "archive";
/// [`After`] → [`Done`].
pub const AFTER_EXPORT: &str = "after_export";
/// [`Extend`] with one segment an item → [`ExtendAnswer`]: rules over another plugin's mapping.
pub const EXTEND: &str = "extend";
/// [`Act`] → [`ActAnswer`]: a declared action, or a custom operation of a component.
pub const ACTION: &str = "action";
/// [`Webhook`] with the raw body as segment 0 → [`WebhookAnswer`].
pub const WEBHOOK: &str = "webhook";
/// [`Listen`] → [`Done`]: something happened to a record of ours; told once it was committed, at least once, in no promised
/// order. Asked for the [`crate::manifest::Manifest::listeners`].
pub const LISTEN: &str = "listen";
/// [`ImportOne`] → [`Done`]: a whole importer of the connector's own.
pub const IMPORT_RECORD: &str = "import_record";
/// [`ImportBatch`] → [`BatchAnswer`]: a whole batch importer of the connector's own.
pub const IMPORT_BATCH: &str = "import_batch";
/// [`ExportOne`] → [`Done`]: a whole exporter of the connector's own, which binds what it creates.
pub const EXPORT_RECORD: &str = "export_record";
/// [`Migrate`] → [`Migrated`]: a cursor or kv value of an older `state_format`.
pub const MIGRATE_STATE: &str = "migrate_state";

/// What an instance is opened with (the payload of `open`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Open {
    /// Name of the backend.
    pub backend: String,
    /// Its id.
    pub backend_id: i64,
    /// Its type.
    pub backend_type: String,
    /// Its settings with defaults filled in and secrets in clear. Never logged.
    pub settings: Value,
    /// Highest contract the host speaks.
    pub contract: u32,
}

/// Empty request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TestConnection {}

/// What a connection test found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// One line for people: what answered.
    pub message: String,
    /// More lines, name and value.
    pub details: Vec<(String, String)>,
}

/// Asks for a step of a whole sync.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sync {
    /// The step.
    pub step: Step,
    /// Filters given by the operator.
    #[serde(default)]
    pub filters: Vec<(String, String)>,
    /// Import even what looks unchanged.
    #[serde(default)]
    pub force: bool,
}

/// How a step is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum SyncAnswer {
    /// The host runs its pipeline over the step's kinds.
    Pipeline,
    /// The host runs its pipeline over these kinds, in this order.
    Kinds {
        /// Names of kinds.
        kinds: Vec<String>,
    },
    /// The connector did it itself, through the host's services.
    Done {
        /// One line for people.
        #[serde(default)]
        message: String,
    },
    /// The connector does not do this step.
    Unsupported,
    /// An answer of a newer contract; refused.
    #[serde(other)]
    Unknown,
}

/// Asks for a page of a kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct List {
    /// The kind.
    pub kind: String,
    /// Only what changed at or after this moment (the remote's clock, RFC 3339, or what the connector's pages gave).
    pub since: Option<String>,
    /// Which page: what the last one gave as `next`; absent: the first.
    pub cursor: Option<String>,
    /// Items a page, where the operator has a wish.
    pub limit: Option<u32>,
    /// Filters given by the operator.
    pub filters: Vec<(String, String)>,
}

/// Asks for one record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Read {
    /// The kind.
    pub kind: String,
    /// External id.
    pub id: String,
}

/// Asks to map a batch of items; item n is segment n.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prepare {
    /// The kind.
    pub kind: String,
    /// Import even what looks up to date.
    pub force: bool,
    /// One for each segment.
    pub items: Vec<PrepareItem>,
}

/// What became of the items: a JSON array of [`crate::record::Prepared`], as segment 0, undecoded here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PrepareAnswer {
    /// How many entries the array has; equals the number of items.
    pub count: usize,
}

/// Tells what was written. At least once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct After {
    /// The kind.
    pub kind: String,
    /// What was written.
    pub written: Vec<Written>,
}

/// One record that was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Written {
    /// External id.
    pub id: String,
    /// Id of our record.
    pub record: i64,
    /// Whether it was created.
    pub created: bool,
}

/// An empty answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Done {}

/// Asks to map our records for the remote. Segment n holds the values of item n: a JSON object of the fields that the
/// rules read, numbers as written; a relation is `{"id": 5, "external": {"acme.customer": "7"}}`, a set of them an array.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportPrepare {
    /// The kind.
    pub kind: String,
    /// The records.
    pub items: Vec<ExportItem>,
}

/// One record to export.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportItem {
    /// Id of our record.
    pub record: i64,
    /// External id, where it is bound.
    pub id: Option<String>,
    /// Fields that changed since the last export; absent: all.
    pub changed: Option<Vec<String>>,
}

/// One entry for each item.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportAnswer {
    /// In the order of the request.
    pub items: Vec<Exported>,
}

/// What a record looks like there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Exported {
    /// The body to send is the segment of the same index, as the remote wants it. Other answers have an empty segment.
    Body,
    /// Not exported.
    Skip {
        /// For people.
        reason: String,
    },
    /// These must be exported first.
    Needs {
        /// Kinds and our record ids.
        records: Vec<(String, i64)>,
    },
    /// This record can't be exported.
    Error {
        /// Why.
        error: Error,
    },
    /// An answer of a newer contract; refused.
    #[serde(other)]
    Unknown,
}

/// Sends one mapped record; the body is segment 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Send {
    /// The kind.
    pub kind: String,
    /// External id; absent for a create.
    pub id: Option<String>,
    /// The same for all attempts of one create.
    pub idempotency_key: Option<String>,
}

/// Asks for records by their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadMany {
    /// The kind.
    pub kind: String,
    /// External ids, at most as many as the kind's `batch`.
    pub ids: Vec<String>,
}

/// Sends mapped records together; the body of item n is segment n.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendMany {
    /// The kind.
    pub kind: String,
    /// The records, at most as many as the kind's `batch`.
    pub items: Vec<SendOne>,
}

/// One record of a [`SendMany`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendOne {
    /// External id; absent for a create.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The same for all attempts of one create, whether it is sent with others or alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What became of records that were sent together; one entry for each, in the order of the request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SentMany {
    /// In the order of the request. Where an entry's record is an item, it is the segment of the same index; other entries
    /// have an empty segment, and where none has one there need be no segments.
    pub items: Vec<SentOne>,
}

/// What became of one record that was sent together with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum SentOne {
    /// It is there.
    Done {
        /// As it stands there now.
        record: External,
    },
    /// This record was not taken, or nobody knows; the others are not touched by it.
    Error {
        /// Why. Its class tells whether it may have been made, as for a create that is sent alone.
        error: Error,
    },
    /// An answer of a newer contract; refused.
    #[serde(other)]
    Unknown,
}

/// Asks for the records that a create may have made; the body that was sent is segment 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Find {
    /// The kind.
    pub kind: String,
    /// The key that the create was sent with.
    pub idempotency_key: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FindAnswer {
    /// External ids; none: the create was not made.
    pub ids: Vec<String>,
}

/// Asks rules of an extension for their part; item n is segment n, and its values so far segment n + items.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extend {
    /// Plugin that is extended.
    pub connector: String,
    /// The kind.
    pub kind: String,
    /// Name of the extension in its manifest.
    pub name: String,
    /// One for each item.
    pub items: Vec<PrepareItem>,
}

/// One JSON object of values for each item, as segment n; merged over the values so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtendAnswer {
    /// An error for an item, by index.
    pub errors: Vec<(usize, Error)>,
}

/// Runs a declared action or a component's custom operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Act {
    /// Name of the action.
    pub name: String,
    /// Its arguments.
    pub arguments: Value,
}

/// What an action answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActAnswer {
    /// For people and for `--json`.
    pub result: Value,
}

/// A verified webhook; the raw body is segment 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Webhook {
    /// Topic.
    pub topic: String,
    /// Headers in lower case.
    pub headers: Vec<(String, String)>,
}

/// What a webhook means.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookAnswer {
    /// Records to import.
    pub import: Vec<Ref>,
    /// Records that are gone there.
    pub deleted: Vec<Ref>,
    /// Nothing here handles the topic.
    pub ignored: bool,
}

/// Tells a listener what happened to a record of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listen {
    /// The listener, by name.
    pub listener: String,
    /// What happened.
    pub op: RecordOp,
    /// The record model.
    pub model: String,
    /// Our record; it may have changed again, or be gone, by now.
    pub record: i64,
    /// Fields that changed, for a write.
    #[serde(default)]
    pub changed: Vec<String>,
    /// When, RFC 3339.
    #[serde(default)]
    pub at: String,
    /// Its place in the host's log of changes: the same whenever this is told again.
    #[serde(default)]
    pub event: i64,
}

/// Imports one record by the connector's own importer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportOne {
    /// The kind.
    pub kind: String,
    /// External id.
    pub id: String,
    /// Import even what looks up to date.
    pub force: bool,
}

/// Imports a set by the connector's own batch importer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportBatch {
    /// The kind.
    pub kind: String,
    /// Filters given by the operator.
    pub filters: Vec<(String, String)>,
    /// Import even what looks up to date.
    pub force: bool,
}

/// What a batch importer did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BatchAnswer {
    /// One line for people.
    pub message: String,
}

/// Exports one record by the connector's own exporter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportOne {
    /// The kind.
    pub kind: String,
    /// Our record.
    pub record: i64,
    /// External id, where it is bound.
    pub id: Option<String>,
    /// Fields that changed since the last export; absent: all.
    pub changed: Option<Vec<String>>,
    /// The same for all attempts of one create.
    pub idempotency_key: Option<String>,
}

/// A stored value of an older format.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Migrate {
    /// `cursor` or `kv`.
    pub what: String,
    /// Its key (the kind, or the kv key).
    pub key: String,
    /// The format it has.
    pub from: u32,
    /// The value.
    pub value: Value,
}

/// The value in the present format; absent: it can't be carried over and the run starts anew.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Migrated {
    /// The value.
    pub value: Option<Value>,
}
