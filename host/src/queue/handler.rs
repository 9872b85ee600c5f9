//! What the rooms above give the queue: handlers that run jobs, and the gate that says whether one may run now.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::Cancel;
use crate::{
    base::{Fault, Retry, Timestamp},
    model::job::{Fence, Progress},
    storage,
};

/// What one attempt came to.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Succeeded.
    Done(Value),
    /// The handler has called [`super::finish`] in a transaction of its own, together with its work.
    Committed,
    /// Failed, but may succeed later. Fails for good when the budget is spent.
    Retry {
        /// Why.
        fault: Fault,
        /// Wait so long, and no less (0 is 0); absent: the job's retry pattern.
        after: Option<Duration>,
    },
    /// Failed for good.
    Failed(Fault),
    /// May not run now; waits until the gate lets it. Costs no attempt.
    Parked {
        /// Why, for people.
        reason: String,
    },
    /// Stopped because it was asked to.
    Cancelled,
    /// Not finished, goes back as it was. Costs no attempt.
    HandBack,
}

impl Outcome {
    /// Whether the disk had no room for the work: the job waits for some, whatever its budget.
    pub(super) fn is_lack_of_room(&self) -> bool {
        matches!(self, Self::Retry { fault, .. } if storage::error::is_lack_of_room(fault.code))
    }
}

impl From<Fault> for Outcome {
    /// Only a fault that says that a retry helps is tried again.
    fn from(fault: Fault) -> Self {
        match fault.code.retry {
            Retry::Never => Self::Failed(fault),
            Retry::Later => Self::Retry { after: fault.retry_after, fault },
            Retry::Now => Self::Retry { after: Some(fault.retry_after.unwrap_or_default()), fault },
        }
    }
}

/// A job that a handler runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Its id.
    pub id: i64,
    /// The first job of its run. Pass `spawned_by: Some(job.id)` when enqueuing, so that children belong to it too.
    pub root: i64,
    /// Which handler.
    pub kind: String,
    /// What the handler needs.
    pub payload: Value,
    /// The backend it works for.
    pub backend: Option<i64>,
    /// 0 first; children usually take it over.
    pub priority: i64,
    /// How many attempts count so far, this one included.
    pub charged: i64,
    /// Attempts allowed; 0: endless.
    pub max_retries: i64,
    /// When this attempt must have ended.
    pub deadline: Option<Timestamp>,
    /// How far an earlier attempt came.
    pub progress_so_far: Progress,
    /// Proof of ownership: give it to every write.
    pub fence: Fence,
    /// Asks the handler to stop.
    pub cancel: Cancel,
    /// Tells people how far it is.
    pub progress: ProgressHandle,
}

/// Where a handler says how far it is. Never blocks; stored about once a second.
#[derive(Debug, Clone, Default)]
pub struct ProgressHandle(Arc<Mutex<(Progress, bool)>>);

impl ProgressHandle {
    /// Sets done, total and message.
    pub fn set(&self, done: i64, total: Option<i64>, message: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            (Progress { done, total, message: message.into() }, true);
    }

    /// Takes what has not been stored yet.
    pub(super) fn take_changed(&self) -> Option<Progress> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.1).then(|| state.0.clone())
    }
}

/// Runs jobs of a kind.
pub trait Handler: Send + Sync {
    /// Runs one attempt. It may be dropped at any await once its deadline, or the stop of the host, has passed by the
    /// grace time; what it committed stays, and the fence keeps later writes out.
    fn run(&self, job: Running) -> BoxFuture<'static, Outcome>;
}

/// Handlers by job kind.
#[derive(Clone, Default)]
pub struct Handlers(BTreeMap<String, Arc<dyn Handler>>);

impl Handlers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers the handler of a kind.
    #[must_use]
    pub fn with(mut self, kind: &str, handler: Arc<dyn Handler>) -> Self {
        self.0.insert(kind.to_owned(), handler);
        self
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Arc<dyn Handler>> {
        self.0.get(kind)
    }
}

/// Whether a job may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Run,
    /// No: it is parked, and asked about again when [`super::Runner::gate_changed`] is called.
    Park {
        /// Why, for people: `plugin acme is missing`.
        reason: String,
    },
}

/// "May this job run?", answered from memory: it is asked for every job that is claimed.
pub trait Gate: Send + Sync {
    /// Whether jobs of a kind may run for a backend.
    fn verdict(&self, kind: &str, backend: Option<i64>) -> Verdict;
}

/// A gate that lets everything through.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenGate;

impl Gate for OpenGate {
    fn verdict(&self, _kind: &str, _backend: Option<i64>) -> Verdict {
        Verdict::Run
    }
}
