//! Storing outcomes: what handlers answer gathers here and is stored many at a time, one transaction under way.

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};

use super::{Error, Outcome, finish};
use crate::{
    base::Clock,
    model::job::Fence,
    storage::{self, Durability, Store},
};

/// Outcomes in one transaction at most.
const BATCH: usize = 500;
/// Wait before an outcome that could not be stored is tried again: a full disk does not clear in an instant. Where the
/// runner stops meanwhile, the job stays started, and the next start takes it back.
const PAUSE: Duration = Duration::from_secs(1);

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub fence: Fence,
    pub outcome: Outcome,
    pub channel: i64,
}

/// Where outcomes go.
pub(super) struct Completer {
    pub store: Store,
    pub clock: Clock,
    pub is_stopping: watch::Receiver<bool>,
}

impl Completer {
    /// Stores outcomes until all senders are gone. `over` hears of each one whose attempt is over here.
    pub(super) async fn run(mut self, mut ended: mpsc::UnboundedReceiver<Ended>, over: impl Fn(&[Ended])) {
        let mut batch = Vec::with_capacity(BATCH);
        while ended.recv_many(&mut batch, BATCH).await > 0 {
            let all = Arc::new(std::mem::take(&mut batch));
            if self.store_batch(&all).await.is_err() {
                // One of them may be what the store refuses: the others must not wait for it.
                for at in 0..all.len() {
                    self.store_one(&all, at).await;
                }
            }
            over(&all);
        }
    }

    async fn store_batch(&self, all: &Arc<Vec<Ended>>) -> Result<(), Error> {
        let (shared, now) = (Arc::clone(all), self.clock.now());
        self.store
            .write_weighted(Durability::Durable, all.len(), move |tx| {
                shared.iter().try_for_each(|one| store_outcome(tx, now, one))
            })
            .await
    }

    async fn store_one(&mut self, all: &Arc<Vec<Ended>>, at: usize) {
        let job = all[at].fence.job;
        loop {
            let (shared, now) = (Arc::clone(all), self.clock.now());
            let result = self.store.write(Durability::Durable, move |tx| store_outcome(tx, now, &shared[at])).await;
            let Err(error) = result else { return };
            if matches!(error, Error::Storage(storage::Error::Closed)) || *self.is_stopping.borrow() {
                tracing::warn!(job, %error, "an outcome was not stored; the next start takes the job back");
                return;
            }
            // The store has said so by itself, once.
            if self.store.refusal().is_none() {
                tracing::error!(job, %error, "an outcome could not be stored; trying again");
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = self.is_stopping.wait_for(|is_stopping| *is_stopping) => {}
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
