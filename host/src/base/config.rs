//! Where a host keeps its things: the data directory and what lies in it. It opens nothing.

use std::path::{Path, PathBuf};

use super::Secret;

/// A data directory, and where its store is when that is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir {
    path: PathBuf,
    store: Option<Secret>,
}

impl DataDir {
    /// Where it is when nobody says otherwise.
    pub const DEFAULT: &'static str = "./bindery-data";

    /// A data directory at a path; made on first use.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), store: None }
    }

    /// The same with its store in a database of a server, by its address, which may hold a password.
    pub fn with_store(self, address: Option<Secret>) -> Self {
        Self { store: address, ..self }
    }

    /// The address of the server's database that holds the store; absent: it lies in the directory.
    pub fn store(&self) -> Option<&Secret> {
        self.store.as_ref()
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.path.join("bindery.db")
    }

    /// Held by whoever owns the directory: a host, or a command that works without one.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The running host's socket; its owner's only.
    pub fn socket(&self) -> PathBuf {
        self.path.join("bindery.sock")
    }

    /// Private, content-addressed copies of plugin files.
    pub fn plugins(&self) -> PathBuf {
        self.path.join("plugins")
    }
}
