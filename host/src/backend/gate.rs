//! "May this job run?" for the queue, and "does this write still hold?" for every apply.

use super::{Backend, Backends, Error};
use crate::{
    queue::{Gate, Verdict},
    storage::{self, Tx},
};

/// Fails where a backend was changed, disabled or removed since its epoch was taken. The first statement of a write.
pub fn check_epoch(tx: &mut dyn Tx, backend: i64, epoch: i64) -> Result<(), Error> {
    match storage::backend::epoch(tx, backend)? {
        Some((current, true)) if current == epoch => Ok(()),
        _ => Err(Error::EpochChanged(backend)),
    }
}

impl Backends {
    /// Whether jobs of a backend may run, and why not. Answered from memory.
    pub fn may_run(&self, id: i64) -> Verdict {
        let Ok(backend) = self.get(id) else {
            return park(format!("backend {id} does not exist any more"));
        };
        if !backend.enabled {
            return park(format!("backend {} is disabled", backend.name));
        }
        match self.trouble(&backend) {
            Some((reason, false)) => park(reason),
            _ => Verdict::Run,
        }
    }

    /// What is wrong with a backend, and whether it runs all the same with an older build of its plugin.
    pub(super) fn trouble(&self, backend: &Backend) -> Option<(String, bool)> {
        let unreadable = backend.unreadable_secrets();
        if !unreadable.is_empty() {
            let names = unreadable.join(", ");
            let why = "the key that sealed them is not here; give the host that key, or set them anew";
            return Some((format!("backend {}: secrets can't be read ({names}): {why}", backend.name), false));
        }
        match self.generation_of(backend) {
            Err(error) => Some((error.to_string(), false)),
            Ok(generation) => self.code_trouble(backend, &generation),
        }
    }
}

impl Gate for Backends {
    fn verdict(&self, _kind: &str, backend: Option<i64>) -> Verdict {
        backend.map_or(Verdict::Run, |id| self.may_run(id))
    }
}

fn park(reason: String) -> Verdict {
    Verdict::Park { reason }
}
