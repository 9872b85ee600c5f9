//! What a plugin's file says about itself: everything the host must know before it opens an instance.
//!
//! The SDK makes it from the connector's declarations. It never says anything about one backend.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::field::{FieldDecl, FieldType};

/// The root of a manifest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Version of this contract that the SDK speaks.
    pub contract: u32,
    /// Version of the SDK.
    pub sdk: String,
    /// Whether panics unwind in this build; a host refuses files where they abort.
    pub unwind: bool,
    /// Identifier of the plugin: lower case letters, digits and `_`, 2 to 40 long.
    pub id: String,
    /// Semantic version of the plugin.
    pub version: String,
    /// One line for people.
    pub description: String,
    /// Backend types it provides; none for a pure extension.
    pub backend_types: Vec<String>,
    /// Version of the shape of its cursors and kv values. A generation can't take over from a newer one.
    pub state_format: u32,
    /// Ops of [`crate::op`] that it answers.
    pub ops: Vec<String>,
    /// JSON Schema of its settings, with the keywords of [`settings`].
    pub settings_schema: Value,
    /// Kinds of records it binds.
    pub kinds: Vec<Kind>,
    /// Its components.
    pub components: Vec<Component>,
    /// Actions an operator can start on a backend.
    pub actions: Vec<Action>,
    /// Webhooks it understands.
    pub webhooks: Option<Webhooks>,
    /// What it listens to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<Listener>,
    /// Host names it may call besides those that settings marked `host` name. `*.example.org` covers subdomains.
    pub hosts: Vec<String>,
    /// Record models that its code reads and writes besides those of its kinds; the operator grants them per backend.
    pub models: Vec<String>,
    /// Fields it adds to record models, shared with whoever declares the same.
    pub fields: Vec<ModelField>,
    /// Rules by which it extends components of other plugins.
    pub extensions: Vec<Extension>,
}

/// Keywords of the settings schema besides JSON Schema's own.
pub mod settings {
    /// `"secret": true`: encrypted at rest, never shown.
    pub const SECRET: &str = "secret";
    /// `"group": "API Configuration"`: the form group.
    pub const GROUP: &str = "group";
    /// `"page": "Synchronization"`: the form page.
    pub const PAGE: &str = "page";
    /// `"host": true`: a URL whose host becomes an allowed host.
    pub const HOST: &str = "host";
    /// `"mapping": true`: a change of it makes every record worth mapping again.
    pub const MAPPING: &str = "mapping";
    /// `"record": "stock.warehouse"`: the value is the id of one of our records.
    pub const RECORD: &str = "record";
}

/// A kind: a connector's binding model over one of our record models.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kind {
    /// `acme.product`.
    pub name: String,
    /// `product.template`.
    pub model: String,
    /// One line for people.
    pub description: String,
    /// Extra typed fields of the binding.
    pub fields: Vec<FieldDecl>,
    /// Rules over several bindings.
    pub constraints: Vec<Constraint>,
    /// Record fields by which a first sync matches existing records, tried in order; each entry must match uniquely.
    pub matched_by: Vec<String>,
    /// Domain of the records that are of this kind, as JSON (`[["parent_id", "=", false]]`); empty: all of the model. Only
    /// these are matched, and only these are exported by themselves while they are not bound.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub matched_among: String,
    /// Relations whose target must be imported (exported) first.
    pub depends_on: Vec<Dependency>,
    /// Whether records of this kind can be listed and imported on their own. Children kinds are not.
    pub import: bool,
    /// Whether records of this kind can be exported.
    pub export: bool,
    /// Whether a create may be sent again with its idempotency key, and makes no second record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub idempotent_create: bool,
    /// How many records [`crate::op::CREATE_MANY`], [`crate::op::UPDATE_MANY`] and [`crate::op::READ_MANY`] take at a time;
    /// 0 and 1: records are sent one by one.
    #[serde(skip_serializing_if = "is_zero")]
    pub batch: u32,
    /// The step of a whole sync that it belongs to; derived from the model where absent.
    pub step: Option<Step>,
    /// Directions a sync of its step runs, where they differ from the step's own.
    pub direction: Option<Direction>,
    /// JSON pointers into the source that do not count as a change.
    pub ignored_paths: Vec<String>,
    /// Whether the remote can list what changed since a moment; else each sync is a full scan.
    pub incremental: bool,
    /// Whether a full scan finds deletions: what is not listed any more is gone.
    pub scan_finds_deleted: bool,
    /// Rules of its import mapper, in order.
    pub import_rules: Vec<Rule>,
    /// Rules of its export mapper, in order.
    pub export_rules: Vec<Rule>,
    /// Seconds taken off the next cursor, so that late commits there are seen; the host's default where absent.
    pub overlap_seconds: Option<u32>,
    /// Import hooks that the connector has for this kind: `must_skip`, `before`, `dependencies`, `validate`, `after`,
    /// `run` for a whole importer of its own ([`crate::op::IMPORT_RECORD`]), `batch` for a whole batch importer
    /// ([`crate::op::IMPORT_BATCH`]). The host asks for no other.
    pub import_hooks: Vec<String>,
    /// The same for exports: `must_skip`, `before`, `dependencies`, `validate`, `after`, `run`.
    pub export_hooks: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A rule over the bindings of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Constraint {
    /// Name of the rule.
    pub name: String,
    /// `backend`, `external_id`, or extra fields; together unique.
    pub unique: Vec<String>,
    /// Said to whoever breaks it.
    pub message: String,
}

/// A relation that needs its target first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dependency {
    /// Field of our record.
    pub field: String,
    /// Kind of the target.
    pub kind: String,
}

/// The four steps of a whole sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// `sync_customers`.
    Customers,
    /// `sync_products`.
    Products,
    /// `sync_inventory`.
    Inventory,
    /// `sync_orders`.
    Orders,
    /// A step of a newer contract; never run.
    #[serde(other)]
    Unknown,
}

/// Which ways a kind's step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From there to here.
    Import,
    /// From here to there.
    Export,
    /// Import, then export.
    Both,
    /// Only where asked for by kind; no step runs it.
    Manual,
    /// A direction of a newer contract; never run.
    #[serde(other)]
    Unknown,
}

/// One rule of a mapper, as declared: what operators are shown and what loading checks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Name within the mapper; extensions replace or follow a rule by it.
    pub name: String,
    /// `direct`, `set`, `lookup`, `relation`, `compute`, `mapping`, `children`.
    pub verb: String,
    /// JSON pointers (import) or fields (export) that it reads.
    pub reads: Vec<String>,
    /// Fields (import) or JSON pointers (export) that it sets.
    pub sets: Vec<String>,
    /// Runs only when a record is created.
    pub only_create: bool,
    /// Runs only when one of these changed since the last sync; empty: whenever the record is mapped.
    pub changed_by: Vec<String>,
    /// The kind of the children, for `children`.
    pub kind: Option<String>,
}

/// A component: something that does a part of the work, found by usage, kind and backend type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Component {
    /// Unique name, `acme.adapter`.
    pub name: String,
    /// Names of its parents.
    pub inherit: Vec<String>,
    /// Kinds (or record models) it applies to; empty: all.
    pub apply_on: Vec<String>,
    /// `backend.adapter`, `import.mapper`, `export.mapper`, `record.importer`, `batch.importer`, `record.exporter`,
    /// `batch.exporter`, `binder`, `listener`, or one of the connector's own.
    pub usage: String,
    /// Backend types it applies to; empty: all of the plugin.
    pub backend_types: Vec<String>,
    /// One line for each custom operation: (name, description).
    pub operations: Vec<(String, String)>,
}

/// Something an operator can start on a backend.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Action {
    /// `action_refresh_taxes`.
    pub name: String,
    /// Text of the button.
    pub label: String,
    /// One line for people.
    pub description: String,
    /// JSON Schema of its arguments, or null.
    pub arguments: Value,
}

/// Webhooks a connector understands. The host verifies the built-in schemes itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Webhooks {
    /// The signature scheme with what it needs, as data (`{"name": "hmac", "header": "X-Acme-Signature", …}`).
    pub scheme: Value,
    /// Topics it handles.
    pub topics: Vec<Topic>,
}

/// One webhook topic.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Topic {
    /// `order.created`.
    pub name: String,
    /// The kind to import, where the topic means just that.
    pub kind: Option<String>,
    /// JSON pointer to the external id in the payload, with `kind`.
    pub id: Option<String>,
}

/// A component that hears of what happens to our records, after it was committed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listener {
    /// Name of the component.
    pub name: String,
    /// The record model.
    pub model: String,
    /// What it hears of; nothing else is told.
    pub ops: Vec<RecordOp>,
    /// Fields of which one must have changed for a write to be told; empty: any.
    pub changed_by: Vec<String>,
    /// Domain that a record must meet when the host looks, as JSON; empty: all of the model. What is removed is told
    /// whatever it says.
    pub among: String,
    /// Whether it also hears of what the imports of its own backend changed.
    pub own_changes: bool,
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordOp {
    /// It was made.
    Create,
    /// Fields of it changed.
    Write,
    /// It was removed.
    Unlink,
    /// Something of a newer contract; never told.
    #[serde(other)]
    Unknown,
}

/// A field added to one of our record models.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelField {
    /// The model, `product.template`.
    pub model: String,
    /// The field.
    #[serde(flatten)]
    pub field: FieldDecl,
}

impl ModelField {
    /// A field for a model.
    pub fn new(model: impl Into<String>, name: impl Into<String>, field_type: FieldType) -> Self {
        Self { model: model.into(), field: FieldDecl::new(name, field_type) }
    }
}

/// One extension of another plugin's mapper.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Extension {
    /// Plugin that is extended.
    pub connector: String,
    /// Versions of it that this extension was written for, as a semver requirement.
    pub requirement: String,
    /// Component that is extended, by name.
    pub component: String,
    /// Rule that is replaced, or followed; absent: runs after all of them.
    pub rule: Option<String>,
    /// How it stands to that rule.
    pub place: Place,
    /// Name under which the extension op knows it.
    pub name: String,
    /// JSON pointers it reads.
    pub reads: Vec<String>,
    /// Fields it sets.
    pub sets: Vec<String>,
}

/// How an extension stands to a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// After it, seeing what it set.
    #[default]
    After,
    /// Instead of it; keeps its `only_create` and `changed_by`.
    Instead,
    /// A place of a newer contract; the extension is refused.
    #[serde(other)]
    Unknown,
}

impl Manifest {
    /// The kind of a name.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}
