//! Use cases of bindings: the links between records of ours and external ids.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;

/// Chooses bindings.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Only of this backend.
    pub backend: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only in this status.
    pub status: Option<String>,
    /// At most so many; absent: 80.
    pub limit: Option<i64>,
    /// Only with a greater id: the next page.
    pub after: Option<i64>,
}

/// Chooses bindings to act upon: by id, or else by the other members.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    /// Their ids.
    pub ids: Vec<i64>,
    /// Of this backend.
    pub backend: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this status.
    pub status: Option<String>,
}

/// Names a binding.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// Its id.
    pub id: i64,
}

/// Bindings.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// By id.
    pub bindings: Vec<Binding>,
    /// Give it as `after` for the next page; absent: this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// A binding.
#[derive(Debug, Serialize, Deserialize)]
pub struct Binding {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// External id, where it is known.
    pub external_id: Option<String>,
    /// Our record, where there is one.
    pub record: Option<i64>,
    /// `pending`, `in_progress`, `success`, `failed`, `skipped`.
    pub sync_status: String,
    /// When it was last in step.
    pub sync_date: Option<Timestamp>,
    /// Failed attempts since then.
    pub retry_count: i64,
    /// Attempts allowed.
    pub max_retries: i64,
    /// Whether another attempt will be made by itself.
    pub can_retry: bool,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Never exported.
    pub no_export: bool,
    /// The date of change that the outside system gave.
    pub external_updated_at: Option<String>,
    /// Extra fields of the kind.
    pub extra: Value,
}

/// Links a record and an external id.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// External id.
    pub external_id: String,
    /// Our record.
    pub record: i64,
}

/// Links of an existing installation. All or none are taken.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// The links.
    pub links: Vec<Bind>,
}

/// What came of links.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// Links made.
    pub bound: u64,
    /// Links that were there already.
    pub unchanged: u64,
}

/// What came of a change of several bindings.
#[derive(Debug, Serialize, Deserialize)]
pub struct Changed {
    /// How many.
    pub changed: u64,
    /// Jobs that do the rest.
    pub jobs: Vec<i64>,
}
