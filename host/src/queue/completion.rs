//! Storing outcomes: what handlers answer gathers here and is stored many at a time, one transaction under way.

use std::{sync::Arc, time::Duration};

use tokio::sync::mpsc;

use super::{Error, Outcome, finish};
use crate::{
    base::Clock,
    model::job::Fence,
    storage::{self, Durability, Store},
};

/// Outcomes in one transaction at most.
const BATCH: usize = 500;
/// Wait before an outcome that could not be stored is tried again: a full disk does not clear in an instant.
const PAUSE: Duration = Duration::from_secs(1);

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub fence: Fence,
    pub outcome: Outcome,
    pub channel: i64,
}

/// Stores outcomes until all senders are gone. `stored` hears of each one whose attempt is over for good.
pub(super) async fn store_outcomes(
    store: Store,
    clock: Clock,
    mut ended: mpsc::UnboundedReceiver<Ended>,
    stored: impl Fn(&[Ended]),
) {
    let mut batch = Vec::with_capacity(BATCH);
    while ended.recv_many(&mut batch, BATCH).await > 0 {
        let all = Arc::new(std::mem::take(&mut batch));
        if store_batch(&store, &clock, &all).await.is_err() {
            // One of them may be what the store refuses: the others must not wait for it.
            for at in 0..all.len() {
                store_one(&store, &clock, &all, at).await;
            }
        }
        stored(&all);
    }
}

async fn store_batch(store: &Store, clock: &Clock, all: &Arc<Vec<Ended>>) -> Result<(), Error> {
    let (shared, now) = (Arc::clone(all), clock.now());
    store
        .write_weighted(Durability::Durable, all.len(), move |tx| {
            shared.iter().try_for_each(|one| store_outcome(tx, now, one))
        })
        .await
}

async fn store_one(store: &Store, clock: &Clock, all: &Arc<Vec<Ended>>, at: usize) {
    loop {
        let (shared, now) = (Arc::clone(all), clock.now());
        let result = store.write(Durability::Durable, move |tx| store_outcome(tx, now, &shared[at])).await;
        let job = all[at].fence.job;
        match result {
            Ok(()) => return,
            Err(Error::Storage(error @ storage::Error::Closed)) => {
                // The job stays started; the next start of the host takes it back.
                tracing::warn!(job, %error, "an outcome was not stored");
                return;
            }
            Err(error) => {
                tracing::error!(job, %error, "an outcome could not be stored; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn store_outcome(tx: &mut dyn storage::Tx, now: crate::base::Timestamp, ended: &Ended) -> Result<(), Error> {
    match finish(tx, now, &ended.fence, &ended.outcome) {
        Ok(_) => Ok(()),
        // Another attempt owns the job by now: what this one says no longer counts.
        Err(Error::Stale { job, attempt }) => {
            tracing::info!(job, attempt, "a late outcome was refused");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
