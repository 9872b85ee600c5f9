//! Use cases of jobs: see, retry, cancel.

use serde::{Deserialize, Serialize};

use super::{Caller, Error, Host};
use crate::{
    base::{Coded, Fault},
    model::job::{self, Attempt, LogLine, State},
    queue::{self, control},
    storage::{Durability, Tx},
};

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
    /// Only of the run that this job began.
    pub run: Option<i64>,
    /// At most so many; absent: 50.
    pub limit: Option<i64>,
    /// Only with a smaller id: the next page.
    pub before: Option<i64>,
}

/// Names a job.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// Its id.
    pub id: i64,
}

/// Names jobs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// Their ids.
    pub ids: Vec<i64>,
    /// Everything of the runs that they began.
    #[serde(default)]
    pub run: bool,
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
    /// The job as the queue has it.
    #[serde(flatten)]
    pub job: job::Job,
    /// The name of the backend it works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_name: Option<String>,
}

/// A job with all of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Detail {
    /// The job.
    #[serde(flatten)]
    pub job: Job,
    /// How its attempts went, first to last.
    pub attempts: Vec<Attempt>,
    /// What it said, oldest first.
    pub log: Vec<LogLine>,
}

/// What came of a change of several jobs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Changed {
    /// Jobs that were changed.
    pub changed: Vec<i64>,
    /// Jobs that were left alone, and why.
    pub skipped: Vec<(i64, String)>,
}

/// Lines of a job's log that are shown.
const LOG_LIMIT: i64 = 1_000;

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let mut filter = job::Filter {
        kind: request.kind,
        root: request.run,
        before: request.before,
        limit: Some(request.limit.unwrap_or(50)),
        ..job::Filter::default()
    };
    if let Some(name) = request.backend {
        filter.backend = Some(host.backend_id(&name)?);
    }
    match request.state.as_deref() {
        None => {}
        Some("parked") => filter.parked = true,
        Some(word) => filter.states = vec![state(word)?],
    }
    let jobs = host.store.read(move |tx| control::list(tx, &filter)).await?;
    Ok(List { jobs: host.named(jobs) })
}

fn state(word: &str) -> Result<State, Error> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).map_err(|_| {
        Error::Value(format!(
            "{word:?} is no state of a job; there are wait_dependencies, pending, parked, started, done, failed and \
             cancelled"
        ))
    })
}

pub(super) async fn show(host: &Host, _: &Caller, Id { id }: Id) -> Result<Detail, Fault> {
    let (job, attempts, log) = host
        .store
        .read(move |tx| {
            Ok::<_, queue::Error>((
                control::show(tx, id)?,
                control::attempts(tx, id)?,
                control::log(tx, id, LOG_LIMIT)?,
            ))
        })
        .await?;
    let job = host.named(vec![job]).remove(0);
    Ok(Detail { job, attempts, log })
}

pub(super) async fn retry(host: &Host, _: &Caller, request: Ids) -> Result<Changed, Fault> {
    let now = host.clock.now();
    let changed = change(host, request.ids, move |tx, id| control::retry(tx, now, id).map(drop)).await?;
    host.enqueued(&changed.changed).await?;
    Ok(changed)
}

/// Names jobs that somebody will follow: a command without a host runs them now.
pub(super) async fn follow(host: &Host, _: &Caller, request: Ids) -> Result<Changed, Fault> {
    let ids = request.ids.clone();
    let open = host
        .store
        .read(move |tx| {
            let mut open = Vec::new();
            for id in &ids {
                let id = control::taken_over(tx, *id)?;
                if !control::show(tx, id)?.state.is_ended() {
                    open.push(id);
                }
            }
            Ok::<_, queue::Error>(open)
        })
        .await?;
    host.enqueued(&open).await?;
    Ok(Changed { changed: request.ids, skipped: Vec::new() })
}

pub(super) async fn cancel(host: &Host, _: &Caller, request: Ids) -> Result<Changed, Fault> {
    let now = host.clock.now();
    if !request.run {
        return change(host, request.ids, move |tx, id| control::cancel(tx, now, id).map(drop)).await;
    }
    let mut changed = Changed { changed: Vec::new(), skipped: Vec::new() };
    for id in request.ids {
        // A run is called off in several transactions; an id that is no job is told before any of them.
        host.store.read(move |tx| control::show(tx, id)).await?;
        control::cancel_run(&host.store, &host.clock, id).await?;
        changed.changed.push(id);
    }
    Ok(changed)
}

/// Changes jobs one by one: a job that can't be changed leaves the others alone, and alone is an error.
async fn change(
    host: &Host,
    ids: Vec<i64>,
    mut act: impl FnMut(&mut dyn Tx, i64) -> Result<(), queue::Error> + Send + 'static,
) -> Result<Changed, Fault> {
    let is_alone = ids.len() == 1;
    let changed = host
        .store
        .write(Durability::Durable, move |tx| {
            let mut changed = Changed { changed: Vec::new(), skipped: Vec::new() };
            for &id in &ids {
                match tx.savepoint(|tx| act(tx, id))? {
                    Ok(()) => changed.changed.push(id),
                    Err(error) if is_alone || matches!(error, queue::Error::Storage(_)) => return Err(error),
                    Err(error) => changed.skipped.push((id, format!("{error} [{}]", error.code().name))),
                }
            }
            Ok(changed)
        })
        .await?;
    Ok(changed)
}
