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

impl State {
    /// Nothing happens to it any more unless somebody asks.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
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
    /// The job that asked for this one: both belong to one run.
    pub spawned_by: Option<i64>,
    /// Jobs that must have ended first.
    pub after: Vec<Dependency>,
    /// Waits between attempts; absent: [`RetryPattern::default`].
    pub retry_pattern: Option<RetryPattern>,
    /// Seconds that one attempt may take.
    pub timeout: Option<i64>,
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
            spawned_by: None,
            after: Vec::new(),
            retry_pattern: None,
            timeout: None,
        }
    }
}

/// Which end of a job lets a dependent one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It succeeded.
    Done,
    /// It failed for good.
    Failed,
    /// It ended, however.
    Always,
}

/// A job to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The job.
    pub job: i64,
    /// The end of it that counts.
    pub condition: Condition,
}

/// One step of a retry pattern: from this attempt on, wait a random time between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryStep {
    /// The failed attempt, from 1, from which the step holds.
    pub attempt: i64,
    /// Seconds to wait at least. 0 is 0.
    pub least: i64,
    /// Seconds to wait at most.
    pub most: i64,
}

/// Waits between attempts: the step with the highest attempt that is not above the failed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RetryPattern(pub Vec<RetryStep>);

impl Default for RetryPattern {
    /// Soon at first, since most faults of networks pass; then slower, so that a system that is down is left alone.
    fn default() -> Self {
        let step = |attempt, least, most| RetryStep { attempt, least, most };
        Self(vec![step(1, 10, 20), step(2, 60, 90), step(3, 300, 450), step(4, 600, 900)])
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

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Items done.
    pub done: i64,
    /// Items in all, where known.
    pub total: Option<i64>,
    /// What it does now.
    pub message: String,
}

/// A job as it stands, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: i64,
    /// The first job of the run that it belongs to.
    pub root: i64,
    /// Which handler runs it.
    pub kind: String,
    /// What it is for.
    pub description: String,
    /// What the handler needs.
    pub payload: Value,
    /// The backend it works for.
    pub backend: Option<i64>,
    /// Its channel.
    pub channel: String,
    /// Where it stands.
    pub state: State,
    /// Why it may not run now, where it is parked.
    pub parked: Option<String>,
    /// Somebody asked it to stop.
    pub cancel_requested: bool,
    /// 0 first.
    pub priority: i64,
    /// Not before.
    pub eta: Timestamp,
    /// How often it was started.
    pub attempt: i64,
    /// How many of its starts count against `max_retries`.
    pub charged: i64,
    /// Attempts allowed; 0: endless until `expires`.
    pub max_retries: i64,
    /// No attempt after this.
    pub expires: Option<Timestamp>,
    /// Seconds that one attempt may take.
    pub timeout: Option<i64>,
    /// Folds equal jobs.
    pub identity: Option<String>,
    /// The equal job that took over its work.
    pub merged_into: Option<i64>,
    /// How far it is.
    pub progress: Progress,
    /// When it was enqueued.
    pub created: Timestamp,
    /// When its last attempt began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// What it came to.
    pub result: Option<Value>,
    /// Why it failed, or will be tried again.
    pub error: Option<Failure>,
}

/// A fault as it was kept with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `room.what_happened`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub cure: String,
}

/// One start of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub attempt: i64,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Host and process that ran it.
    pub host: String,
    /// What it came to: `done`, `retry`, `failed`, `parked`, `cancelled`, `handed_back`, `lost`.
    pub outcome: String,
    /// The error, where there was one.
    pub code: Option<String>,
    /// Its text.
    pub message: Option<String>,
}

/// One line that was logged while a job ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The attempt.
    pub attempt: i64,
    /// When.
    pub at: Timestamp,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What.
    pub text: String,
}

/// Which jobs to list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// In these states; empty: in any.
    pub states: Vec<State>,
    /// Only parked ones.
    pub parked: bool,
    /// Of this kind.
    pub kind: Option<String>,
    /// For this backend.
    pub backend: Option<i64>,
    /// In this channel (not those below it).
    pub channel: Option<String>,
    /// Of the run that this job began.
    pub root: Option<i64>,
    /// Older than this id, for the next page: newest jobs come first.
    pub before: Option<i64>,
    /// At most so many; absent: [`Filter::LIMIT`].
    pub limit: Option<i64>,
}

impl Filter {
    /// Jobs in a list when nobody says otherwise.
    pub const LIMIT: i64 = 100;
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Wait for other jobs.
    pub wait_dependencies: i64,
    /// Wait for their turn, or for their eta.
    pub pending: i64,
    /// Pending, but may not run now.
    pub parked: i64,
    /// Run.
    pub started: i64,
    /// Succeeded.
    pub done: i64,
    /// Failed for good.
    pub failed: i64,
    /// Were called off.
    pub cancelled: i64,
}

/// A channel: how many jobs run at once, how fast they start, whether they may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its id.
    pub id: i64,
    /// Full name, `root.backend.3`.
    pub name: String,
    /// The channel above; none for `root`.
    pub parent: Option<i64>,
    /// Jobs at once, those of channels below included; none: as many as the channel above allows; 0: none.
    pub capacity: Option<i64>,
    /// Least milliseconds between two starts; 0: no limit; [`Channel::NEVER`]: none starts.
    pub interval: i64,
    /// Starts nothing.
    pub paused: bool,
    /// One job at a time, in order: one that failed, is parked or waits for its next attempt holds up those behind it.
    pub sequential: bool,
    /// Microseconds for which its done and cancelled jobs are kept; absent: as everywhere.
    pub keep_done: Option<i64>,
    /// The same for failed ones.
    pub keep_failed: Option<i64>,
}

impl Channel {
    /// The interval of a rate of 0.
    pub const NEVER: i64 = i64::MAX;
}

/// Jobs of a channel that have not ended, and what holds it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Load {
    /// The channel.
    pub channel: i64,
    /// Jobs that may start.
    pub ready: i64,
    /// Of a sequential channel: the job that holds up the others.
    pub held_by: Option<i64>,
}
