//! Use cases of jobs: see, retry, cancel.

use serde::{Deserialize, Serialize};

use super::{Caller, Error, Host};
use crate::{
    base::{Coded, Fault},
    model::job::{self, Attempt, LogLine, State},
    queue::{
        self,
        bulk::{self, Action},
        control,
        trial::{self, Trial},
    },
    storage::Durability,
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
    /// Only in this channel, not in those below it.
    pub channel: Option<String>,
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
}

/// Chooses jobs that something is done to: by their ids, or by a filter.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chosen {
    /// Their ids.
    pub ids: Vec<i64>,
    /// Everything of the runs that they began; only for cancelling.
    pub run: bool,
    /// Every job that it finds, as many as its limit says, else all.
    pub filter: Option<Search>,
}

/// Makes jobs that do nothing but take time and fail now and then.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateTest {
    /// How many.
    pub size: u32,
    /// The part of attempts that fails, from 0 to 1.
    #[serde(default)]
    pub failure_rate: f64,
    /// Milliseconds that an attempt takes.
    #[serde(default)]
    pub duration_ms: u64,
    /// Each waits for the end of the one before.
    #[serde(default)]
    pub chain: bool,
    /// Their channel; absent: that of the backend, or `root`.
    #[serde(default)]
    pub channel: Option<String>,
    /// The backend that they count for; they never call it.
    #[serde(default)]
    pub backend: Option<String>,
    /// 0 first; absent: 10.
    #[serde(default)]
    pub priority: Option<i64>,
    /// Attempts allowed; 0: endless; absent: 5.
    #[serde(default)]
    pub max_retries: Option<i64>,
}

/// Test jobs that were made.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreatedTest {
    /// How many.
    pub count: u32,
    /// The smallest id.
    pub first: i64,
    /// The greatest id.
    pub last: i64,
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
    /// Jobs that were changed, at most [`Changed::LIMIT`] of them.
    pub changed: Vec<i64>,
    /// Jobs that were left alone, and why.
    pub skipped: Vec<(i64, String)>,
    /// Jobs that were changed besides those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
    /// Jobs that a filter found, and whose state does not allow it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unfit: u64,
}

impl Changed {
    /// Ids that are told.
    pub const LIMIT: usize = 1_000;

    fn of(changed: Vec<i64>) -> Self {
        Self { changed, skipped: Vec::new(), more: 0, unfit: 0 }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Lines of a job's log that are shown.
const LOG_LIMIT: i64 = 1_000;

pub(super) async fn list(host: &Host, _: &Caller, request: Search) -> Result<List, Fault> {
    let limit = request.limit.unwrap_or(50);
    let filter = job::Filter { limit: Some(limit), ..filter(host, request)? };
    let jobs = host.store.read(move |tx| control::list(tx, &filter)).await?;
    Ok(List { jobs: host.named(jobs) })
}

fn filter(host: &Host, request: Search) -> Result<job::Filter, Fault> {
    let mut filter = job::Filter {
        kind: request.kind,
        channel: request.channel,
        root: request.run,
        before: request.before,
        limit: request.limit,
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
    Ok(filter)
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
    // What a plugin has just said is not stored yet.
    host.job_log.flush().await?;
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

pub(super) async fn retry(host: &Host, _: &Caller, request: Chosen) -> Result<Changed, Fault> {
    let changed = act(host, request, Action::Retry).await?;
    host.enqueued(&changed.changed).await?;
    Ok(changed)
}

pub(super) async fn requeue(host: &Host, _: &Caller, request: Chosen) -> Result<Changed, Fault> {
    let changed = act(host, request, Action::Requeue).await?;
    host.enqueued(&changed.changed).await?;
    Ok(changed)
}

pub(super) async fn done(host: &Host, _: &Caller, request: Chosen) -> Result<Changed, Fault> {
    act(host, request, Action::Done).await
}

async fn act(host: &Host, request: Chosen, action: Action) -> Result<Changed, Fault> {
    let Some(search) = request.filter else { return change(host, request.ids, action).await };
    if !request.ids.is_empty() {
        return Err(Error::Value("name jobs, or say which by a filter, not both".to_owned()).into());
    }
    let tally = bulk::apply(&host.store, &host.clock, action, filter(host, search)?).await?;
    let (mut changed, unfit) = (tally.changed, tally.skipped);
    let more = changed.len().saturating_sub(Changed::LIMIT) as u64;
    changed.truncate(Changed::LIMIT);
    Ok(Changed { changed, skipped: Vec::new(), more, unfit })
}

pub(super) async fn create_test(host: &Host, _: &Caller, request: CreateTest) -> Result<CreatedTest, Fault> {
    if request.size == 0 || !(0.0..=1.0).contains(&request.failure_rate) {
        return Err(Error::Value(
            "make at least one job, and let a part from 0 to 1 of their attempts fail".to_owned(),
        )
        .into());
    }
    let trial = Trial { failure_rate: request.failure_rate, duration_ms: request.duration_ms };
    let mut model = trial::job(&trial);
    model.backend = host.opt_backend_id(request.backend.as_deref())?;
    model.channel = request.channel;
    model.priority = request.priority.unwrap_or(model.priority);
    model.max_retries = request.max_retries.unwrap_or(model.max_retries);
    let size = usize::try_from(request.size).unwrap_or(usize::MAX);
    let made = trial::create(&host.store, &host.clock, &model, size, request.chain).await?;
    let (first, last) = made.unwrap_or_default();
    if !host.is_serving() {
        host.enqueued(&(first..=last).collect::<Vec<_>>()).await?;
    }
    Ok(CreatedTest { count: request.size, first, last })
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
    Ok(Changed::of(request.ids))
}

pub(super) async fn cancel(host: &Host, _: &Caller, request: Chosen) -> Result<Changed, Fault> {
    if !request.run || request.filter.is_some() {
        return act(host, request, Action::Cancel).await;
    }
    let mut changed = Changed::of(Vec::new());
    for id in request.ids {
        // A run is called off in several transactions; an id that is no job is told before any of them.
        host.store.read(move |tx| control::show(tx, id)).await?;
        control::cancel_run(&host.store, &host.clock, id).await?;
        changed.changed.push(id);
    }
    Ok(changed)
}

/// Changes jobs one by one: a job that can't be changed leaves the others alone, and alone is an error.
async fn change(host: &Host, ids: Vec<i64>, action: Action) -> Result<Changed, Fault> {
    let (is_alone, now) = (ids.len() == 1, host.clock.now());
    let changed = host
        .store
        .write(Durability::Durable, move |tx| {
            let mut changed = Changed::of(Vec::new());
            for &id in &ids {
                match tx.savepoint(|tx| action.apply(tx, now, id))? {
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
