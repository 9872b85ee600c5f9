//! Jobs that do nothing but take time and fail now and then: for trying out how a host stands a load.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CancelReason, Error, Handler, Handlers, Outcome, Running, error, finish, log, retry};
use crate::{
    base::{Clock, Fault},
    model::job::{Condition, Dependency, NewJob, RetryPattern, RetryStep},
    storage::{Durability, Store, Tx},
};

/// Their kind.
pub const KIND: &str = "test";
/// What a job says when it has come to its end, in the transaction that ends it: so often as this stands in its log, so
/// often its work was done. It answers that number.
const EFFECT: &str = "the work is done";
/// Lines of its log that it looks at.
const LINES: i64 = 1_000;
/// Jobs that one transaction enqueues.
const CHUNK: usize = 500;

/// What they do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trial {
    /// The part of attempts that fails, from 0 to 1.
    pub failure_rate: f64,
    /// Milliseconds that an attempt takes.
    pub duration_ms: u64,
}

/// Registers their handler.
pub fn handlers(handlers: Handlers, store: &Store, clock: &Clock) -> Handlers {
    handlers.with(KIND, Arc::new(Run { store: store.clone(), clock: clock.clone() }))
}

/// Enqueues so many like a model; where `is_chain`, each waits for the end of the one before. Answers the first and the
/// last id.
pub async fn create(
    store: &Store,
    clock: &Clock,
    model: &NewJob,
    size: usize,
    is_chain: bool,
) -> Result<Option<(i64, i64)>, Error> {
    let (mut made, mut first, mut last) = (0, None, None);
    while made < size {
        let (count, now, model, before) = ((size - made).min(CHUNK), clock.now(), model.clone(), last);
        let ids = store
            .write_weighted(Durability::Durable, count, move |tx: &mut dyn Tx| {
                let mut ids: Vec<i64> = Vec::with_capacity(count);
                for _ in 0..count {
                    let parent = ids.last().copied().or(before).filter(|_| is_chain);
                    let after = parent.map(|job| Dependency { job, condition: Condition::Always });
                    let job = NewJob { after: after.into_iter().collect(), ..model.clone() };
                    ids.push(super::enqueue(tx, now, &job)?.id);
                }
                Ok::<_, Error>(ids)
            })
            .await?;
        made += count;
        first = first.or(ids.first().copied());
        last = ids.last().copied();
    }
    Ok(first.zip(last))
}

/// One of them, as it is enqueued.
pub fn job(trial: &Trial) -> NewJob {
    let step = RetryStep { attempt: 1, least: 0, most: 2 };
    NewJob {
        description: "A test job".to_owned(),
        retry_pattern: Some(RetryPattern(vec![step])),
        ..NewJob::new(KIND, json!(trial))
    }
}

struct Run {
    store: Store,
    clock: Clock,
}

impl Handler for Run {
    fn run(&self, job: Running) -> BoxFuture<'static, Outcome> {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Box::pin(async move {
            let trial: Trial = serde_json::from_value(job.payload.clone()).unwrap_or_default();
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(trial.duration_ms)) => {}
                reason = job.cancel.cancelled() => return match reason {
                    CancelReason::Requested => Outcome::Cancelled,
                    CancelReason::Deadline | CancelReason::Stopping => Outcome::HandBack,
                },
            }
            // The same job and attempt always come to the same end.
            let chance = retry::chance(job.id, job.fence.attempt) as f64 / u64::MAX as f64;
            if chance < trial.failure_rate {
                return Outcome::from(error::fault(&error::TRIAL, "it was to fail so often"));
            }
            let now = clock.now();
            let end = move |tx: &mut dyn Tx| -> Result<(), Error> {
                finish::check_fence(tx, &job.fence)?;
                log(tx, now, &job.fence, "info", EFFECT)?;
                let lines = super::control::log(tx, job.id, LINES)?;
                let effects = lines.iter().filter(|line| line.text == EFFECT).count();
                finish::finish(tx, now, &job.fence, &Outcome::Done(json!({ "effects": effects }))).map(drop)
            };
            match store.write(Durability::Durable, end).await {
                Ok(()) | Err(Error::Stale { .. }) => Outcome::Committed,
                Err(error) => Outcome::from(Fault::from(error)),
            }
        })
    }
}
