//! Use cases of syncing: start (or plan) and follow. What a sync does is the `sync` room's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::job::Job;

/// Starts a sync, or plans one. Without `only` and `kind`, everything the connector supports.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The backend.
    pub backend: String,
    /// One step: `products`, `orders`, `inventory`, `customers`.
    #[serde(default)]
    pub only: Option<String>,
    /// One kind.
    #[serde(default)]
    pub kind: Option<String>,
    /// One record of that kind, by its external id.
    #[serde(default)]
    pub id: Option<String>,
    /// Passed to the connector's `list`.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// Also what looks unchanged.
    #[serde(default)]
    pub force: bool,
    /// Say what would be done; write nothing.
    #[serde(default)]
    pub plan: bool,
    /// 0 first; absent: 10.
    #[serde(default)]
    pub priority: Option<i64>,
    /// Seconds from now.
    #[serde(default)]
    pub eta_seconds: Option<i64>,
}

/// The jobs that a sync begins with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Started {
    /// The backend.
    pub backend: String,
    /// The jobs, in the order they will run.
    pub jobs: Vec<Queued>,
}

/// A job that was enqueued.
#[derive(Debug, Serialize, Deserialize)]
pub struct Queued {
    /// Its id.
    pub id: i64,
    /// An equal one was waiting already; this is that one.
    pub deduplicated: bool,
    /// For people.
    pub description: String,
}

/// Asks how jobs stand, and everything that they enqueued.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// The jobs a sync began with.
    pub jobs: Vec<i64>,
}

/// How a sync stands.
#[derive(Debug, Serialize, Deserialize)]
pub struct Standing {
    /// The jobs asked for and those they enqueued, oldest first.
    pub jobs: Vec<Job>,
    /// No job of them will run any more (or none can, until somebody does something).
    pub finished: bool,
    /// Jobs that failed, were called off, or are parked.
    pub failed: u64,
}
