//! The use case of looking at the whole: version, plugins, backends and their syncs, jobs, sizes, and what is wrong.

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
    plugin, queue, record, storage,
    sync::status::{KindStatus, LastRun},
};

pub use crate::sync::Account;

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
    /// Bytes that the file system of the data directory has left; absent where it does not tell.
    #[serde(default)]
    pub free_bytes: Option<u64>,
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
    /// How the sync of each kind stands; kinds that were never synced are left out.
    pub kinds: Vec<Kind>,
    /// Why it can't work now, or why it works with an older build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How the sync of a kind stands.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kind {
    /// The kind.
    pub kind: String,
    /// The last import.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Run>,
    /// The last export that somebody asked for, or that a step ended with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_export: Option<Run>,
    /// Where the next run starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// When the cursor moved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor_moved: Option<Timestamp>,
    /// Seconds since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor_age: Option<i64>,
    /// Records whose changes are still to be sent.
    #[serde(default)]
    pub due: u64,
    /// Seconds that the first of them has waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_age: Option<i64>,
    /// Bindings, all of them.
    pub bindings: u64,
    /// Bindings whose last attempt failed.
    pub failed: u64,
    /// Of failed: those that nothing tries again by itself.
    pub given_up: u64,
    /// Records that wait for a person.
    pub reviews: u64,
    /// Records that both sides changed, waiting for a person.
    pub conflicts: u64,
    /// Runs succeed and change records, yet the cursor stands still.
    pub stalled: bool,
}

/// The last run of a kind.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// `running`, `done`, `failed`, `cancelled`.
    pub state: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What became of the records that it was offered.
    pub account: Account,
    /// Records that nothing accounts for: 0.
    pub unaccounted: i64,
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
    let statistics = host.store.statistics();
    let mut alarms: Vec<Alarm> = room(host.store.refusal(), statistics.free_bytes).into_iter().collect();
    let (plugins, of_plugins) = plugins(host);
    alarms.extend(of_plugins);
    let mut shown = Vec::new();
    for one in &host.backends.list() {
        shown.push(backend(host, one).await?);
        let id = one.id;
        let nameless = host.store.read(move |tx| storage::quarantine::tally_nameless(tx, id)).await?;
        alarms.extend(nameless.into_iter().map(|(kind, count)| without_id(&one.name, &kind, count)));
    }
    for backend in shown.iter().filter(|backend| backend.enabled) {
        alarms.extend(trouble(backend));
        alarms.extend(backend.kinds.iter().flat_map(|kind| of_kind(&backend.name, kind)));
    }
    alarms.extend(waiting(&jobs));
    let consumers = host.store.read(|tx| record::outbox::consumers(tx)).await?;
    alarms.extend(consumers.iter().filter_map(behind));
    Ok(Status {
        version: VERSION.to_owned(),
        data: host.data.path().display().to_string(),
        process: std::process::id(),
        serving: host.is_serving(),
        started: host.started,
        plugins,
        review: shown.iter().flat_map(|backend| &backend.kinds).map(|kind| kind.reviews).sum(),
        backends: shown,
        jobs: counts(&jobs),
        database_bytes: statistics.database_bytes + statistics.log_bytes,
        free_bytes: statistics.free_bytes,
        alarms,
    })
}

/// Free space from which on somebody should see to it.
const SCARCE_BYTES: u64 = 128 << 20;

fn room(refusal: Option<storage::Error>, free: Option<u64>) -> Option<Alarm> {
    if let Some(refusal) = refusal {
        let fault = Fault::from(refusal);
        return Some(Alarm { message: format!("nothing can be stored: {fault}"), cure: fault.cure });
    }
    let scarce = free.filter(|free| *free < SCARCE_BYTES)?;
    Some(Alarm {
        message: format!("the file system of the data directory has only {} MB left", scarce >> 20),
        cure: "Free space, or move the data directory. Jobs that find none wait for it.".to_owned(),
    })
}

fn plugins(host: &Host) -> (BTreeMap<String, u64>, Vec<Alarm>) {
    let (mut plugins, mut alarms) = (BTreeMap::new(), Vec::new());
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
    (plugins, alarms)
}

async fn backend(host: &Host, backend: &backend::Backend) -> Result<Backend, Fault> {
    let id = backend.id;
    let mut bindings = BTreeMap::new();
    for (_, status, count) in host.store.read(move |tx| record::binding::tally(tx, id)).await? {
        *bindings.entry(status.as_str().to_owned()).or_default() += count;
    }
    let now = host.clock.now();
    let kinds = host.sync.status(id).await?.into_iter().map(|kind| shown(kind, now)).collect();
    let shown = host.backends.shown(backend);
    let connection = serde_json::to_value(shown.connection.status).unwrap_or_default();
    Ok(Backend {
        name: shown.name,
        enabled: shown.enabled,
        connection: connection.as_str().unwrap_or_default().to_owned(),
        bindings,
        kinds,
        trouble: shown.trouble,
    })
}

fn run(run: LastRun) -> Run {
    Run {
        state: run.state.to_owned(),
        started: run.started,
        ended: run.ended,
        error: run.error,
        account: run.account,
        unaccounted: run.account.unaccounted(),
    }
}

fn shown(kind: KindStatus, now: Timestamp) -> Kind {
    let age = |since: Timestamp| (now.0 - since.0) / 1_000_000;
    Kind {
        kind: kind.kind,
        last_run: kind.last_run.map(run),
        last_export: kind.last_export.map(run),
        cursor: kind.cursor,
        cursor_moved: kind.cursor_moved,
        cursor_age: kind.cursor_moved.map(age),
        due: kind.due,
        due_age: kind.due_since.map(age),
        bindings: kind.bindings,
        failed: kind.failed,
        given_up: kind.given_up,
        reviews: kind.reviews,
        conflicts: kind.conflicts,
        stalled: kind.stalled,
    }
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
    alarms
}

/// From when on a change that was not sent is somebody's business.
const OVERDUE_HOURS: i64 = 1;

fn of_kind(backend: &str, kind: &Kind) -> Vec<Alarm> {
    let name = &kind.kind;
    let mut alarms = Vec::new();
    let mut alarm = |what: String, cure: String| {
        alarms.push(Alarm { message: format!("backend {backend}: {name}: {what}"), cure });
    };
    let runs = [
        (&kind.last_run, "import", format!("bindery sync {backend} --kind {name}")),
        (&kind.last_export, "export", format!("bindery export {backend} --kind {name}")),
    ];
    for (run, what, command) in runs.iter().filter_map(|(run, what, command)| Some((run.as_ref()?, what, command))) {
        if run.unaccounted != 0 {
            let cure = format!("Report it; `bindery verify {backend} --kind {name} --repair` mends what differs.");
            alarm(format!("nothing tells what became of {} records of the last {what}", run.unaccounted), cure);
        }
        if run.state == "failed" {
            let why = run.error.as_deref().unwrap_or("no reason was kept");
            alarm(format!("the last {what} failed: {why}"), format!("`{command}` tries it again."));
        }
    }
    if kind.stalled {
        let cure =
            format!("`bindery cursor history {backend} {name}` shows where it was; tell the connector's author.");
        alarm("runs succeed and change records, but the cursor does not move".to_owned(), cure);
    }
    if let Some(hours) = kind.due_age.map(|seconds| seconds / 3_600).filter(|hours| *hours >= OVERDUE_HOURS) {
        let what = format!("{} records wait to be sent, the first of them for {hours} h", kind.due);
        let list = format!("`bindery binding list --backend {backend} --kind {name} --status failed`");
        alarm(
            what,
            format!("{list} says what keeps them; `bindery export {backend} --kind {name} --wait` sends them."),
        );
    }
    if kind.given_up > 0 {
        let what = format!("{} records failed and are not tried again by themselves", kind.given_up);
        let list = format!("`bindery binding list --backend {backend} --kind {name} --status failed`");
        alarm(what, format!("{list} says why; `bindery binding retry` tries them again."));
    }
    if kind.conflicts > 0 {
        let what = format!("{} records were changed on both sides", kind.conflicts);
        alarm(what, format!("`bindery conflict list --backend {backend}` shows them."));
    }
    if kind.reviews > 0 {
        let what = format!("{} records wait for a person's decision", kind.reviews);
        alarm(what, format!("`bindery review list --backend {backend}` shows them."));
    }
    alarms
}

fn without_id(backend: &str, kind: &str, count: i64) -> Alarm {
    Alarm {
        message: format!("backend {backend}: {count} of {kind} came without an id and can't be imported"),
        cure: "Report it to the connector's author: `bindery job show` of the sync shows how they begin.".to_owned(),
    }
}

/// Changes that a reader of the log may be behind before somebody should look.
const FAR_BEHIND: i64 = 100_000;

fn behind(consumer: &record::outbox::Consumer) -> Option<Alarm> {
    let name = &consumer.name;
    if let Some(missed) = consumer.missed {
        return Some(Alarm {
            message: format!("{name} was cut off from the log of changes and missed {missed} of them"),
            cure: "What differs is exported by itself; `bindery verify NAME --repair` compares all of a backend."
                .to_owned(),
        });
    }
    (consumer.behind > FAR_BEHIND).then(|| Alarm {
        message: format!("{name} is {} changes behind the log of changes", consumer.behind),
        cure: "It catches up by itself; where the number grows, the host's log says what stops it.".to_owned(),
    })
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
