//! The use case of looking at the whole: version, plugins, backends, jobs, sizes, and what is wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

/// How the host is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The data directory.
    pub data: String,
    /// Process that holds it.
    pub process: u32,
    /// Whether a host runs; else this is a command's view.
    pub serving: bool,
    /// Since when.
    pub started: Timestamp,
    /// Plugins by state.
    pub plugins: BTreeMap<String, u64>,
    /// Backends and how they are.
    pub backends: Vec<Backend>,
    /// Jobs by state, `parked` too.
    pub jobs: BTreeMap<String, u64>,
    /// Records that wait for a person.
    pub review: u64,
    /// Bytes of the database with its log.
    pub database_bytes: u64,
    /// What somebody should look at, most urgent first.
    pub alarms: Vec<Alarm>,
}

/// A backend in short.
#[derive(Debug, Serialize, Deserialize)]
pub struct Backend {
    /// Its name.
    pub name: String,
    /// Whether its jobs run.
    pub enabled: bool,
    /// `unknown`, `connected`, `failed`.
    pub connection: String,
    /// Bindings by status.
    pub bindings: BTreeMap<String, u64>,
    /// Why it can't work now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Something that somebody should look at.
#[derive(Debug, Serialize, Deserialize)]
pub struct Alarm {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub cure: String,
}
