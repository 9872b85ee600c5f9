//! The store's door: give it a closure, get its answer once it is as durable as asked for.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::Connection;

use super::{Error, Tx, migrate, sqlite};

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
}

impl Options {
    /// A file with the defaults.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), migrate: true }
    }
}

/// A store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens, and migrates where allowed.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let connection = sqlite::open(&options.path)?;
        let store = Self { connection: Arc::new(Mutex::new(connection)) };
        if options.migrate {
            store.run(|tx| migrate::migrate(tx))?;
        }
        Ok(store)
    }

    /// Runs a closure in a write transaction. It may run twice (see [`Tx`]).
    pub async fn write<T, E>(
        &self,
        durability: Durability,
        work: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let _ = durability;
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.run(work)).await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a closure over a snapshot for reading.
    pub async fn read<T, E>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.run(work)).await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    fn run<T, E: From<Error>>(&self, work: impl FnOnce(&mut dyn Tx) -> Result<T, E>) -> Result<T, E> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let sql = |text: &str| connection.execute_batch(text).map_err(Error::from);
        sql("begin immediate")?;
        match work(&mut sqlite::SqliteTx(&connection)) {
            Ok(value) => {
                sql("commit")?;
                Ok(value)
            }
            Err(error) => {
                if !connection.is_autocommit() {
                    sql("rollback")?;
                }
                Err(error)
            }
        }
    }
}
