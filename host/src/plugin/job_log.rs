//! What plugins log while they work for a job is kept with the job's attempt: gathered here and stored a batch at a time,
//! so that a line costs a connector no wait. It is bounded: a job that chatters fills no disk.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    base::{Clock, Timestamp},
    model::job::Fence,
    storage::{self, Durability, Store, job},
};

/// Lines of one attempt that are kept; the host's own log has the others.
const MOST_LINES: u32 = 1_000;
/// Characters of one line that are kept.
const MOST_CHARACTERS: usize = 4_000;
/// Attempts whose lines are counted at a time.
const MOST_COUNTED: usize = 10_000;
/// How long lines are gathered.
const GATHER: Duration = Duration::from_millis(200);
/// Lines that one transaction stores.
const BATCH: usize = 500;

/// A line of a job.
struct Line {
    job: i64,
    attempt: i64,
    at: Timestamp,
    level: i64,
    text: String,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<Line>,
    counts: HashMap<(i64, i64), u32>,
}

/// Where plugins' lines go. Cheap to clone.
#[derive(Clone)]
pub struct JobLog(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    gathered: Mutex<Gathered>,
    more: Notify,
    /// One flush at a time, so that whoever waits for one waits for all before it.
    flushing: tokio::sync::Mutex<()>,
}

impl JobLog {
    /// An empty one over a store.
    pub fn new(store: Store, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            gathered: Mutex::default(),
            more: Notify::new(),
            flushing: tokio::sync::Mutex::default(),
        }))
    }

    /// Keeps a line. `level` counts from 0, error, to 4, trace.
    pub(super) fn add(&self, fence: &Fence, level: i64, text: &str) {
        let at = self.0.clock.now();
        let mut gathered = self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.counts.len() >= MOST_COUNTED {
            gathered.counts.clear();
        }
        let count = gathered.counts.entry((fence.job, fence.attempt)).or_default();
        *count = count.saturating_add(1);
        let text = match (*count).cmp(&MOST_LINES) {
            std::cmp::Ordering::Less => cut(text),
            std::cmp::Ordering::Equal => "it logged more, which only the host's log has".to_owned(),
            std::cmp::Ordering::Greater => return,
        };
        gathered.lines.push(Line { job: fence.job, attempt: fence.attempt, at, level, text });
        drop(gathered);
        self.0.more.notify_one();
    }

    /// Stores lines for as long as the store is open.
    pub async fn follow(&self) {
        loop {
            self.0.more.notified().await;
            tokio::time::sleep(GATHER).await;
            match self.flush().await {
                Ok(()) => {}
                Err(storage::Error::Closed) => return,
                // They are lost; what they tell of is not.
                Err(error) => tracing::warn!(%error, "lines that plugins logged for jobs were not stored"),
            }
        }
    }

    /// Stores all lines that were logged so far.
    pub async fn flush(&self) -> Result<(), storage::Error> {
        let _alone = self.0.flushing.lock().await;
        let lines = std::mem::take(&mut self.0.gathered.lock().unwrap_or_else(PoisonError::into_inner).lines);
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            let batch: Vec<Line> = lines.by_ref().take(BATCH).collect();
            let stored = self.0.store.write_weighted(Durability::Relaxed, batch.len(), move |tx| {
                batch.iter().try_for_each(|line| {
                    job::insert_log_if_there(tx, line.job, line.attempt, line.at, line.level, &line.text)
                })
            });
            stored.await?;
        }
        Ok(())
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
