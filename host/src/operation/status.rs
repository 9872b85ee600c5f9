//! The use case of looking at the whole: version, plugins, backends, jobs, sizes, and what is wrong.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Caller, Host,
    wire::{Nothing, VERSION},
};
use crate::{
    backend,
    base::{Fault, Timestamp},
    model::job::Counts,
    plugin, queue, record,
};

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
    /// `unknown`, `ok`, `failed`.
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

pub(super) async fn show(host: &Host, _: &Caller, _: Nothing) -> Result<Status, Fault> {
    let jobs = host.store.read(|tx| queue::control::counts(tx)).await?;
    let backends = host.backends.list();
    let statistics = host.store.statistics();
    let mut plugins = BTreeMap::new();
    let mut alarms = Vec::new();
    for plugin in host.plugins.list() {
        let word = match plugin.state {
            plugin::State::Ready => "ready",
            plugin::State::Stale => "stale",
            plugin::State::Refused => "refused",
        };
        *plugins.entry(word.to_owned()).or_default() += 1;
        if let Some(fault) = plugin.error {
            let message = format!("plugin {} is {word}: {} [{}]", plugin.id, fault.message, fault.code.name);
            alarms.push(Alarm { message, cure: fault.cure });
        }
    }
    let mut shown = Vec::with_capacity(backends.len());
    for one in &backends {
        shown.push(backend(host, one).await?);
    }
    for backend in shown.iter().filter(|backend| backend.enabled) {
        alarms.extend(trouble(backend));
    }
    alarms.extend(waiting(&jobs));
    Ok(Status {
        version: VERSION.to_owned(),
        data: host.data.path().display().to_string(),
        process: std::process::id(),
        serving: host.is_serving(),
        started: host.started,
        plugins,
        backends: shown,
        jobs: counts(&jobs),
        review: 0,
        database_bytes: statistics.database_bytes + statistics.log_bytes,
        alarms,
    })
}

async fn backend(host: &Host, backend: &backend::Backend) -> Result<Backend, Fault> {
    let id = backend.id;
    let mut bindings = BTreeMap::new();
    for (_, status, count) in host.store.read(move |tx| record::binding::tally(tx, id)).await? {
        let word = serde_json::to_value(status).unwrap_or_default();
        *bindings.entry(word.as_str().unwrap_or_default().to_owned()).or_default() += count;
    }
    let shown = host.backends.shown(backend);
    let connection = serde_json::to_value(shown.connection.status).unwrap_or_default();
    Ok(Backend {
        name: shown.name,
        enabled: shown.enabled,
        connection: connection.as_str().unwrap_or_default().to_owned(),
        bindings,
        trouble: shown.trouble,
    })
}

fn trouble(backend: &Backend) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    if let Some(trouble) = &backend.trouble {
        let message = format!("backend {}: {trouble}", backend.name);
        alarms.push(Alarm { message, cure: "`bindery plugin list` shows what is installed.".to_owned() });
    }
    if backend.connection == "failed" {
        let message = format!("backend {}: the last test of its connection failed", backend.name);
        alarms.push(Alarm { message, cure: format!("`bindery backend test {}` says why.", backend.name) });
    }
    if let Some(failed) = backend.bindings.get("failed").filter(|failed| **failed > 0) {
        let message = format!("backend {}: {failed} bindings failed", backend.name);
        let cure = format!("`bindery binding list --backend {} --status failed` shows why.", backend.name);
        alarms.push(Alarm { message, cure });
    }
    alarms
}

fn waiting(jobs: &Counts) -> Option<Alarm> {
    (jobs.parked > 0).then(|| Alarm {
        message: format!("{} jobs are parked", jobs.parked),
        cure: "`bindery job list --state parked` shows what they wait for.".to_owned(),
    })
}

fn counts(jobs: &Counts) -> BTreeMap<String, u64> {
    [
        ("waiting", jobs.wait_dependencies),
        ("pending", jobs.pending),
        ("parked", jobs.parked),
        ("running", jobs.started),
        ("done", jobs.done),
        ("failed", jobs.failed),
        ("cancelled", jobs.cancelled),
    ]
    .into_iter()
    .map(|(word, count)| (word.to_owned(), u64::try_from(count).unwrap_or_default()))
    .collect()
}
