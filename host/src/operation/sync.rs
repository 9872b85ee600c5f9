//! Use cases of syncing: start (or plan) and follow. What a sync does is the `sync` room's business.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Caller, Host, job::Job, status::Account};
use crate::{
    base::Fault,
    model::job::{Enqueued, Filter, State},
    queue::{self, control},
    sync::start::Request,
};

pub use crate::storage::run::Direction;

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

impl Started {
    /// Ids of the jobs.
    pub fn ids(&self) -> Vec<i64> {
        self.jobs.iter().map(|job| job.id).collect()
    }
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
    /// The jobs asked for and those they enqueued, oldest first; at most [`Standing::LIMIT`] of each run.
    pub jobs: Vec<Job>,
    /// None of them will go on by itself: each has ended, or is parked.
    pub finished: bool,
    /// Jobs that failed, were called off, or are parked.
    pub failed: u64,
}

impl Standing {
    /// Jobs of one run that are looked at.
    pub const LIMIT: i64 = 500;

    /// What the jobs of a plan would come to, kind by kind.
    pub fn plans(&self) -> Vec<Plan> {
        self.results("plan")
    }

    /// A list that the results of jobs hold under a name.
    pub(super) fn results<T: serde::de::DeserializeOwned>(&self, name: &str) -> Vec<T> {
        let results = self.jobs.iter().filter_map(|job| job.job.result.as_ref()?.get(name)?.as_array());
        results.flatten().filter_map(|one| serde_json::from_value(one.clone()).ok()).collect()
    }
}

/// What the import or export of a kind would come to.
#[derive(Debug, Serialize, Deserialize)]
pub struct Plan {
    /// The kind.
    pub kind: String,
    /// Which of the two.
    #[serde(default)]
    pub direction: Direction,
    /// Counts, as the account of the run would have them.
    pub account: Account,
    /// Records one by one, up to a bound; unchanged ones are only counted.
    pub records: Vec<Planned>,
    /// There are more than are shown.
    pub truncated: bool,
    /// Records that would be imported or sent first: kind and id.
    pub dependencies: Vec<String>,
}

/// What would happen to one record.
#[derive(Debug, Serialize, Deserialize)]
pub struct Planned {
    /// External id.
    pub id: String,
    /// `create`, `update`, `match`, `skip`, `quarantine`, `hold`, `gone`, `requeue`.
    pub action: String,
    /// Ours, where there is one.
    #[serde(default)]
    pub record: Option<i64>,
    /// Field, our value, the value it would get.
    #[serde(default)]
    pub fields: Vec<(String, Value, Value)>,
    /// Why, where it is not written.
    #[serde(default)]
    pub reason: Option<String>,
}

pub(super) async fn start(host: &Host, _: &Caller, request: Start) -> Result<Started, Fault> {
    let asked = Request {
        backend: host.backend_id(&request.backend)?,
        only: request.only,
        kind: request.kind,
        id: request.id,
        filters: request.filters.into_iter().collect(),
        force: request.force,
        plan: request.plan,
        priority: request.priority,
        eta_seconds: request.eta_seconds,
    };
    let begun = host.sync.start(&asked).await?;
    started(host, request.backend, begun).await
}

/// Tells what was enqueued, once somebody runs it.
pub(super) async fn started(host: &Host, backend: String, begun: (Enqueued, String)) -> Result<Started, Fault> {
    let (job, description) = begun;
    host.enqueued(&[job.id]).await?;
    Ok(Started { backend, jobs: vec![Queued { id: job.id, deduplicated: job.deduplicated, description }] })
}

/// It failed, was called off, or is parked. One whose work an equal job took over did none of these.
fn is_trouble(job: &crate::model::job::Job) -> bool {
    (matches!(job.state, State::Failed | State::Cancelled) && job.merged_into.is_none()) || job.parked.is_some()
}

/// Jobs of another run that do a part of what this one was to do.
fn joined(job: &crate::model::job::Job) -> Vec<i64> {
    let ids = job.result.as_ref().and_then(|result| result.get("joined")?.as_array());
    ids.into_iter().flatten().filter_map(serde_json::Value::as_i64).collect()
}

pub(super) async fn progress(host: &Host, _: &Caller, request: Progress) -> Result<Standing, Fault> {
    if let Some(refusal) = host.store.refusal().filter(|_| !host.is_serving()) {
        // Nobody but this command could go on, and it can't: it ends and says why.
        return Err(refusal.into());
    }
    let (jobs, is_open) = host
        .store
        .read(move |tx| {
            let (mut jobs, mut is_open) = (Vec::<crate::model::job::Job>::new(), false);
            let mut all = std::collections::VecDeque::from(request.jobs.clone());
            while let Some(id) = all.pop_front() {
                let id = control::taken_over(tx, id)?;
                let root = control::show(tx, id)?.root;
                if jobs.iter().any(|job| job.id == id) {
                    continue;
                }
                let known = jobs.len();
                // A job that folded into one of another run is followed alone.
                let filter = Filter { root: Some(id), limit: Some(Standing::LIMIT), ..Filter::default() };
                match root == id {
                    true => jobs.extend(control::list(tx, &filter)?.into_iter().rev()),
                    false => jobs.push(control::show(tx, id)?),
                }
                is_open |= root == id && control::is_run_open(tx, id)?;
                all.extend(jobs[known..].iter().flat_map(joined));
            }
            Ok::<_, queue::Error>((jobs, is_open))
        })
        .await?;
    let goes_on = |job: &crate::model::job::Job| {
        matches!(job.state, State::WaitDependencies | State::Pending | State::Started) && job.parked.is_none()
    };
    let is_parked = jobs.iter().any(|job| job.parked.is_some());
    let finished = !jobs.iter().any(|job| goes_on(job) && !(is_parked && job.state == State::WaitDependencies));
    let failed = jobs.iter().filter(|job| is_trouble(job)).count() as u64;
    Ok(Standing { jobs: host.named(jobs), finished: finished && (!is_open || is_parked), failed })
}
