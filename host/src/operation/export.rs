//! The use case of exporting a selection to a backend, or of looking at what that would send. What an export does is the
//! `sync` room's business.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Caller, Host,
    status::Account,
    sync::{Standing, Started, started},
};
use crate::{base::Fault, sync::task::ExportKind};

/// Starts an export, or plans one. Without ids and domain: what has changed here.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Start {
    /// The backend.
    pub backend: String,
    /// The kind.
    pub kind: String,
    /// These records of ours.
    pub ids: Vec<i64>,
    /// The records that a domain finds.
    pub domain: Option<Value>,
    /// Also what is as it was sent last.
    pub force: bool,
    /// Creates whose fate is unknown are sent again: somebody has looked, and they made nothing.
    pub resend: bool,
    /// Say what would be sent; send nothing.
    pub plan: bool,
    /// 0 first; absent: 10.
    pub priority: Option<i64>,
    /// Seconds from now.
    pub eta_seconds: Option<i64>,
}

/// What became of a selection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Records that were sent.
    pub exported: i64,
    /// Of these: made there.
    pub created: i64,
    /// Records that needed no send, or were left out.
    pub skipped: i64,
    /// Records that could not be sent, or wait for a person.
    pub errors: i64,
}

/// The export of a kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The kind.
    pub kind: String,
    /// Its run, where it has one.
    #[serde(default)]
    pub run: Option<i64>,
    /// What became of the records that it was offered.
    pub account: Account,
    /// The same in short.
    pub counts: Counts,
    /// Records that could not be sent, and why; up to a bound.
    #[serde(default)]
    pub problems: Vec<(i64, Problem)>,
}

/// Why a record could not be sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code.
    pub code: String,
    /// What happened.
    pub message: String,
}

impl Standing {
    /// What exports came to, kind by kind.
    pub fn exports(&self) -> Vec<Report> {
        let results = self.jobs.iter().filter_map(|job| job.job.result.clone());
        results.filter_map(|result| serde_json::from_value(result).ok()).collect()
    }
}

pub(super) async fn start(host: &Host, _: &Caller, request: Start) -> Result<Started, Fault> {
    let asked = ExportKind {
        backend: host.backend_id(&request.backend)?,
        kind: request.kind,
        ids: request.ids,
        domain: request.domain.filter(|domain| !domain.is_null()),
        force: request.force,
        resend: request.resend,
        plan: request.plan,
    };
    let begun = host.sync.start_export(&asked, request.priority, request.eta_seconds).await?;
    started(host, request.backend, begun).await
}
