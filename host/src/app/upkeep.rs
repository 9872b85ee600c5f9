//! What a host does by itself now and then: tries failed records again, and removes what nobody reads any more. A round
//! that fails is told in the log; the next one comes all the same.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    base::Timestamp,
    operation::Host,
    record::outbox,
    storage::{Durability, Store},
};

/// Time between two rounds.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);
/// How long the log of changes is kept for consumers that come later.
const OUTBOX_DAYS: i64 = 7;
/// Changes that a consumer may be behind: one that is farther is cut off, so that the file stays bounded.
pub(super) const MOST_BEHIND: i64 = 5_000_000;
/// Rows that one transaction removes.
const CHUNK: u64 = 5_000;

/// The rounds of a host that serves.
pub(super) struct Upkeep {
    task: JoinHandle<()>,
    stopping: watch::Sender<bool>,
}

impl Upkeep {
    /// Begins with a round at once.
    pub(super) fn start(host: Arc<Host>, interval: Duration) -> Self {
        let (stopping, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                round(&host).await;
                tokio::select! {
                    () = tokio::time::sleep(interval) => {}
                    _ = stopped.wait_for(|is_stopping| *is_stopping) => return,
                }
            }
        });
        Self { task, stopping }
    }

    /// Lets the round that runs come to its end.
    pub(super) async fn stop(self) {
        self.stopping.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the upkeep ended badly");
        }
    }
}

async fn round(host: &Host) {
    match host.sync.sweep().await {
        Ok(0) => {}
        Ok(tried) => tracing::info!(tried, "failed records are tried again"),
        Err(error) => tracing::error!(%error, "failed records were not tried again"),
    }
    if let Err(error) = prune_outbox(&host.store, host.clock.now(), MOST_BEHIND).await {
        tracing::error!(%error, "the log of changes was not shortened");
    }
    if let Err(error) = host.sync.resync_consumers().await {
        tracing::error!(%error, "consumers that were cut off could not be brought up to date");
    }
}

/// Shortens the log of changes behind its slowest consumer, and cuts one off that is too far behind.
pub(super) async fn prune_outbox(store: &Store, now: Timestamp, most_behind: i64) -> Result<u64, crate::record::Error> {
    let cut_off = store.write(Durability::Durable, move |tx| outbox::cut_off(tx, most_behind, now)).await?;
    if cut_off > 0 {
        tracing::warn!(cut_off, most_behind, "consumers of the log of changes were too far behind and are cut off");
    }
    let before = now.plus_seconds(-OUTBOX_DAYS * 86_400);
    let mut count = 0;
    loop {
        let removed = store.write(Durability::Relaxed, move |tx| outbox::prune(tx, before, CHUNK)).await?;
        count += removed;
        if removed < CHUNK {
            return Ok(count);
        }
    }
}
