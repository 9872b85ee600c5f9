//! The store's door: give it a closure, get its answer once it is as durable as asked for.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde::Serialize;
use tokio::sync::watch;

use super::{
    Error, Signal, Tx,
    checkpoint::Checkpoint,
    migrate,
    postgres::{self, Address},
    reader::Readers,
    room::Room,
    sequence,
    signal::Signals,
    sqlite,
    sqlite_writer::SqliteEngine,
    writer::{Counters, Engine, Inbox, Writer},
};

/// How safe a write must be before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Survives a crash of the process; may be lost with the power. For claims, heartbeats, progress.
    Relaxed,
    /// Survives loss of power. For everything we have promised to somebody.
    Durable,
}

/// Where a store is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file, with SQLite.
    File(PathBuf),
    /// In a database of a PostgreSQL server.
    Server(Address),
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub place: Place,
    /// Whether the schema may be brought up to date; else an old one is an error.
    pub migrate: bool,
    /// Whether a place where nothing is yet may be set up all the same.
    pub set_up: bool,
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
        Self::of(Place::File(path.as_ref().to_owned()))
    }

    /// A place with the defaults.
    pub fn of(place: Place) -> Self {
        Self {
            place,
            migrate: true,
            set_up: true,
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
    inbox: Arc<Inbox>,
    behind: Behind,
    signals: Arc<Signals>,
    counters: Arc<Counters>,
    room: Arc<Room>,
    was_new: bool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What only one of the engines has.
enum Behind {
    Sqlite { path: PathBuf, readers: Arc<Readers>, checkpoint: Arc<Checkpoint> },
    Postgres { readers: Arc<postgres::reader::Readers>, bytes: Arc<AtomicU64> },
}

impl Inner {
    fn close(&self) {
        self.inbox.close();
        match &self.behind {
            Behind::Sqlite { readers, checkpoint, .. } => {
                checkpoint.close();
                readers.close();
            }
            Behind::Postgres { readers, .. } => readers.close(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store {
    /// Opens, and migrates where allowed.
    pub fn open(options: &Options) -> Result<Self, Error> {
        match &options.place {
            Place::File(path) => Self::open_file(path, options),
            Place::Server(address) => Self::open_server(address, options),
        }
    }

    fn open_file(path: &Path, options: &Options) -> Result<Self, Error> {
        let connection = sqlite::open_writer(path)?;
        if let Some(bytes) = options.max_bytes {
            connection.execute_batch(&format!("pragma max_page_count={}", bytes / sqlite::PAGE_BYTES))?;
        }
        let (signals, checkpoint) = (Arc::<Signals>::default(), Arc::<Checkpoint>::default());
        let room = Arc::new(Room::of(path));
        let was_new = prepare_schema(&connection, options)?;
        let engine = SqliteEngine {
            connection,
            sequences: RefCell::default(),
            signals: Arc::clone(&signals),
            checkpoint: Arc::clone(&checkpoint),
            room: Arc::clone(&room),
            log_file: with_suffix(path, "-wal"),
        };
        let cleaner = sqlite::open_checkpointer(path)?;
        let (shared, mark) = (Arc::clone(&checkpoint), options.log_mark);
        let cleaning = spawn("store-checkpoint", move || shared.run(&cleaner, sqlite::PAGE_BYTES, mark))?;
        let readers = Arc::new(Readers::new(path.to_owned(), options.readers, options.read_limit));
        let behind = Behind::Sqlite { path: path.to_owned(), readers, checkpoint };
        Self::over(engine, behind, (signals, room), was_new, vec![cleaning])
    }

    fn open_server(address: &Address, options: &Options) -> Result<Self, Error> {
        let (signals, room) = (Arc::<Signals>::default(), Arc::new(Room::elsewhere()));
        let (place, migrate, set_up) = (address.clone(), options.migrate, options.set_up);
        // The client blocks, which it must not do on a thread of the runtime.
        let open = move || postgres::schema::open(&place, migrate, set_up, postgres::writer::PATIENCE);
        let opened = std::thread::spawn(open).join().unwrap_or(Err(Error::Panicked))?;
        let bytes = Arc::<AtomicU64>::default();
        let engine = postgres::writer::PostgresEngine::new(
            address.clone(),
            opened.link,
            Arc::clone(&signals),
            Arc::clone(&room),
            Arc::clone(&bytes),
        );
        let readers = Arc::new(postgres::reader::Readers::new(address.clone(), options.read_limit));
        let mut threads = Vec::new();
        for _ in 0..options.readers {
            let readers = Arc::clone(&readers);
            threads.push(spawn("store-reader", move || readers.run())?);
        }
        Self::over(engine, Behind::Postgres { readers, bytes }, (signals, room), opened.was_new, threads)
    }

    /// Starts the writer.
    fn over(
        engine: impl Engine + Send + 'static,
        behind: Behind,
        (signals, room): (Arc<Signals>, Arc<Room>),
        was_new: bool,
        mut threads: Vec<JoinHandle<()>>,
    ) -> Result<Self, Error> {
        let (inbox, counters) = (Arc::<Inbox>::default(), Arc::<Counters>::default());
        let writer = Writer { engine, inbox: Arc::clone(&inbox), counters: Arc::clone(&counters) };
        threads.insert(0, spawn("store-writer", move || writer.run())?);
        let threads = Mutex::new(threads);
        Ok(Self { inner: Arc::new(Inner { inbox, behind, signals, counters, room, was_new, threads }) })
    }

    /// Whether nothing was stored there before it was opened.
    pub fn was_new(&self) -> bool {
        self.inner.was_new
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
        match &self.inner.behind {
            Behind::Sqlite { readers, .. } => readers.read(None, work).await,
            Behind::Postgres { readers, .. } => readers.read(None, work).await,
        }
    }

    /// Hears of transactions that have sent a signal.
    pub fn listen(&self, signal: Signal) -> watch::Receiver<u64> {
        self.inner.signals.listen(signal)
    }

    /// Looks for damage: what the engine finds, and references to nothing. Empty: all is well. Takes its time. A server looks
    /// after its files itself, and holds references at every moment.
    pub async fn check(&self) -> Result<Vec<String>, Error> {
        const LIMIT: Duration = Duration::from_secs(3600);
        match &self.inner.behind {
            Behind::Sqlite { readers, .. } => readers.read(Some(LIMIT), |tx| sqlite::find_damage(tx)).await,
            Behind::Postgres { .. } => Ok(Vec::new()),
        }
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
        let (database_bytes, log_bytes) = match &self.inner.behind {
            Behind::Sqlite { path, checkpoint, .. } => {
                (std::fs::metadata(path).map_or(0, |data| data.len()), count(&checkpoint.log_bytes))
            }
            Behind::Postgres { bytes, .. } => (count(bytes), 0),
        };
        Statistics {
            batches: count(&counters.batches),
            calls: count(&counters.calls),
            reruns: count(&counters.reruns),
            database_bytes,
            log_bytes,
            free_bytes: self.inner.room.free_bytes(),
        }
    }

    /// Finishes what waits, then closes. Later calls fail with [`Error::Closed`].
    pub async fn close(&self) {
        self.inner.close();
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

/// Migrates, or only looks whether the schema is the one that this program knows; answers whether nothing was there.
fn prepare_schema(connection: &rusqlite::Connection, options: &Options) -> Result<bool, Error> {
    connection.execute_batch("begin immediate")?;
    let mut tx = sqlite::SqliteTx::new(connection);
    let result = sqlite::is_empty(connection).and_then(|is_empty| {
        if options.migrate || (is_empty && options.set_up) {
            migrate::migrate(&mut tx)?;
            connection.execute_batch(sequence::DEFINITION)?;
        } else {
            migrate::check(&mut tx, is_empty)?;
        }
        Ok(is_empty)
    });
    let end = if result.is_ok() { "commit" } else { "rollback" };
    if !connection.is_autocommit() {
        connection.execute_batch(end)?;
    }
    result
}
