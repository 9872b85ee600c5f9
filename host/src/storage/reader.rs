//! Readers: a few connections of their own, so that reading never waits for the writer. A read has a time limit,
//! since a snapshot that stays open keeps the log from starting again.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{Error, Tx, sqlite, sqlite::SqliteTx};

/// Steps of SQLite's machine between two looks at the clock.
const STEPS: i32 = 20_000;

/// The pool.
pub(super) struct Readers {
    path: PathBuf,
    limit: Duration,
    idle: Mutex<Vec<Connection>>,
    slots: Semaphore,
    is_closed: AtomicBool,
}

impl Readers {
    /// A pool of at most so many connections, opened when they are needed.
    pub fn new(path: PathBuf, count: usize, limit: Duration) -> Self {
        Self {
            path,
            limit,
            idle: Mutex::new(Vec::new()),
            slots: Semaphore::new(count),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Runs a closure over one snapshot.
    pub async fn read<T, E>(
        self: &Arc<Self>,
        limit: Option<Duration>,
        work: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let Ok(_slot) = self.slots.acquire().await else { return Err(Error::Closed.into()) };
        let readers = Arc::clone(self);
        let limit = limit.unwrap_or(self.limit);
        let done = tokio::task::spawn_blocking(move || readers.run(limit, work)).await;
        // The task fails where the closure panicked: its connection is gone with it.
        done.unwrap_or_else(|_| Err(Error::Panicked.into()))
    }

    fn run<T, E: From<Error>>(&self, limit: Duration, work: impl FnOnce(&mut dyn Tx) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.take()?;
        let until = Instant::now() + limit;
        connection.progress_handler(STEPS, Some(move || Instant::now() > until)).map_err(Error::from)?;
        connection.prepare_cached("begin").and_then(|mut begin| begin.execute([])).map_err(Error::from)?;
        let result = work(&mut SqliteTx::new(&connection));
        connection.progress_handler(0, None::<fn() -> bool>).map_err(Error::from)?;
        if !connection.is_autocommit() {
            connection.prepare_cached("commit").and_then(|mut end| end.execute([])).map_err(Error::from)?;
        }
        if !self.is_closed.load(Ordering::Acquire) {
            self.idle().push(connection);
        }
        result
    }

    fn take(&self) -> Result<Connection, Error> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        match self.idle().pop() {
            Some(connection) => Ok(connection),
            None => sqlite::open_reader(&self.path),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes idle connections; those in use close when they are done.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.slots.close();
        self.idle().clear();
    }
}
