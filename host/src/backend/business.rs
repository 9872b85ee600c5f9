//! What every backend has beside its connector's settings: how our side handles it. The connector never sees it.

use std::{collections::BTreeMap, sync::LazyLock};

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
    /// What of ours is exported by itself.
    pub export: Export,
    /// What happens there when a record of ours is removed.
    pub local_deletion: LocalDeletion,
    /// What an export does that finds its record gone there.
    pub missing_remotely: MissingRemotely,
    /// Whose change of a field stands where both sides changed it.
    pub conflict: Conflict,
    /// Record models that the connector's code may read and write, besides those that its kinds bind.
    pub models: Vec<String>,
    /// Records asked for at a time; absent: what the connector takes.
    pub page_size: Option<u32>,
    /// Seconds that the next sync looks back, so that what was committed late there is seen; absent: what the connector
    /// says of the kind.
    pub overlap_seconds: Option<u32>,
    /// Records sent in one request at most; absent: what the connector says of the kind; 1: one by one.
    pub batch_size: Option<u32>,
    /// Plugins whose extensions of the connector are not wanted here.
    pub without_extensions: Vec<String>,
    /// What differs for kinds, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, KindPolicy>,
    /// What is set for plugins that extend the connector, by plugin.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extensions: BTreeMap<String, Map<String, Value>>,
    /// Largest answer accepted, in bytes, decompressed.
    pub max_body_bytes: Option<u64>,
    /// Milliseconds for one request, where the connector says nothing.
    pub timeout_ms: Option<u64>,
    /// Most records that one run reads: a list that goes on after them is taken for endless.
    pub max_records: Option<u64>,
}

/// What an operator wants otherwise for one kind. What is absent is as for the backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KindPolicy {
    /// What happens here when a record is found deleted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_deletion: Option<RemoteDeletion>,
    /// What of ours is exported by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub export: Option<Export>,
    /// Which new records are exported by themselves, where all are: a domain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub export_domain: Vec<Value>,
    /// What happens there when a record of ours is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_deletion: Option<LocalDeletion>,
    /// What an export does that finds its record gone there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_remotely: Option<MissingRemotely>,
    /// Whose change of a field stands where both sides changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// The same for single fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conflict_fields: BTreeMap<String, Conflict>,
    /// Records asked for at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// Seconds that the next sync looks back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u32>,
    /// Records sent in one request at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u32>,
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

/// What of ours is exported by itself, for kinds whose step exports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Export {
    /// Nothing: only what somebody asks for.
    None,
    /// Changes of records that are bound.
    #[default]
    Bound,
    /// New records too.
    All,
}

/// What happens there when a record of ours is removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocalDeletion {
    /// Nothing.
    #[default]
    Ignore,
    /// Theirs is archived, as far as the connector can.
    Archive,
    /// Theirs is deleted.
    Delete,
}

/// What an export does that finds its record gone there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingRemotely {
    /// It fails, and a person decides.
    #[default]
    Fail,
    /// It is created there anew.
    Recreate,
    /// Its binding is taken away; ours stays.
    Unbind,
}

/// Whose change of a field stands where both sides changed it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// The outside system's.
    #[default]
    Remote,
    /// Ours.
    Local,
    /// The younger one; theirs where their date is not known.
    Newest,
    /// A person decides, and the record waits.
    Ask,
}

/// The schema of [`KindPolicy`].
pub(super) static KIND_SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    Schema::new(&json!({"type": "object", "properties": {
        "remote_deletion": {
            "enum": ["ignore", "archive", "delete"], "type": "string",
            "description": "What happens here when a record is found deleted there.",
        },
        "export": export(),
        "export_domain": {
            "type": "array", "domain": true, "page": "Synchronization",
            "description": "Which new records go there by themselves where export=all: [('sale_ok', '=', True)]. One that is \
                            bound stays bound, and its changes are sent, whatever it matches later.",
        },
        "local_deletion": local_deletion(),
        "missing_remotely": missing_remotely(),
        "conflict": conflict(),
        "conflict_fields": {
            "type": "object", "additionalProperties": {"enum": CONFLICT}, "page": "Synchronization",
            "description": "The same for single fields: {\"list_price\": \"local\"}.",
        },
        "page_size": page_size(),
        "overlap_seconds": overlap_seconds(),
        "batch_size": batch_size(),
    }}))
    .expect("the host's own schema is well formed")
});

fn export() -> Value {
    json!({
        "enum": ["none", "bound", "all"], "type": "string", "page": "Synchronization",
        "description": "What of ours is exported by itself: nothing, changes of records that are bound, or new ones too.",
    })
}

fn local_deletion() -> Value {
    json!({
        "enum": ["ignore", "archive", "delete"], "type": "string", "page": "Synchronization",
        "description": "What happens there when a record of ours is removed.",
    })
}

fn missing_remotely() -> Value {
    json!({
        "enum": ["fail", "recreate", "unbind"], "type": "string", "page": "Synchronization",
        "description": "What an export does that finds its record gone there.",
    })
}

const CONFLICT: [&str; 4] = ["remote", "local", "newest", "ask"];

fn conflict() -> Value {
    json!({
        "enum": CONFLICT, "type": "string", "page": "Synchronization",
        "description": "Whose change of a field stands where both sides changed it: theirs, ours, the younger one, or a person decides.",
    })
}

fn with_default(mut property: Value, default: &str) -> Value {
    property["default"] = default.into();
    property
}

fn page_size() -> Value {
    json!({
        "type": "integer", "minimum": 1, "maximum": 10_000, "page": "Synchronization",
        "description": "Records asked for at a time, where the connector lets the host choose.",
    })
}

fn overlap_seconds() -> Value {
    json!({
        "type": "integer", "minimum": 0, "maximum": 604_800, "page": "Synchronization",
        "description": "Seconds that the next sync looks back, so that what was committed late there is seen.",
    })
}

fn batch_size() -> Value {
    json!({
        "type": "integer", "minimum": 1, "maximum": 500, "page": "Synchronization",
        "description": "Records sent in one request at most, where the connector can send several; 1: one by one.",
    })
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
        "export": with_default(export(), "bound"),
        "local_deletion": with_default(local_deletion(), "ignore"),
        "missing_remotely": with_default(missing_remotely(), "fail"),
        "conflict": with_default(conflict(), "remote"),
        "models": {
            "type": "array", "items": {"type": "string"}, "page": "Advanced",
            "description": "Record models that the connector's code may read and write, besides those that its kinds bind.",
        },
        "page_size": page_size(),
        "overlap_seconds": overlap_seconds(),
        "batch_size": batch_size(),
        "without_extensions": {
            "type": "array", "items": {"type": "string"}, "page": "Advanced",
            "description": "Plugins whose extensions of the connector are not wanted here.",
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

    /// What becomes of our record of a kind when theirs is gone.
    pub fn remote_deletion(&self, kind: &str) -> RemoteDeletion {
        self.kinds.get(kind).and_then(|policy| policy.remote_deletion).unwrap_or(self.remote_deletion)
    }

    /// What of a kind is exported by itself.
    pub fn export(&self, kind: &str) -> Export {
        self.kinds.get(kind).and_then(|policy| policy.export).unwrap_or(self.export)
    }

    /// What a new record must meet to be exported by itself, beside what its connector wants.
    pub fn export_domain(&self, kind: &str) -> &[Value] {
        self.kinds.get(kind).map_or(&[], |policy| &policy.export_domain)
    }

    /// What becomes of theirs of a kind when ours is removed.
    pub fn local_deletion(&self, kind: &str) -> LocalDeletion {
        self.kinds.get(kind).and_then(|policy| policy.local_deletion).unwrap_or(self.local_deletion)
    }

    /// What an export of a kind does that finds its record gone there.
    pub fn missing_remotely(&self, kind: &str) -> MissingRemotely {
        self.kinds.get(kind).and_then(|policy| policy.missing_remotely).unwrap_or(self.missing_remotely)
    }

    /// Whose change of a field of a kind stands where both sides changed it.
    pub fn conflict(&self, kind: &str) -> Conflict {
        self.kinds.get(kind).and_then(|policy| policy.conflict).unwrap_or(self.conflict)
    }

    /// The same for single fields.
    pub fn conflict_fields(&self, kind: &str) -> &BTreeMap<String, Conflict> {
        static NONE: BTreeMap<String, Conflict> = BTreeMap::new();
        self.kinds.get(kind).map_or(&NONE, |policy| &policy.conflict_fields)
    }

    /// Records of a kind asked for at a time, where the operator has a wish.
    pub fn page_size(&self, kind: &str) -> Option<u32> {
        self.kinds.get(kind).and_then(|policy| policy.page_size).or(self.page_size)
    }

    /// Records of a kind sent in one request at most, where the operator has a wish.
    pub fn batch_size(&self, kind: &str) -> Option<u32> {
        self.kinds.get(kind).and_then(|policy| policy.batch_size).or(self.batch_size)
    }

    /// Seconds that the next sync of a kind looks back, where the operator has a wish.
    pub fn overlap_seconds(&self, kind: &str) -> Option<u32> {
        self.kinds.get(kind).and_then(|policy| policy.overlap_seconds).or(self.overlap_seconds)
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
        // What is set for a plugin that extends has that plugin's schema, and is shown where there is some.
        let set = json!({"extensions": {"extend": {"mark": "x"}}});
        let shown = serde_json::to_value(Business::from_values(set.as_object().expect("object"))).expect("JSON");
        assert_eq!(shown["extensions"], set["extensions"]);
        let of_kinds: Vec<String> = KIND_SCHEMA.names().map(str::to_owned).collect();
        assert_eq!(
            of_kinds,
            [
                "batch_size",
                "conflict",
                "conflict_fields",
                "export",
                "export_domain",
                "local_deletion",
                "missing_remotely",
                "overlap_seconds",
                "page_size",
                "remote_deletion"
            ]
        );
        let values = json!({"remote_deletion": "archive", "company": 3});
        let business = Business::from_values(values.as_object().expect("object"));
        assert_eq!((business.remote_deletion, business.company), (RemoteDeletion::Archive, Some(3)));
    }
}
