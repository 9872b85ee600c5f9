//! Where a host keeps its things: the data directory and what lies in it. It opens nothing.

use std::path::{Path, PathBuf};

/// A data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// Where it is when nobody says otherwise.
    pub const DEFAULT: &'static str = "./bindery-data";

    /// A data directory at a path; made on first use.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("bindery.db")
    }

    /// Held by whoever owns the directory: a host, or a command that works without one.
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The running host's socket; its owner's only.
    pub fn socket(&self) -> PathBuf {
        self.0.join("bindery.sock")
    }

    /// Private, content-addressed copies of plugin files.
    pub fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }
}
