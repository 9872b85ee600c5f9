//! The store's door: give it a closure, get its answer once it is as durable as asked for.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use super::{
    Error, Signal, Tx,
    checkpoint::Checkpoint,
    migrate,
    reader::Readers,
    room::Room,
    sequence::Sequences,
    signal::Signals,
    sqlite,
    writer::{Counters, Inbox, Writer},
};

/// How safe a write must be before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Survives a crash of the process; may be lost with the power. For claims, heartbeats, progress.
    Relaxed,
    /// Survives loss of power. For everything we have promised to somebody.
    Durable,
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database file.
    pub path: PathBuf,
    /// Whether the schema may be brought up to date; else an old one is an error.
    pub migrate: bool,
    /// Reads at once.
    pub readers: usize,
    /// How long a read may take.
    pub read_limit: Duration,
    /// Bytes of the log above which it starts again from its beginning.
    pub log_mark: u64,
    /// Most bytes of the database, where it is bounded.
    pub max_bytes: Option<u64>,
}

impl Options {
    /// A file with the defaults.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            migrate: true,
            readers: 4,
            read_limit: Duration::from_secs(30),
            log_mark: 256 << 20,
            max_bytes: None,
        }
    }
}

/// What a store has done and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Transactions since the start.
    pub batches: u64,
    /// Closures that ran in them.
    pub calls: u64,
    /// Batches that had to run again.
    pub reruns: u64,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes of the log that are in use.
    pub log_bytes: u64,
    /// Bytes that the file system has left, where it tells.
    pub free_bytes: Option<u64>,
}

/// A store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    inbox: Arc<Inbox>,
    readers: Arc<Readers>,
    signals: Arc<Signals>,
    checkpoint: Arc<Checkpoint>,
    counters: Arc<Counters>,
    room: Arc<Room>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.inbox.close();
        self.checkpoint.close();
        self.readers.close();
    }
}

impl Store {
    /// Opens, and migrates where allowed.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let connection = sqlite::open_writer(&options.path)?;
        if let Some(bytes) = options.max_bytes {
            connection.execute_batch(&format!("pragma max_page_count={}", bytes / sqlite::PAGE_BYTES))?;
        }
        let (inbox, signals) = (Arc::<Inbox>::default(), Arc::<Signals>::default());
        let (checkpoint, counters) = (Arc::<Checkpoint>::default(), Arc::<Counters>::default());
        let room = Arc::new(Room::of(&options.path));
        prepare_schema(&connection, options.migrate)?;
        let writer = Writer {
            connection,
            sequences: RefCell::default(),
            inbox: Arc::clone(&inbox),
            signals: Arc::clone(&signals),
            checkpoint: Arc::clone(&checkpoint),
            counters: Arc::clone(&counters),
            room: Arc::clone(&room),
            log_file: with_suffix(&options.path, "-wal"),
        };
        let cleaner = sqlite::open_checkpointer(&options.path)?;
        let (shared, mark) = (Arc::clone(&checkpoint), options.log_mark);
        let threads = vec![
            spawn("store-writer", move || writer.run())?,
            spawn("store-checkpoint", move || shared.run(&cleaner, sqlite::PAGE_BYTES, mark))?,
        ];
        let readers = Arc::new(Readers::new(options.path.clone(), options.readers, options.read_limit));
        let path = options.path.clone();
        let threads = Mutex::new(threads);
        Ok(Self { inner: Arc::new(Inner { path, inbox, readers, signals, checkpoint, counters, room, threads }) })
    }

    /// Runs a closure in a write transaction. It may run more than once (see [`Tx`]).
    ///
    /// Where the future is dropped, the closure runs all the same.
    pub async fn write<T, E>(
        &self,
        durability: Durability,
        work: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_weighted(durability, 1, work).await
    }

    /// As [`Store::write`], for a closure that changes many rows: say about how many. Bulk lets others go first, and
    /// no transaction holds much more than 500 rows of several callers (3200 while only bulk waits). Best are closures of at most some hundreds.
    pub async fn write_weighted<T, E>(
        &self,
        durability: Durability,
        rows: usize,
        work: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let answer = self.inner.inbox.send(durability, rows, work);
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a closure over a snapshot for reading. It never waits for a writer, and has a time limit.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.inner.readers.read(None, work).await
    }

    /// Hears of transactions that have sent a signal.
    pub fn listen(&self, signal: Signal) -> watch::Receiver<u64> {
        self.inner.signals.listen(signal)
    }

    /// Looks for damage: what the engine finds, and references to nothing. Empty: all is well. Takes its time.
    pub async fn check(&self) -> Result<Vec<String>, Error> {
        const LIMIT: Duration = Duration::from_secs(3600);
        self.inner.readers.read(Some(LIMIT), |tx| sqlite::find_damage(tx)).await
    }

    /// Why writes are refused for lack of room; absent: they are not. A refusal is news for half a minute.
    pub fn refusal(&self) -> Option<Error> {
        self.inner.room.refusal()
    }

    /// Prepares the log file for fast writes, where there is plenty of room. Call it once the host is ready, since it takes a moment.
    pub fn warm_up(&self) {
        self.inner.inbox.warm_up(64 << 20);
    }

    /// What it has done, and how large it is.
    pub fn statistics(&self) -> Statistics {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.inner.counters;
        Statistics {
            batches: count(&counters.batches),
            calls: count(&counters.calls),
            reruns: count(&counters.reruns),
            database_bytes: std::fs::metadata(&self.inner.path).map_or(0, |data| data.len()),
            log_bytes: count(&self.inner.checkpoint.log_bytes),
            free_bytes: self.inner.room.free_bytes(),
        }
    }

    /// Finishes what waits, then closes. Later calls fail with [`Error::Closed`].
    pub async fn close(&self) {
        self.inner.inbox.close();
        self.inner.checkpoint.close();
        self.inner.readers.close();
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok())).await;
        if !matches!(joined, Ok(true)) {
            tracing::error!("a thread of the store ended in a panic");
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Error::Engine(format!("no thread for the store: {error}")))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Migrates, or only looks whether the schema is the one that this program knows.
fn prepare_schema(connection: &rusqlite::Connection, may_migrate: bool) -> Result<(), Error> {
    connection.execute_batch("begin immediate")?;
    let mut tx = sqlite::SqliteTx::new(connection);
    let result = if may_migrate {
        migrate::migrate(&mut tx).and_then(|()| Sequences::define(connection))
    } else {
        sqlite::is_empty(connection).and_then(|is_empty| migrate::check(&mut tx, is_empty))
    };
    let end = if result.is_ok() { "commit" } else { "rollback" };
    if !connection.is_autocommit() {
        connection.execute_batch(end)?;
    }
    result
}
