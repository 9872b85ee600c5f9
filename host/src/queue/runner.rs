//! The runner: claims jobs as channels and gate allow, gives them to their handlers, stores what they came to.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    CancelReason, Error, Gate, Handlers,
    completion::Completer,
    control,
    dispatch::{self, Shared, lock},
    retention::{self, Retention},
};
use crate::{
    base::{Clock, id},
    model::job::Job,
    storage::{Durability, Signal, Store, job, job_claim},
};

/// Time between two removals of old jobs, and before the first.
const PRUNE_INTERVAL: Duration = Duration::from_secs(3600);

/// How a runner works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Jobs at once, over all channels.
    pub concurrency: usize,
    /// Only jobs of the runs that these jobs belong to; none: all jobs.
    pub only: Option<Vec<i64>>,
    /// How long a job that should stop may go on before it is dropped.
    pub grace: Duration,
    /// How long a job that found no room on the disk waits.
    pub room_interval: Duration,
    /// How long ended jobs are kept. A runner that works only for some runs removes nothing.
    pub retention: Retention,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 64,
            only: None,
            grace: Duration::from_secs(15),
            room_interval: Duration::from_secs(5),
            retention: Retention::default(),
        }
    }
}

/// A runner. Cheap to clone; it goes on until [`Runner::stop`].
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
    /// Those that end when told, and the one that ends once it has stored everything.
    tasks: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Runner {
    /// Takes back what a dead host left, and starts to work. Call it within a tokio runtime, once per data directory.
    pub async fn start(
        store: Store,
        clock: Clock,
        gate: Arc<dyn Gate>,
        handlers: Handlers,
        options: Options,
    ) -> Result<Self, Error> {
        let (now, host, boot) = (clock.now(), host_name(), id::random_hex());
        let only = options.only.clone();
        let register = move |tx: &mut dyn crate::storage::Tx| {
            let claim = job_claim::register(tx, now, &host, std::process::id().into(), &boot)?;
            let runs = only.as_ref().map(|jobs| jobs.iter().map(|id| root_of(tx, *id)).collect()).transpose()?;
            Ok::<_, Error>((claim, runs))
        };
        let (claim, runs) = store.write(Durability::Durable, register).await?;
        let shared = Arc::new(Shared {
            store,
            clock,
            gate,
            handlers,
            options,
            claim,
            runs: Mutex::new(runs),
            running: Mutex::default(),
            slots: Mutex::default(),
            wake: tokio::sync::Notify::new(),
            started: tokio::sync::Notify::new(),
            short_of_room: tokio::sync::Notify::new(),
            is_stopping: watch::Sender::new(false),
        });
        if shared.options.only.is_some() {
            // Whoever waits for these jobs must not see how they stood before.
            dispatch::take_back_lost(&shared).await?;
            dispatch::unpark(&shared).await?;
        }
        let (ended, outcomes) = mpsc::unbounded_channel();
        let releasing = Arc::clone(&shared);
        let (store, clock) = (shared.store.clone(), shared.clock.clone());
        let completer = Completer { store, clock, is_stopping: shared.is_stopping.subscribe() };
        let completer = completer.run(outcomes, move |all| releasing.release(all));
        let tasks = vec![
            tokio::spawn(dispatch::dispatch(Arc::clone(&shared), ended)),
            tokio::spawn(dispatch::watch_cancels(Arc::clone(&shared))),
            tokio::spawn(dispatch::heartbeat(Arc::clone(&shared))),
            tokio::spawn(look_after(Arc::clone(&shared))),
            tokio::spawn(look_for_room(Arc::clone(&shared))),
            tokio::spawn(completer),
        ];
        Ok(Self { shared, tasks: Arc::new(Mutex::new(tasks)) })
    }

    /// Works for one more run, where it works only for some.
    pub async fn add_run(&self, job: i64) -> Result<(), Error> {
        let root = self.shared.store.read(move |tx| root_of(tx, job)).await?;
        if let Some(runs) = lock(&self.shared.runs).as_mut() {
            runs.push(root);
        }
        self.wake();
        Ok(())
    }

    /// Parked jobs are asked about again, in the background. Call it when a plugin or a backend has changed.
    pub fn gate_changed(&self) {
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move { log_failure("parked jobs", dispatch::unpark(&shared).await) });
    }

    /// Looks for work now: for a clock that was moved by hand.
    pub fn wake(&self) {
        self.shared.wake.notify_one();
    }

    /// How many jobs run here now.
    pub fn running(&self) -> usize {
        lock(&self.shared.running).len()
    }

    /// How many jobs run here in each channel, those of channels below included.
    pub fn running_in_channels(&self) -> std::collections::HashMap<i64, i64> {
        lock(&self.shared.slots).running().clone()
    }

    /// Waits until a job has ended, and answers what it came to. Follows it into an equal job that took over.
    pub async fn wait(&self, job: i64) -> Result<Job, Error> {
        let mut job = job;
        let mut ends = self.shared.store.listen(Signal::JobEnded);
        loop {
            ends.mark_unchanged();
            let found = self.shared.store.read(move |tx| control::show(tx, job)).await?;
            match found.merged_into {
                Some(twin) => job = twin,
                None if found.state.is_ended() => return Ok(found),
                None => self.next_end(&mut ends).await?,
            }
        }
    }

    /// Waits until every job of the run that a job belongs to has ended.
    pub async fn wait_run(&self, job: i64) -> Result<(), Error> {
        let root = self.shared.store.read(move |tx| root_of(tx, job)).await?;
        let mut ends = self.shared.store.listen(Signal::JobEnded);
        loop {
            ends.mark_unchanged();
            if !self.shared.store.read(move |tx| control::is_run_open(tx, root)).await? {
                return Ok(());
            }
            self.next_end(&mut ends).await?;
        }
    }

    async fn next_end(&self, ends: &mut watch::Receiver<u64>) -> Result<(), Error> {
        let mut stopping = self.shared.is_stopping.subscribe();
        tokio::select! {
            changed = ends.changed() => changed.map_err(|_| Error::Stopped),
            _ = stopping.wait_for(|is_stopping| *is_stopping) => Err(Error::Stopped),
        }
    }

    /// Claims nothing more, asks running jobs to stop, and hands back what does not end within the grace time,
    /// without spending an attempt. Answers when all outcomes are stored.
    pub async fn stop(&self) {
        self.shared.is_stopping.send_replace(true);
        for active in lock(&self.shared.running).values() {
            active.cancel.cancel(CancelReason::Stopping);
        }
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the queue ended badly");
            }
        }
    }
}

fn root_of(tx: &mut dyn crate::storage::Tx, id: i64) -> Result<i64, Error> {
    job::root(tx, id)?.ok_or(Error::Missing(id))
}

/// Brings back what a dead host and an earlier gate have left, then removes old jobs now and then.
async fn look_after(shared: Arc<Shared>) {
    log_failure("jobs of a dead host", dispatch::take_back_lost(&shared).await);
    log_failure("parked jobs", dispatch::unpark(&shared).await);
    let mut forlorn = shared.store.listen(Signal::JobForlorn);
    let mut stopping = shared.is_stopping.subscribe();
    let mut next_prune = tokio::time::Instant::now() + PRUNE_INTERVAL;
    loop {
        // At the start, too: the host may have ended in the midst of it.
        log_failure("jobs that wait in vain", control::call_off_forlorn(&shared.store, &shared.clock).await);
        tokio::select! {
            () = tokio::time::sleep_until(next_prune) => {}
            changed = forlorn.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
        }
        next_prune = tokio::time::Instant::now() + PRUNE_INTERVAL;
        if lock(&shared.runs).is_none() {
            log_failure("old jobs", retention::prune(&shared.store, &shared.clock, shared.options.retention).await);
        }
    }
}

/// Lets jobs that met a full disk try again a while later, for as long as that takes.
async fn look_for_room(shared: Arc<Shared>) {
    let mut stopping = shared.is_stopping.subscribe();
    loop {
        tokio::select! {
            () = shared.short_of_room.notified() => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
        }
        loop {
            tokio::select! {
                () = tokio::time::sleep(shared.options.room_interval) => {}
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
            }
            match dispatch::unpark(&shared).await {
                Ok(_) => break,
                Err(error) => tracing::debug!(%error, "jobs still wait for room"),
            }
        }
    }
}

fn log_failure<T: std::fmt::Display>(what: &str, result: Result<T, Error>) {
    match result {
        Ok(count) => tracing::debug!(%count, "looked after {what}"),
        Err(error) => tracing::error!(%error, "could not look after {what}"),
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
