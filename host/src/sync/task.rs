//! The jobs of this room as data: their kinds, their payloads, and how they fold, wait and retry.

use bindery_contract::{
    Error as ContractError, ErrorClass,
    manifest::{RecordOp, Step},
    op::{Listen, Written},
    service::Task,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::session::Session;
use crate::model::job::{NewJob, Scope};

/// Imports one record: [`ImportRecord`].
pub const IMPORT_RECORD: &str = "import.record";
/// Imports a kind: [`ImportKind`].
pub const IMPORT_KIND: &str = "import.kind";
/// One step of a whole sync: [`SyncStep`].
pub const SYNC_STEP: &str = "sync.step";
/// All steps: [`SyncAll`].
pub const SYNC_ALL: &str = "sync.all";
/// Hooks after a write: [`AfterImport`].
pub const AFTER_IMPORT: &str = "after.import";
/// Exports what is due of one record: [`ExportRecord`].
pub const EXPORT_RECORD: &str = "export.record";
/// Exports what is due of a kind, many records at a time: [`ExportDue`].
pub const EXPORT_DUE: &str = "export.due";
/// Exports records of a kind: [`ExportKind`].
pub const EXPORT_KIND: &str = "export.kind";
/// Removes theirs, since ours is gone: [`ExportDeletion`].
pub const EXPORT_DELETION: &str = "export.deletion";
/// Hooks after a send: [`AfterImport`].
pub const AFTER_EXPORT: &str = "after.export";
/// Tells a listener of a connector what happened to a record: [`Told`].
pub const LISTEN: &str = "listen";
/// Compares a backend with what is here: [`VerifyBackend`].
pub const VERIFY: &str = "verify";
/// A declared action of a connector: [`Action`].
pub const ACTION: &str = "connector.action";

/// Attempts of a job that goes on where it was: a host that is killed again and again still gets to the end.
const ATTEMPTS: i64 = 50;

/// Payload of `import.record`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportRecord {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// External id.
    pub id: String,
    /// Even where it looks up to date.
    pub force: bool,
    /// Use the payload that was kept, and ask the outside system for nothing.
    pub replay: bool,
    /// Make a new record, whatever matches: a person decided so.
    pub unmatched: bool,
    /// Bind to this record: a person decided so.
    pub bind_to: Option<i64>,
    /// Settle this conflict, as a person decided.
    pub conflict: Option<i64>,
}

/// Payload of `export.record`: what is to be sent is kept apart, folded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportRecord {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Our record.
    pub record: i64,
    /// Somebody asks: all of it is due, whatever has changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

/// Payload of `export.due`: which records, is kept apart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportDue {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
}

/// Payload of `export.kind`. Without ids and domain: what has changed, and what is new where the policy says so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportKind {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// These records.
    pub ids: Vec<i64>,
    /// The records that a domain finds.
    pub domain: Option<serde_json::Value>,
    /// Even what is as it was sent last.
    pub force: bool,
    /// Creates whose fate is unknown are sent again: a person says that they made nothing.
    pub resend: bool,
    /// Send nothing: answer what would be sent.
    pub plan: bool,
}

/// Payload of `export.deletion`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExportDeletion {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Theirs.
    pub id: String,
    /// Taken out of use, rather than deleted.
    pub archive: bool,
    /// The create that has made it, or not: what became of it is found out first, and the policy says what is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intent: Option<i64>,
}

/// Payload of `import.kind`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportKind {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Even what looks unchanged, and everything instead of what changed.
    pub force: bool,
    /// Filters given by the operator.
    pub filters: Vec<(String, String)>,
    /// Write nothing: answer what would be written.
    pub plan: bool,
}

/// Payload of `sync.step`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncStep {
    /// The backend.
    pub backend: i64,
    /// The step.
    pub step: Step,
    /// Even what looks unchanged.
    #[serde(default)]
    pub force: bool,
    /// Filters given by the operator.
    #[serde(default)]
    pub filters: Vec<(String, String)>,
    /// Write nothing: answer what would be written.
    #[serde(default)]
    pub plan: bool,
    /// Part of a whole sync: a step that the connector does not do is no failure.
    #[serde(default)]
    pub lenient: bool,
}

/// Payload of `sync.all`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SyncAll {
    /// The backend.
    pub backend: i64,
    /// Even what looks unchanged.
    pub force: bool,
    /// Filters given by the operator.
    pub filters: Vec<(String, String)>,
    /// Write nothing: answer what would be written.
    pub plan: bool,
}

/// Payload of `after.import`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AfterImport {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// What was written.
    pub written: Vec<Written>,
}

/// Payload of `listen`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The backend.
    pub backend: i64,
    /// What the listener is told.
    pub event: Listen,
}

/// Payload of `connector.action`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Action {
    /// The backend.
    pub backend: i64,
    /// Its name.
    pub name: String,
    /// Its arguments.
    pub arguments: serde_json::Value,
}

/// Payload of `verify`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VerifyBackend {
    /// The backend.
    pub backend: i64,
    /// Kinds; none: all that are imported.
    pub kinds: Vec<String>,
    /// Whose state is brought to the other side; absent: nothing is mended.
    pub repair: Option<Repair>,
}

/// How what differs is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// What changed there comes here, what changed here goes there; the policy decides about what both changed.
    Both,
    /// Theirs is brought here as it is.
    Theirs,
    /// Ours is sent there as it is.
    Ours,
}

/// A job of this room for a backend.
pub fn job<T: Serialize>(kind: &str, backend: Option<i64>, payload: &T, description: String) -> NewJob {
    let mut job = NewJob::new(kind, json!(payload));
    job.backend = backend;
    job.description = description;
    job
}

/// The import of one record, folded into one that waits already.
pub fn import_one(payload: &ImportRecord) -> NewJob {
    let description = format!("Import {} {}", payload.kind, payload.id);
    let mut job = job(IMPORT_RECORD, Some(payload.backend), payload, description);
    let ImportRecord { backend, kind, id, force, replay, unmatched, bind_to, conflict } = payload;
    let asks = u8::from(*force) | u8::from(*replay) << 1 | u8::from(*unmatched) << 2;
    let (bind_to, conflict) = (bind_to.unwrap_or_default(), conflict.unwrap_or_default());
    job.identity = Some((format!("import:{backend}:{kind}:{asks}:{bind_to}:{conflict}:{id}"), Scope::UntilStart));
    job
}

/// The export of what is due of one record. One that waits already takes it along.
pub fn export_record(payload: &ExportRecord) -> NewJob {
    let ExportRecord { backend, kind, record, asked } = payload;
    let mut job = job(EXPORT_RECORD, Some(*backend), payload, format!("Export {kind} {record}"));
    let asked = if *asked { ":asked" } else { "" };
    job.identity = Some((format!("export:{backend}:{kind}:{record}{asked}"), Scope::UntilStart));
    job
}

/// The export of what is due of a kind. One that waits already takes it along.
pub fn export_due(payload: &ExportDue) -> NewJob {
    let ExportDue { backend, kind } = payload;
    let mut job = job(EXPORT_DUE, Some(*backend), payload, format!("Export what is due of {kind}"));
    job.identity = Some((format!("{EXPORT_DUE}:{backend}:{kind}"), Scope::UntilStart));
    job
}

/// The export of records of a kind. Equal ones fold until the first has ended.
pub fn export_kind(payload: &ExportKind) -> NewJob {
    let what = if payload.plan { "Plan the export of" } else { "Export" };
    let mut job = job(EXPORT_KIND, Some(payload.backend), payload, format!("{what} {}", payload.kind));
    job.max_retries = ATTEMPTS;
    job.identity = Some((format!("{EXPORT_KIND}:{}", json!(payload)), Scope::UntilDone));
    job
}

/// The removal of one of theirs.
pub fn export_deletion(payload: &ExportDeletion) -> NewJob {
    let ExportDeletion { backend, kind, id, archive, intent } = payload;
    if let Some(intent) = intent {
        let what = format!("Clear up after a create of {kind} whose record is gone");
        let mut job = job(EXPORT_DELETION, Some(*backend), payload, what);
        job.identity = Some((format!("export-orphan:{intent}"), Scope::UntilDone));
        return job;
    }
    let what = if *archive { "Archive" } else { "Delete" };
    let mut job = job(EXPORT_DELETION, Some(*backend), payload, format!("{what} {kind} {id} there"));
    job.identity = Some((format!("export-deletion:{backend}:{kind}:{id}"), Scope::UntilDone));
    job
}

/// The plain import of one record of a backend at work.
pub fn import_record(session: &Session, kind: &str, id: &str) -> NewJob {
    import_one(&ImportRecord {
        backend: session.backend,
        kind: kind.to_owned(),
        id: id.to_owned(),
        ..ImportRecord::default()
    })
}

/// The import of a kind. Equal ones fold until the first has ended.
pub fn import_kind(payload: &ImportKind) -> NewJob {
    let what = if payload.plan { "Plan" } else { "Import" };
    let mut job = job(IMPORT_KIND, Some(payload.backend), payload, format!("{what} {}", payload.kind));
    job.max_retries = ATTEMPTS;
    job.identity = Some((format!("{IMPORT_KIND}:{}", json!(payload)), Scope::UntilDone));
    job
}

/// One step of a whole sync. Equal ones fold until the first has ended.
pub fn sync_step(payload: &SyncStep) -> NewJob {
    let what = if payload.plan { "Plan" } else { "Sync" };
    let mut job = job(SYNC_STEP, Some(payload.backend), payload, format!("{what} {}", step_name(payload.step)));
    job.max_retries = ATTEMPTS;
    job.identity = Some((format!("{SYNC_STEP}:{}", json!(payload)), Scope::UntilDone));
    job
}

/// The job of a task that a connector asks for.
pub fn of_connector(backend: i64, task: &Task) -> Result<NewJob, ContractError> {
    let refused = |why: &str| Err(ContractError::new(ErrorClass::Unsupported, why));
    match task {
        Task::Import { kind, id, .. } if id.is_empty() => {
            Err(ContractError::new(ErrorClass::Invalid, format!("the external id of {kind} is empty")))
        }
        Task::Import { kind, id, force } => Ok(import_one(&ImportRecord {
            backend,
            kind: kind.clone(),
            id: id.clone(),
            force: *force,
            ..ImportRecord::default()
        })),
        Task::Export { kind, record } => {
            Ok(export_record(&ExportRecord { backend, kind: kind.clone(), record: *record, asked: true }))
        }
        Task::Sync { step: Step::Unknown } | Task::Unknown => refused("this host has no such task"),
        Task::Sync { step } => Ok(sync_step(&SyncStep {
            backend,
            step: *step,
            force: false,
            filters: Vec::new(),
            plan: false,
            lenient: false,
        })),
        Task::Action { name, arguments } => {
            let payload = Action { backend, name: name.clone(), arguments: arguments.clone() };
            Ok(job(ACTION, Some(backend), &payload, format!("Action {name}")))
        }
    }
}

/// Tells a listener of an event, once for each.
pub fn listen(told: &Told) -> NewJob {
    let Listen { listener, op, model, record, event, .. } = &told.event;
    let what = match op {
        RecordOp::Create => "create",
        RecordOp::Write => "write",
        RecordOp::Unlink => "unlink",
        RecordOp::Unknown => "unknown",
    };
    let mut job = job(LISTEN, Some(told.backend), told, format!("Tell {listener}: {what} {model} {record}"));
    job.identity = Some((format!("{LISTEN}:{}:{listener}:{event}", told.backend), Scope::UntilDone));
    job
}

/// Hooks after a write.
pub fn after_import(session: &Session, kind: &str, written: Vec<Written>) -> NewJob {
    let description = format!("After the import of {} {kind}", written.len());
    let payload = AfterImport { backend: session.backend, kind: kind.to_owned(), written };
    job(AFTER_IMPORT, Some(session.backend), &payload, description)
}

/// Hooks after a send.
pub fn after_export(session: &Session, kind: &str, written: Vec<Written>) -> NewJob {
    let description = format!("After the export of {} {kind}", written.len());
    let payload = AfterImport { backend: session.backend, kind: kind.to_owned(), written };
    job(AFTER_EXPORT, Some(session.backend), &payload, description)
}

/// The name of a step, as commands have it.
pub fn step_name(step: Step) -> &'static str {
    match step {
        Step::Customers => "customers",
        Step::Products => "products",
        Step::Inventory => "inventory",
        Step::Orders => "orders",
        Step::Unknown => "unknown",
    }
}
