//! One loaded copy of a plugin: its manifest, its digest, its code or the way to a process that has it.
//!
//! A generation never changes and is never unloaded. Whoever holds an `Arc` of it keeps calling this very code.

use std::{path::PathBuf, sync::Arc};

use bindery_contract::Manifest;
use serde::{Deserialize, Serialize};

use super::{
    abi::Module,
    call::{Calls, Counters, Counts},
    worker::Sandbox,
};

/// Where a plugin's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// In the host's own process: trusted code.
    #[default]
    InProcess,
    /// In a process of its own, one for each instance.
    Worker,
}

impl Isolation {
    /// The word that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProcess => "in_process",
            Self::Worker => "worker",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::InProcess, Self::Worker].into_iter().find(|isolation| isolation.as_str() == word)
    }
}

/// A loaded copy.
pub struct Generation {
    /// 1, 2, … within its plugin and process.
    pub number: u64,
    /// Digest of the file, in hexadecimal.
    pub sha256: String,
    /// The private copy that was loaded.
    pub file: PathBuf,
    /// What the file says about itself.
    pub manifest: Manifest,
    /// Where its code runs.
    pub isolation: Isolation,
    /// What its worker processes gave up before they loaded it.
    pub sandbox: Option<Sandbox>,
    pub(super) module: Option<Module>,
    pub(super) worker_program: PathBuf,
    pub(super) calls: Arc<Calls>,
    pub(super) counters: Arc<Counters>,
}

impl Generation {
    /// Identifier of the plugin.
    pub fn plugin(&self) -> &str {
        &self.manifest.id
    }

    /// Calls in flight.
    pub fn running(&self) -> usize {
        self.calls.running()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counters.counts()
    }

    /// Whether the connector answers an op.
    pub fn answers(&self, op: &str) -> bool {
        self.manifest.ops.iter().any(|known| known == op)
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // Code that is mapped stays although its file is gone; a worker's file is needed as long as one may start.
        let _ = std::fs::remove_file(&self.file);
    }
}

impl std::fmt::Debug for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} generation {}", self.manifest.id, self.manifest.version, self.number)
    }
}
