//! Use cases of jobs: see, retry, cancel.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::base::Timestamp;

/// Searches jobs, newest first.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Only in this state; `parked` too.
    pub state: Option<String>,
    /// Only of this backend.
    pub backend: Option<String>,
    /// Only of this kind: `import.kind`, …
    pub kind: Option<String>,
    /// At most so many; absent: 50.
    pub limit: Option<i64>,
    /// Only with a smaller id: the next page.
    pub before: Option<i64>,
}

/// Names jobs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// Their ids.
    pub ids: Vec<i64>,
}

/// Jobs.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Newest first.
    pub jobs: Vec<Job>,
}

/// A job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: i64,
    /// Its kind.
    pub kind: String,
    /// For people.
    pub description: String,
    /// `wait_dependencies`, `pending`, `started`, `done`, `failed`, `cancelled`.
    pub state: String,
    /// Why it can't run now, where it waits for somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
    /// The backend it works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Its channel.
    pub channel: String,
    /// 0 first.
    pub priority: i64,
    /// Attempts so far.
    pub attempt: i64,
    /// Attempts allowed; 0: endless.
    pub max_retries: i64,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
    /// When it was enqueued.
    pub created: Timestamp,
    /// When its last attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// Units done, in all, and a line for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub result: Value,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The code of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done.
    pub done: i64,
    /// Units in all, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// For people.
    #[serde(default)]
    pub message: String,
}

/// A job with all of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Detail {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// What its handler was given.
    pub payload: Value,
    /// What it said, oldest first.
    pub log: Vec<LogLine>,
}

/// A line of a job's log.
#[derive(Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub time: Timestamp,
    /// During which attempt.
    pub attempt: i64,
    /// `error`, `warn`, `info`, `debug`.
    pub level: String,
    /// What.
    pub message: String,
}

/// What came of a change of several jobs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Changed {
    /// Jobs that were changed.
    pub changed: Vec<i64>,
    /// Jobs that were left alone, and why.
    pub skipped: Vec<(i64, String)>,
}
