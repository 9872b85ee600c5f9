//! The host's end of a worker process.

use std::{path::Path, sync::Arc};

use bindery_contract::Manifest;

use crate::plugin::{Error, Generation, abi::Door, guard::AnswerFuture, instance::Carrier};

/// A worker process that runs one instance.
pub(in crate::plugin) struct Process;

impl Process {
    /// Starts a process and opens the instance in it.
    pub(in crate::plugin) async fn start(
        _generation: &Generation,
        _door: Arc<dyn Door>,
        _request: Vec<u8>,
    ) -> Result<Self, Error> {
        Err(Error::Worker("worker processes are not built yet".to_owned()))
    }
}

impl Carrier for Process {
    fn invoke(&self, _call: u64, _op: &str, _payload: Vec<u8>) -> AnswerFuture {
        Box::pin(std::future::pending())
    }

    fn give_up(&self, _call: u64) {}
}

/// Reads a manifest in a process of its own.
pub(in crate::plugin) async fn describe(_program: &Path, _file: &Path) -> Result<Manifest, Error> {
    Err(Error::Worker("worker processes are not built yet".to_owned()))
}

/// What the `plugin-worker` command runs. Returns the process's exit code.
pub fn main() -> i32 {
    1
}
