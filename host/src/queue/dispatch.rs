//! The runner's tasks: one claims and starts, one stores outcomes, one stores progress, one looks after what a dead
//! host left and after old jobs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};

use super::{
    Cancel, CancelReason, Error, Gate, Handlers, Options, Outcome, ProgressHandle, Running, Verdict, attempt,
    claim::{self, Request, Round},
    completion::Ended,
    finish,
    slot::Slots,
};
use crate::{
    base::{Clock, Timestamp},
    model::job::Fence,
    storage::{Durability, Signal, Store, job_claim, job_claim::Claimed},
};

/// Longest sleep: the clock may have jumped, and a look is cheap.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// Wait after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Time between two looks at what running jobs say about their progress.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What the tasks of a runner share.
pub(super) struct Shared {
    pub store: Store,
    pub clock: Clock,
    pub gate: Arc<dyn Gate>,
    pub handlers: Handlers,
    pub options: Options,
    /// Our claim id.
    pub claim: i64,
    /// First jobs of the runs that we work for; none: all.
    pub runs: Mutex<Option<Vec<i64>>>,
    pub running: Mutex<HashMap<i64, Active>>,
    pub slots: Mutex<Slots>,
    /// Something has changed that no signal of the store tells.
    pub wake: Notify,
    /// A job has been started.
    pub started: Notify,
    /// A job found no room on the disk.
    pub short_of_room: Notify,
    pub is_stopping: watch::Sender<bool>,
}

/// A job that runs here.
pub(super) struct Active {
    pub fence: Fence,
    pub cancel: Cancel,
    pub progress: ProgressHandle,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn is_stopping(&self) -> bool {
        *self.is_stopping.borrow()
    }

    /// An outcome is stored: the job's place is free.
    pub fn release(&self, ended: &[Ended]) {
        let mut running = lock(&self.running);
        let mut slots = lock(&self.slots);
        for one in ended {
            // Another attempt of the same job may run here by now.
            if running.get(&one.fence.job).is_some_and(|active| active.fence == one.fence) {
                running.remove(&one.fence.job);
            }
            slots.give_back(one.channel);
        }
        drop((running, slots));
        if ended.iter().any(|one| one.outcome.is_lack_of_room()) {
            self.short_of_room.notify_one();
        }
        self.wake.notify_one();
    }
}

/// Claims and starts jobs until the runner stops.
pub(super) async fn dispatch(shared: Arc<Shared>, ended: mpsc::UnboundedSender<Ended>) {
    let mut jobs = shared.store.listen(Signal::Job);
    let mut channels = shared.store.listen(Signal::Channel);
    let mut stopping = shared.is_stopping.subscribe();
    let (mut reload, mut last_channel) = (true, 0);
    while !shared.is_stopping() {
        jobs.mark_unchanged();
        reload |= channels.has_changed().unwrap_or(false);
        channels.mark_unchanged();
        let free = shared.options.concurrency.saturating_sub(lock(&shared.running).len());
        let mut sleep = LONGEST_SLEEP;
        if free > 0 {
            match claim_round(&shared, free, reload, last_channel).await {
                Ok(round) => {
                    reload = false;
                    last_channel = round.jobs.last().map_or(last_channel, |job| job.channel);
                    if let Some(at) = round.wakes_at {
                        sleep = sleep.min(until(&shared.clock, at));
                    }
                    let has_more = round.has_more;
                    start_all(&shared, round, &ended);
                    if has_more {
                        continue;
                    }
                }
                Err(error) => {
                    // The store says once by itself that there is no room.
                    if shared.store.refusal().is_none() {
                        tracing::error!(%error, "jobs could not be claimed; trying again");
                    }
                    sleep = PAUSE;
                }
            }
        }
        tokio::select! {
            _ = jobs.changed(), if free > 0 => {}
            // Hearing of it marks it as seen, so it is noted here.
            _ = channels.changed() => reload = true,
            () = shared.wake.notified() => {}
            _ = stopping.changed() => {}
            () = tokio::time::sleep_until(Instant::now() + sleep), if free > 0 => {}
        }
    }
}

fn until(clock: &Clock, at: Timestamp) -> Duration {
    let micros = at.0.saturating_sub(clock.now().0).max(0);
    // The timer is coarser than the clock: a little late is better than twice.
    Duration::from_micros(u64::try_from(micros).unwrap_or(0)) + Duration::from_millis(1)
}

async fn claim_round(shared: &Shared, free: usize, reload: bool, last_channel: i64) -> Result<Round, Error> {
    let request = Request {
        claim: shared.claim,
        limit: i64::try_from(free).unwrap_or(i64::MAX),
        runs: lock(&shared.runs).clone(),
        slots: lock(&shared.slots).clone(),
        reload,
        last_channel,
    };
    let now = shared.clock.now();
    let round = shared.store.write(Durability::Relaxed, move |tx| claim::round(tx, now, &request)).await?;
    let mut slots = lock(&shared.slots);
    if let Some(channels) = &round.channels {
        slots.set_channels(channels.clone());
    }
    round.jobs.iter().for_each(|job| slots.take(job.channel, now));
    Ok(round)
}

fn start_all(shared: &Arc<Shared>, round: Round, ended: &mpsc::UnboundedSender<Ended>) {
    if round.jobs.is_empty() {
        return;
    }
    for job in round.jobs {
        start(shared, job, ended.clone());
    }
    shared.started.notify_one();
}

fn start(shared: &Arc<Shared>, job: Claimed, ended: mpsc::UnboundedSender<Ended>) {
    let fence = Fence { job: job.id, attempt: job.attempt, claim: shared.claim };
    let (cancel, progress) = (Cancel::default(), ProgressHandle::default());
    let active = Active { fence: fence.clone(), cancel: cancel.clone(), progress: progress.clone() };
    lock(&shared.running).insert(job.id, active);
    let channel = job.channel;
    let end = move |outcome, fence| {
        // Nobody listens only when the runner is gone; the next one takes the job back.
        let _ = ended.send(Ended { fence, outcome, channel });
    };
    let handler = shared.handlers.get(&job.kind).cloned();
    let verdict = if handler.is_some() { shared.gate.verdict(&job.kind, job.backend) } else { nobody_runs(&job.kind) };
    let (Some(handler), Verdict::Run) = (handler, &verdict) else {
        if let Verdict::Park { reason } = verdict {
            end(Outcome::Parked { reason }, fence);
        }
        return;
    };
    if shared.is_stopping() {
        return end(Outcome::HandBack, fence);
    }
    let timeout = job.timeout.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let grace = shared.options.grace;
    let running = Running {
        id: job.id,
        root: job.root,
        kind: job.kind,
        payload: serde_json::from_str(&job.payload).unwrap_or_default(),
        backend: job.backend,
        priority: job.priority,
        charged: job.charged,
        max_retries: job.max_retries,
        deadline: job.timeout.map(|seconds| shared.clock.now().plus_seconds(seconds)),
        progress_so_far: job.progress,
        fence: fence.clone(),
        cancel,
        progress: progress.clone(),
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let outcome = attempt::run(handler, running, timeout, grace).await;
        if let Some(last) = progress.take_changed() {
            store_progress(&shared, vec![(fence.clone(), last)]).await;
        }
        end(outcome, fence);
    });
}

/// Stores what running jobs say about their progress; asleep while nothing runs.
pub(super) async fn heartbeat(shared: Arc<Shared>) {
    let mut stopping = shared.is_stopping.subscribe();
    while !shared.is_stopping() {
        // What an attempt said last is stored when it ends, so nothing is lost when this stops first.
        if lock(&shared.running).is_empty() {
            tokio::select! {
                () = shared.started.notified() => {}
                _ = stopping.changed() => {}
            }
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(HEARTBEAT) => {}
            _ = stopping.changed() => continue,
        }
        let changed: Vec<_> = lock(&shared.running)
            .values()
            .filter_map(|active| Some((active.fence.clone(), active.progress.take_changed()?)))
            .collect();
        if !changed.is_empty() {
            store_progress(&shared, changed).await;
        }
    }
}

async fn store_progress(shared: &Shared, changed: Vec<(Fence, crate::model::job::Progress)>) {
    let stored = shared.store.write_weighted(Durability::Relaxed, changed.len(), move |tx| {
        for (fence, progress) in &changed {
            // An attempt that is over has nothing to say any more.
            crate::storage::job::set_progress(tx, fence, progress)?;
        }
        Ok::<_, Error>(())
    });
    if let Err(error) = stored.await {
        tracing::warn!(%error, "progress was not stored");
    }
}

/// Passes requests to stop on to the jobs that run here.
pub(super) async fn watch_cancels(shared: Arc<Shared>) {
    let mut requests = shared.store.listen(Signal::JobCancel);
    let mut stopping = shared.is_stopping.subscribe();
    while !shared.is_stopping() {
        tokio::select! {
            _ = requests.changed() => {}
            _ = stopping.changed() => continue,
        }
        let claim = shared.claim;
        match shared.store.read(move |tx| job_claim::stopping(tx, claim)).await {
            Ok(jobs) => {
                let running = lock(&shared.running);
                for (job, goes_back) in jobs {
                    let reason = if goes_back { CancelReason::Stopping } else { CancelReason::Requested };
                    if let Some(active) = running.get(&job) {
                        active.cancel.cancel(reason);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "requests to cancel jobs could not be read"),
        }
    }
}

/// Takes back what other claims have started: on one host they are dead, since the data directory is ours.
pub(super) async fn take_back_lost(shared: &Shared) -> Result<usize, Error> {
    const CHUNK: i64 = 200;
    let (mut after, mut count) = (0, 0);
    let ours = shared.claim;
    loop {
        let jobs = shared.store.read(move |tx| job_claim::lost(tx, ours, after, CHUNK)).await?;
        let Some(last) = jobs.last() else { return Ok(count) };
        after = *last;
        count += jobs.len();
        let now = shared.clock.now();
        let work =
            move |tx: &mut dyn crate::storage::Tx| jobs.iter().try_for_each(|job| finish::take_back(tx, now, *job));
        shared.store.write_weighted(Durability::Durable, usize::try_from(CHUNK).unwrap_or(1), work).await?;
    }
}

/// Asks the gate about parked jobs again: lets those run that it lets through, and says of the others why they wait now.
pub(super) async fn unpark(shared: &Shared) -> Result<u64, Error> {
    let mut count = 0;
    for (kind, backend) in shared.store.read(|tx| job_claim::parked(tx)).await? {
        let verdict = match shared.handlers.get(&kind) {
            Some(_) => shared.gate.verdict(&kind, backend),
            None => nobody_runs(&kind),
        };
        loop {
            let (now, kind, verdict) = (shared.clock.now(), kind.clone(), verdict.clone());
            let is_open = verdict == Verdict::Run;
            let work = move |tx: &mut dyn crate::storage::Tx| match &verdict {
                Verdict::Park { reason } => job_claim::say_why(tx, &kind, backend, reason, claim::ROUND),
                Verdict::Run => {
                    tx.signal(Signal::Job);
                    job_claim::unpark(tx, now, &kind, backend, claim::ROUND)
                }
            };
            let rows = usize::try_from(claim::ROUND).unwrap_or(1);
            let chunk = shared.store.write_weighted(Durability::Relaxed, rows, work).await?;
            count += if is_open { chunk } else { 0 };
            if chunk < claim::ROUND as u64 {
                break;
            }
        }
    }
    Ok(count)
}

fn nobody_runs(kind: &str) -> Verdict {
    Verdict::Park { reason: format!("nothing in this host runs jobs of kind {kind}") }
}
