//! Use cases of records: search, read, create, write, unlink, over models and kinds alike.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Searches a model, or a kind under its own name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Model or kind.
    pub model: String,
    /// Domain in prefix notation; null: everything.
    #[serde(default)]
    pub domain: Value,
    /// Fields to read; empty: the ones that tell a record.
    #[serde(default)]
    pub fields: Vec<String>,
    /// At most so many; absent: 80.
    #[serde(default)]
    pub limit: Option<u64>,
    /// Rows to leave out first.
    #[serde(default)]
    pub offset: u64,
    /// `name desc, id`.
    #[serde(default)]
    pub order: String,
    /// Archived records too.
    #[serde(default)]
    pub archived: bool,
}

/// Reads records by id.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Model or kind.
    pub model: String,
    /// Their ids.
    pub ids: Vec<i64>,
    /// Fields; empty: all.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// Records.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rows {
    /// The model or kind.
    pub model: String,
    /// The fields read, in order.
    pub fields: Vec<String>,
    /// One JSON object a record: `id` and the fields.
    pub rows: Vec<Value>,
    /// How many match in all; absent where it was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// Creates a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// Model or kind.
    pub model: String,
    /// Fields and values.
    pub values: Value,
}

/// Changes a record.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Write {
    /// Model or kind.
    pub model: String,
    /// The record.
    pub id: i64,
    /// Fields and values. Null clears; what is absent stays.
    pub values: Value,
}

/// Removes records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlink {
    /// Model or kind.
    pub model: String,
    /// The records.
    pub ids: Vec<i64>,
}

/// What was written.
#[derive(Debug, Serialize, Deserialize)]
pub struct Written {
    /// The model or kind.
    pub model: String,
    /// The records.
    pub ids: Vec<i64>,
}

/// Which models to show.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Which {
    /// Only this model or kind.
    pub model: Option<String>,
}

/// Models and kinds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Models {
    /// By name.
    pub models: Vec<Model>,
}

/// A model, or a kind.
#[derive(Debug, Serialize, Deserialize)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// The record model, of a kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind_of: Option<String>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type: `text`, `many2one`, …
    pub field_type: String,
    /// The model a relation leads to, the words of a selection, the digits of a decimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub help: String,
    /// Must have a value.
    pub required: bool,
    /// Only connectors write it.
    pub read_only: bool,
}
