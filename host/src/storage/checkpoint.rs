//! Checkpoints: moving committed pages from the log into the database, off the writer's thread.
//!
//! Asleep while nothing is written. Above a mark it asks the writer to let the log start again from its beginning.

use std::{
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rusqlite::Connection;

/// Time between two checkpoints while there are writes.
const INTERVAL: Duration = Duration::from_millis(250);

/// What writer and checkpoint thread tell each other.
#[derive(Default)]
pub(super) struct Checkpoint {
    is_dirty: AtomicBool,
    wants_restart: AtomicBool,
    /// Bytes of the log that are in use, as of the last checkpoint.
    pub log_bytes: AtomicU64,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    is_asleep: bool,
}

impl Checkpoint {
    /// The writer has committed.
    pub fn note_commit(&self) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) && self.lock().is_asleep {
            self.wake.notify_one();
        }
    }

    /// Whether the log should start again; asked by the writer between two batches.
    pub fn take_restart(&self) -> bool {
        self.wants_restart.load(Ordering::Relaxed) && self.wants_restart.swap(false, Ordering::Relaxed)
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until there is something to do; answers `false` when closed.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        while !self.is_dirty.load(Ordering::Acquire) && !state.is_closed {
            state.is_asleep = true;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.is_asleep = false;
        }
        if !state.is_closed {
            let (after, _) = self.wake.wait_timeout(state, INTERVAL).unwrap_or_else(PoisonError::into_inner);
            state = after;
        }
        !state.is_closed
    }

    /// The thread: works until closed.
    pub fn run(&self, connection: &Connection, page_bytes: u64, high_mark: u64) {
        while self.wait() {
            self.is_dirty.store(false, Ordering::Release);
            let pages = connection.query_row("pragma wal_checkpoint(passive)", [], |row| {
                Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            let Ok((log, moved)) = pages else { continue };
            let bytes = u64::try_from(log).unwrap_or(0) * page_bytes;
            self.log_bytes.store(bytes, Ordering::Relaxed);
            if bytes > high_mark {
                self.wants_restart.store(true, Ordering::Relaxed);
            }
            if moved < log {
                // A reader stands in the way, or the writer went on: again after the interval.
                self.is_dirty.store(true, Ordering::Release);
            }
        }
    }
}
