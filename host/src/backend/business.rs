//! What every backend has beside its connector's settings: how our side handles it. The connector never sees it.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::schema::Schema;

/// The host's own settings of a backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Business {
    /// `stock.warehouse` that orders and stock belong to.
    pub warehouse: Option<i64>,
    /// `product.pricelist` that prices belong to.
    pub pricelist: Option<i64>,
    /// `res.company` that records are made for.
    pub company: Option<i64>,
    /// Sales team that orders are made for.
    pub team: Option<i64>,
    /// What happens here when a record is found deleted there.
    pub remote_deletion: RemoteDeletion,
    /// Record models that the connector's code may read and write, besides those that its kinds bind.
    pub models: Vec<String>,
    /// Largest answer accepted, in bytes, decompressed.
    pub max_body_bytes: Option<u64>,
    /// Milliseconds for one request, where the connector says nothing.
    pub timeout_ms: Option<u64>,
    /// Most records that one run reads: a list that goes on after them is taken for endless.
    pub max_records: Option<u64>,
}

/// What happens here when a record is found deleted there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemoteDeletion {
    /// Nothing but a note on the binding.
    #[default]
    Ignore,
    /// Our record is archived.
    Archive,
    /// Our record is deleted.
    Delete,
}

/// The schema of [`Business`], in the keywords of a connector's settings schema, so that forms, checks and coercion
/// are the same.
pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let record =
        |model: &str, text: &str| json!({"type": "integer", "record": model, "description": text, "page": "Business"});
    Schema::new(&json!({"type": "object", "properties": {
        "warehouse": record("stock.warehouse", "Warehouse that orders and stock belong to."),
        "pricelist": record("product.pricelist", "Pricelist that prices belong to."),
        "company": record("res.company", "Company that records are made for."),
        "team": record("crm.team", "Sales team that orders are made for."),
        "remote_deletion": {
            "enum": ["ignore", "archive", "delete"], "type": "string", "default": "ignore", "page": "Synchronization",
            "description": "What happens here when a record is found deleted there.",
        },
        "models": {
            "type": "array", "items": {"type": "string"}, "page": "Advanced",
            "description": "Record models that the connector's code may read and write, besides those that its kinds bind.",
        },
        "max_body_bytes": {
            "type": "integer", "minimum": 1024, "maximum": 1_073_741_824, "page": "Advanced",
            "description": "Largest answer accepted, in bytes, decompressed.",
        },
        "timeout_ms": {
            "type": "integer", "minimum": 100, "maximum": 600_000, "page": "Advanced",
            "description": "Milliseconds for one request, where the connector says nothing.",
        },
        "max_records": {
            "type": "integer", "minimum": 1, "page": "Advanced",
            "description": "Most records that one run reads: a list that goes on after them is taken for endless.",
        },
    }}))
    .expect("the host's own schema is well formed")
});

impl Business {
    /// Reads what was validated against [`SCHEMA`]; what an older version stored and this one doesn't know is left out.
    pub(super) fn from_values(values: &Map<String, Value>) -> Self {
        serde_json::from_value(Value::Object(values.clone())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_describes_the_struct() {
        let names: Vec<String> = SCHEMA.names().map(str::to_owned).collect();
        let shown = serde_json::to_value(Business::default()).expect("JSON");
        assert_eq!(shown.as_object().expect("object").len(), names.len());
        assert!(names.iter().all(|name| shown.get(name).is_some()));
        let values = json!({"remote_deletion": "archive", "company": 3});
        let business = Business::from_values(values.as_object().expect("object"));
        assert_eq!((business.remote_deletion, business.company), (RemoteDeletion::Archive, Some(3)));
    }
}
