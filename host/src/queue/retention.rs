//! Removing ended jobs after a while, a chunk at a time, so that the file stays bounded.

use std::time::Duration;

use super::Error;
use crate::{
    base::{Clock, Timestamp},
    storage::{
        Durability, Store,
        job_retention::{self, Limits},
    },
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Jobs that one transaction looks at.
const CHUNK: i64 = 1000;

/// How long ended jobs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Those that succeeded.
    pub done: Duration,
    /// Those that failed: longer, since somebody may still want to look.
    pub failed: Duration,
    /// Those that were called off.
    pub cancelled: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { done: DAY * 30, failed: DAY * 180, cancelled: DAY * 30 }
    }
}

fn before(now: Timestamp, kept: Duration) -> Timestamp {
    now.plus_seconds(-i64::try_from(kept.as_secs()).unwrap_or(i64::MAX))
}

/// Removes what is over, from the oldest on. Answers how many jobs.
pub async fn prune(store: &Store, clock: &Clock, kept: Retention) -> Result<u64, Error> {
    let now = clock.now();
    let limits = Limits {
        done: before(now, kept.done),
        failed: before(now, kept.failed),
        cancelled: before(now, kept.cancelled),
        now,
    };
    let (mut after, mut removed) = (0, 0);
    loop {
        let rows = usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let chunk = store
            .write_weighted(Durability::Relaxed, rows, move |tx| job_retention::prune_chunk(tx, after, CHUNK, &limits));
        let (next, count) = chunk.await?;
        removed += count;
        let Some(next) = next else { return Ok(removed) };
        after = next;
    }
}
