//! Trying again: failed bindings whose time has come get a job each, while attempts are left; then they wait visibly.

use serde_json::json;

use super::{
    Error,
    engine::Engine,
    handler::payload,
    task::{self, ImportRecord, SweepFailed},
};
use crate::{
    base::Fault,
    model::job::{Enqueued, NewJob, Scope},
    queue::{self, Outcome, Running},
    record::{binding, binding::Status},
    storage::{Durability, quarantine, run},
};

/// Bindings that one sweep tries.
const BATCH: u64 = 500;
/// Seconds between two sweeps.
const EVERY: i64 = 60;
/// How long ended runs are kept.
const KEPT_DAYS: i64 = 90;

impl Engine {
    /// Enqueues the sweep that goes on by itself. Safe to call at every start.
    pub async fn start_sweeping(&self) -> Result<Enqueued, Error> {
        Ok(self.enqueue(sweep_job(&SweepFailed::default())).await?.0)
    }

    pub(super) async fn run_sweep(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: SweepFailed = payload(job)?;
        let (catalogue, now, fence) = (self.catalogue.get(), self.clock.now(), job.fence.clone());
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                queue::check_fence(tx, &fence).map_err(|_| Error::Fenced)?;
                let filter = binding::Filter {
                    backend: asked.backend,
                    status: Some(Status::Failed),
                    due: Some(now),
                    limit: BATCH,
                    ..binding::Filter::default()
                };
                let mut tried = 0;
                for found in binding::list(tx, &filter).map_err(Fault::from)? {
                    let kind = catalogue.kinds().find(|kind| kind.id == found.kind);
                    let (Some(kind), Some(id)) = (kind, found.external_id.clone()) else { continue };
                    if quarantine::of_binding(tx, found.id)?.is_none() && found.record.is_none() {
                        continue;
                    }
                    let job = task::import_one(&ImportRecord {
                        backend: found.backend,
                        kind: kind.name.clone(),
                        id,
                        ..ImportRecord::default()
                    });
                    queue::enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))?;
                    tried += 1;
                }
                run::prune(tx, now.plus_seconds(-KEPT_DAYS * 86_400).0, 500)?;
                // The next one is enqueued with the end of this one: a crash between loses neither.
                let mut next = sweep_job(&asked);
                next.eta = Some(now.plus_seconds(EVERY));
                let done = Outcome::Done(json!({ "tried": tried }));
                queue::finish(tx, now, &fence, &done).map_err(|error| Error::Below(error.into()))?;
                queue::enqueue(tx, now, &next).map_err(|error| Error::Below(error.into()))?;
                Ok(())
            })
            .await?;
        Ok(Outcome::Committed)
    }
}

fn sweep_job(payload: &SweepFailed) -> NewJob {
    let mut job = task::job(task::SWEEP_FAILED, payload.backend, payload, "Try failed records again".to_owned());
    job.max_retries = 0;
    job.identity = Some((format!("{}:{}", task::SWEEP_FAILED, json!(payload)), Scope::UntilDone));
    job
}
