//! Schedules as data: what is enqueued when. When that is, is the schedule room's to work out.

use serde::{Deserialize, Serialize};

use super::job::NewJob;
use crate::base::Timestamp;

/// What becomes of a time that comes while the job of an earlier one has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It is left out.
    #[default]
    Skip,
    /// One more waits until the job has ended or, where channels allow it, runs beside it; never more than one waits.
    QueueOne,
    /// Each time has its job.
    Allow,
}

/// What becomes of times that passed while no host ran, or the clock jumped over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// One job makes up for all of them.
    #[default]
    RunOnce,
    /// They are left out.
    Skip,
}

/// When something is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Minute, hour, day of the month, month, day of the week.
    pub cron: String,
    /// IANA name of the time zone that the expression is meant in.
    pub zone: String,
    /// Each time is put off by up to so many seconds, another number for each schedule and time: not everything begins on
    /// the full hour.
    pub jitter: i64,
    /// While an earlier job has not ended.
    pub overlap: Overlap,
    /// What passed unseen.
    pub missed: Missed,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its id.
    pub id: i64,
    /// The backend it works for; none: the host itself.
    pub backend: Option<i64>,
    /// What is done: `sync_orders`, `verify`, `prune`, …
    pub task: String,
    /// When.
    pub times: Times,
    /// Nothing is enqueued meanwhile.
    pub paused: bool,
    /// What is enqueued.
    pub job: NewJob,
    /// The next time by the expression.
    pub due: Option<Timestamp>,
    /// The same, put off by the jitter.
    pub next: Option<Timestamp>,
    /// When these were worked out.
    pub planned: Timestamp,
    /// What came of the last time.
    pub last: Option<Last>,
}

/// What came of a time of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// When it was seen to.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: Outcome,
    /// The job, where there is one: a new one, or the one that had not ended.
    pub job: Option<i64>,
}

/// What came of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A job was enqueued.
    Queued,
    /// An earlier job had not ended.
    Overlapped,
    /// It had passed unseen, and was left out.
    Missed,
}
