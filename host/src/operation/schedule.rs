//! Use cases of schedules: what can be done by itself, when it is, and doing it now. Everything is off until somebody sets
//! its times.

use bindery_contract::{manifest::Step, service::Task};
use serde::{Deserialize, Serialize};

use super::{Caller, Error, Host, sync::Queued};
use crate::{
    backend::Backend,
    base::{Fault, Timestamp},
    model::{
        job::{NewJob, Scope},
        schedule::{Last, Missed, Overlap, Schedule, Times},
    },
    schedule::{self, Timetable},
    storage::Durability,
    sync::task::{self, SyncAll, SyncStep, VerifyBackend},
};

/// Kind of the job that removes what is kept for a while only.
pub const PRUNE: &str = "maintenance.prune";
/// Kind of the job that reads the whole database and looks for damage.
pub const CHECK: &str = "maintenance.check";
/// The zone where nobody says one.
const ZONE: &str = "UTC";

/// Chooses schedules.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Only of this backend.
    pub backend: Option<String>,
    /// Only those that are set.
    pub set: bool,
}

/// Names a schedule.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// `<backend>.<task>`, or a task of the host.
    pub name: String,
}

/// Sets a schedule. What is left out stays as it is; a new one needs its expression.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// `<backend>.<task>`, or a task of the host.
    pub name: String,
    /// Minute, hour, day of the month, month, day of the week.
    #[serde(default)]
    pub cron: Option<String>,
    /// IANA name; absent on a new one: `UTC`.
    #[serde(default)]
    pub zone: Option<String>,
    /// Seconds by which a time is put off at most; absent on a new one: 0.
    #[serde(default)]
    pub jitter: Option<i64>,
    /// While an earlier job has not ended; absent on a new one: `skip`.
    #[serde(default)]
    pub overlap: Option<Overlap>,
    /// What passed unseen; absent on a new one: `run_once`.
    #[serde(default)]
    pub missed: Option<Missed>,
    /// Priority of its jobs, 0 first; absent on a new one: 10.
    #[serde(default)]
    pub priority: Option<i64>,
}

/// Schedules.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// Those of the host first, then by backend.
    pub schedules: Vec<Shown>,
}

/// A schedule, or a task that has none.
#[derive(Debug, Serialize, Deserialize)]
pub struct Shown {
    /// `<backend>.<task>`, or a task of the host.
    pub name: String,
    /// The backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// What is done.
    pub task: String,
    /// The same for people.
    pub description: String,
    /// `off`: no times are set; `on`; `paused`.
    pub state: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// When, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
    /// The next time, with its jitter; absent: paused, or off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// What came of the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Last>,
}

/// Something that can be scheduled.
struct Can {
    name: String,
    backend: Option<(i64, String)>,
    task: String,
    job: NewJob,
}

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let set = host.store.read(|tx| schedule::all(tx)).await?;
    let known = match &request.backend {
        Some(name) => of_backend(host, &*host.backends.by_name(name)?),
        None => {
            of_host().into_iter().chain(host.backends.list().iter().flat_map(|one| of_backend(host, one))).collect()
        }
    };
    let mut schedules = Vec::new();
    for can in known {
        let id = can.backend.as_ref().map(|(id, _)| *id);
        let found = set.iter().find(|one| one.backend == id && one.task == can.task);
        if found.is_some() || !request.set {
            schedules.push(shown(can, found));
        }
    }
    Ok(List { schedules })
}

pub(super) async fn set(host: &Host, _: &Caller, request: Set) -> Result<Shown, Fault> {
    let mut can = find(host, &request.name)?;
    let (backend, task) = (can.backend.as_ref().map(|(id, _)| *id), can.task.clone());
    let name = task.clone();
    let known = host.store.read(move |tx| schedule::find(tx, backend, &name)).await?;
    let before = known.as_ref().map(|known| known.times.clone());
    let cron = request.cron.or_else(|| before.as_ref().map(|times| times.cron.clone()));
    let cron = cron.ok_or_else(|| Error::Value(format!("{} has no times yet: say when, by --cron", request.name)))?;
    let times = Times {
        cron,
        zone: request.zone.or_else(|| before.as_ref().map(|times| times.zone.clone())).unwrap_or_else(|| ZONE.into()),
        jitter: request.jitter.or_else(|| before.as_ref().map(|times| times.jitter)).unwrap_or_default(),
        overlap: request.overlap.or_else(|| before.as_ref().map(|times| times.overlap)).unwrap_or_default(),
        missed: request.missed.or_else(|| before.as_ref().map(|times| times.missed)).unwrap_or_default(),
    };
    can.job.priority = request.priority.or(known.map(|known| known.job.priority)).unwrap_or(NewJob::PRIORITY);
    let (now, job) = (host.clock.now(), can.job.clone());
    let set = host.store.write(Durability::Durable, move |tx| schedule::set(tx, now, backend, &task, &times, &job));
    let set = set.await?;
    Ok(shown(can, Some(&set)))
}

pub(super) async fn pause(host: &Host, _: &Caller, request: Name) -> Result<Shown, Fault> {
    let (can, known) = find_set(host, &request.name).await?;
    let paused = host.store.write(Durability::Durable, move |tx| schedule::pause(tx, known.clone())).await?;
    Ok(shown(can, Some(&paused)))
}

pub(super) async fn resume(host: &Host, _: &Caller, request: Name) -> Result<Shown, Fault> {
    let (can, known) = find_set(host, &request.name).await?;
    let now = host.clock.now();
    let resumed = host.store.write(Durability::Durable, move |tx| schedule::resume(tx, now, known.clone())).await?;
    Ok(shown(can, Some(&resumed)))
}

pub(super) async fn remove(host: &Host, _: &Caller, request: Name) -> Result<Shown, Fault> {
    let (can, known) = find_set(host, &request.name).await?;
    host.store.write(Durability::Durable, move |tx| schedule::remove(tx, &known)).await?;
    Ok(shown(can, None))
}

/// Enqueues the job of a task now, scheduled or not.
pub(super) async fn run(host: &Host, _: &Caller, request: Name) -> Result<Queued, Fault> {
    let can = find(host, &request.name)?;
    let (backend, task, now) = (can.backend.as_ref().map(|(id, _)| *id), can.task, host.clock.now());
    let (job, description) = (can.job.clone(), can.job.description);
    let enqueued = host.store.write(Durability::Durable, move |tx| match schedule::find(tx, backend, &task)? {
        Some(known) => schedule::enqueue_now(tx, now, &known),
        None => Ok(crate::queue::enqueue(tx, now, &job)?),
    });
    let enqueued = enqueued.await?;
    host.enqueued(&[enqueued.id]).await?;
    Ok(Queued { id: enqueued.id, deduplicated: enqueued.deduplicated, description })
}

fn find(host: &Host, name: &str) -> Result<Can, Fault> {
    let all = match name.rsplit_once('.') {
        Some((backend, _)) => of_backend(host, &*host.backends.by_name(backend)?),
        None => of_host(),
    };
    let names: Vec<String> = all.iter().map(|can| can.name.clone()).collect();
    let found = all.into_iter().find(|can| can.name == name);
    Ok(found.ok_or_else(|| {
        Error::Value(format!("nothing that can be scheduled is named {name}; there are {}", names.join(", ")))
    })?)
}

async fn find_set(host: &Host, name: &str) -> Result<(Can, Schedule), Fault> {
    let can = find(host, name)?;
    let (backend, task) = (can.backend.as_ref().map(|(id, _)| *id), can.task.clone());
    let found = host.store.read(move |tx| schedule::find(tx, backend, &task)).await?;
    let found = found.ok_or_else(|| Error::NotFound { noun: "schedule", name: name.to_owned() })?;
    Ok((can, found))
}

/// What the host itself can do.
fn of_host() -> Vec<Can> {
    let tasks = [
        ("prune", PRUNE, "Remove what is kept for a while only"),
        ("check", CHECK, "Read the whole database and look for damage"),
    ];
    let can = |(task, kind, description): (&str, &str, &str)| {
        let mut job = NewJob::new(kind, serde_json::json!({}));
        job.description = description.to_owned();
        job.identity = Some((kind.to_owned(), Scope::UntilDone));
        Can { name: task.to_owned(), backend: None, task: task.to_owned(), job }
    };
    tasks.into_iter().map(can).collect()
}

/// What can be done for a backend: syncs, a comparison, and the actions that its connector declares.
fn of_backend(host: &Host, backend: &Backend) -> Vec<Can> {
    let id = backend.id;
    let all = task::job(
        task::SYNC_ALL,
        Some(id),
        &SyncAll { backend: id, ..SyncAll::default() },
        "Sync all steps".to_owned(),
    );
    let verify = VerifyBackend { backend: id, ..VerifyBackend::default() };
    let mut tasks = vec![("sync_all".to_owned(), all)];
    for step in [Step::Customers, Step::Products, Step::Inventory, Step::Orders] {
        let payload = SyncStep { backend: id, step, force: false, filters: Vec::new(), plan: false, lenient: false };
        tasks.push((format!("sync_{}", task::step_name(step)), task::sync_step(&payload)));
    }
    tasks.push(("verify".to_owned(), task::job(task::VERIFY, Some(id), &verify, "Verify".to_owned())));
    let generation = host.backends.generation(backend);
    for action in generation.iter().flat_map(|generation| &generation.manifest.actions) {
        let asked = Task::Action { name: action.name.clone(), arguments: serde_json::json!({}) };
        // A custom operation of a component has a dot in its name, and is no action of the backend.
        if let (false, Ok(mut job)) = (action.name.contains('.'), task::of_connector(id, &asked)) {
            job.description = action.label.clone();
            tasks.push((action.name.clone(), job));
        }
    }
    let can = |(task, job): (String, NewJob)| Can {
        name: format!("{}.{task}", backend.name),
        backend: Some((id, backend.name.clone())),
        task,
        job,
    };
    tasks.into_iter().map(can).collect()
}

fn shown(can: Can, set: Option<&Schedule>) -> Shown {
    let words = set.and_then(|set| Timetable::read(&set.times).ok()).map(|table| table.describe());
    Shown {
        name: can.name,
        backend: can.backend.map(|(_, name)| name),
        task: can.task,
        description: can.job.description,
        state: match set {
            None => "off",
            Some(set) if set.paused => "paused",
            Some(_) => "on",
        }
        .to_owned(),
        times: set.map(|set| set.times.clone()),
        words,
        next: set.filter(|set| !set.paused).and_then(|set| set.next),
        last: set.and_then(|set| set.last.clone()),
    }
}
