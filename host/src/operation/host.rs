//! What operations work on: the rooms below, put together by `app`. It holds no logic beyond names of backends and
//! who runs jobs.

use std::sync::Arc;

use tokio::sync::Mutex;

use super::job::Job;
use crate::{
    backend::Backends,
    base::{Clock, Fault, Timestamp, config::DataDir},
    model::job,
    plugin, queue,
    record::Current,
    security::role::Rules,
    storage::Store,
};

/// A host, as operations see it.
pub struct Host {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// The data directory.
    pub data: DataDir,
    /// Models and kinds.
    pub catalogue: Current,
    /// Who may do what.
    pub rules: Rules,
    /// Plugins.
    pub plugins: Arc<plugin::Registry>,
    /// Backends.
    pub backends: Arc<Backends>,
    /// Syncs.
    pub sync: crate::sync::Engine,
    /// Who runs jobs.
    pub work: Work,
    /// What plugins log while they work for jobs.
    pub job_log: plugin::JobLog,
    /// Since when.
    pub started: Timestamp,
}

/// Who runs jobs.
pub enum Work {
    /// A runner that takes all of them.
    All(queue::Runner),
    /// A command without a host: only the jobs that it asked for, from when it does.
    Own(Own),
}

/// How a command runs its own jobs.
pub struct Own {
    /// Who may run.
    pub gate: Arc<dyn queue::Gate>,
    /// Who runs them.
    pub handlers: queue::Handlers,
    /// The runner, once there is something to do.
    pub runner: Mutex<Option<queue::Runner>>,
}

impl Own {
    /// Nothing to do yet.
    pub fn new(gate: Arc<dyn queue::Gate>, handlers: queue::Handlers) -> Self {
        Self { gate, handlers, runner: Mutex::new(None) }
    }
}

impl Host {
    /// Whether this is a running host rather than a command.
    pub fn is_serving(&self) -> bool {
        matches!(self.work, Work::All(_))
    }

    /// How many jobs run in each channel, those below included; nothing where no host runs.
    pub(super) fn running_in_channels(&self) -> Option<std::collections::HashMap<i64, i64>> {
        match &self.work {
            Work::All(runner) => Some(runner.running_in_channels()),
            Work::Own(_) => None,
        }
    }

    /// The id of a backend.
    pub(super) fn backend_id(&self, name: &str) -> Result<i64, Fault> {
        Ok(self.backends.by_name(name)?.id)
    }

    /// The id of a backend that may be left out.
    pub(super) fn opt_backend_id(&self, name: Option<&str>) -> Result<Option<i64>, Fault> {
        name.map(|name| self.backend_id(name)).transpose()
    }

    /// The name of a backend; its number, where it was removed meanwhile.
    pub(super) fn backend_name(&self, id: i64) -> String {
        self.backends.name_of(id).unwrap_or_else(|| id.to_string())
    }

    /// Jobs with the names of their backends.
    pub(super) fn named(&self, jobs: Vec<job::Job>) -> Vec<Job> {
        let name = |job: &job::Job| job.backend.map(|id| self.backend_name(id));
        jobs.into_iter().map(|job| Job { backend_name: name(&job), job }).collect()
    }

    /// Jobs were put into the queue: a command without a host runs them now.
    pub(super) async fn enqueued(&self, jobs: &[i64]) -> Result<(), Fault> {
        let Work::Own(own) = &self.work else { return Ok(()) };
        let mut runner = own.runner.lock().await;
        if jobs.is_empty() {
            return Ok(());
        }
        if let Some(before) = runner.take() {
            before.stop().await;
        }
        let options = queue::Options { only: Some(jobs.to_vec()), ..queue::Options::default() };
        let (gate, handlers) = (own.gate.clone(), own.handlers.clone());
        *runner = Some(queue::Runner::start(self.store.clone(), self.clock.clone(), gate, handlers, options).await?);
        Ok(())
    }

    /// Ends the work on jobs.
    pub async fn stop_work(&self) {
        match &self.work {
            Work::All(runner) => runner.stop().await,
            Work::Own(own) => {
                if let Some(runner) = own.runner.lock().await.take() {
                    runner.stop().await;
                }
            }
        }
    }
}
