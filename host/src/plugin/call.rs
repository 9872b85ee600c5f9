//! Calls in flight: which id the host gave to which instance, with what scope, and how they ended.
//!
//! An id is accepted only from the instance it was given to, and only while the call runs. It knows nothing of what
//! the services do.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bindery_contract::{Error, ErrorClass};

use super::scope::{Scope, lock};

/// Ids are unique in the process, so that a log line of one call is never taken for another's.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The calls of one generation.
#[derive(Default)]
pub(super) struct Calls(Mutex<HashMap<u64, Entry>>);

struct Entry {
    instance: u64,
    scope: Arc<Scope>,
}

impl Calls {
    /// Gives a call its id.
    pub(super) fn begin(self: &Arc<Self>, instance: u64, scope: Arc<Scope>) -> Running {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&self.0).insert(id, Entry { instance, scope: scope.clone() });
        Running { id, calls: self.clone(), scope, answered: false }
    }

    /// The scope behind an id, for the instance that it was given to.
    pub(super) fn scope(&self, id: u64, instance: u64) -> Result<Arc<Scope>, Error> {
        match lock(&self.0).get(&id) {
            Some(entry) if entry.instance == instance => Ok(entry.scope.clone()),
            _ => Err(Error::new(ErrorClass::Denied, format!("call {id} is not running on this instance"))),
        }
    }

    /// The scope behind an id, whichever instance of the generation it runs on: for log lines only.
    pub(super) fn any(&self, id: u64) -> Option<Arc<Scope>> {
        lock(&self.0).get(&id).map(|entry| entry.scope.clone())
    }

    /// How many run.
    pub(super) fn running(&self) -> usize {
        lock(&self.0).len()
    }
}

/// A call in flight. Its id ends with it.
pub(super) struct Running {
    pub(super) id: u64,
    calls: Arc<Calls>,
    scope: Arc<Scope>,
    answered: bool,
}

impl Running {
    /// It ended well: what it asked to be written stays asked for.
    pub(super) fn answered(&mut self) {
        self.answered = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.calls.0).remove(&self.id);
        if !self.answered {
            self.scope.forget(self.id);
        }
    }
}

/// Counters of one generation.
#[derive(Debug, Default)]
pub struct Counters {
    calls: AtomicU64,
    failed: AtomicU64,
    panics: AtomicU64,
    slow_polls: AtomicU64,
    refused_ids: AtomicU64,
    services: AtomicU64,
    deadlines: AtomicU64,
}

/// What the counters stand at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Calls made.
    pub calls: u64,
    /// Calls that ended with an error, panics included.
    pub failed: u64,
    /// Calls that panicked.
    pub panics: u64,
    /// Polls that held a thread for more than 100 ms.
    pub slow_polls: u64,
    /// Requests under an id that was not the asker's.
    pub refused_ids: u64,
    /// Requests served.
    pub services: u64,
    /// Calls that ran into their deadline.
    pub deadlines: u64,
}

impl Counters {
    pub(super) fn call(&self, error: Option<&Error>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(error) = error {
            self.failed.fetch_add(1, Ordering::Relaxed);
            if error.class == ErrorClass::Panic {
                self.panics.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn slow_poll(&self) {
        self.slow_polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused_id(&self) {
        self.refused_ids.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn service(&self) {
        self.services.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn deadline(&self) {
        self.deadlines.fetch_add(1, Ordering::Relaxed);
    }

    /// Reads them.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            calls: read(&self.calls),
            failed: read(&self.failed),
            panics: read(&self.panics),
            slow_polls: read(&self.slow_polls),
            refused_ids: read(&self.refused_ids),
            services: read(&self.services),
            deadlines: read(&self.deadlines),
        }
    }
}
