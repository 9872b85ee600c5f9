//! Jobs as data: what the rooms enqueue, and what a run of one comes to. How they are stored and claimed is the queue's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;

/// The life of a job. `parked` is no state but a flag, with a reason, on a pending job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for other jobs.
    WaitDependencies,
    /// Waits for its turn.
    Pending,
    /// Is being run.
    Started,
    /// Succeeded.
    Done,
    /// Failed for good.
    Failed,
    /// Was called off.
    Cancelled,
}

/// While which states of a job an equal one folds into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Until it starts: a second one may wait while the first runs.
    UntilStart,
    /// Until it has ended.
    UntilDone,
}

/// A job to be enqueued.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewJob {
    /// Which handler runs it: `import.record`, `import.kind`, `sync.step`, `connector.action`, …
    pub kind: String,
    /// What the handler needs.
    pub payload: Value,
    /// The backend it works for.
    pub backend: Option<i64>,
    /// Channel; absent: the backend's own, or `root`.
    pub channel: Option<String>,
    /// 0 first.
    pub priority: i64,
    /// Not before.
    pub eta: Option<Timestamp>,
    /// Attempts allowed; 0: endless under the wall-clock cap.
    pub max_retries: i64,
    /// Folds equal jobs, within the scope.
    pub identity: Option<(String, Scope)>,
    /// For people.
    pub description: String,
}

impl NewJob {
    /// Priority when nobody says otherwise.
    pub const PRIORITY: i64 = 10;
    /// Attempts when nobody says otherwise.
    pub const MAX_RETRIES: i64 = 5;

    /// A job of a kind with the defaults.
    pub fn new(kind: impl Into<String>, payload: Value) -> Self {
        Self {
            kind: kind.into(),
            payload,
            backend: None,
            channel: None,
            priority: Self::PRIORITY,
            eta: None,
            max_retries: Self::MAX_RETRIES,
            identity: None,
            description: String::new(),
        }
    }
}

/// A job that was enqueued, or the equal one that it folded into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enqueued {
    /// Its id.
    pub id: i64,
    /// It folded into one that was there.
    pub deduplicated: bool,
}

/// Proof that a worker still owns a job: every write on its behalf checks all three.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// The job.
    pub job: i64,
    /// The attempt, from 1.
    pub attempt: i64,
    /// Host and boot that claimed it.
    pub claim: i64,
}
