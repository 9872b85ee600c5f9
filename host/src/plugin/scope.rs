//! What a call may do and on whose behalf: the identity behind a call id, and what the call left in the host.
//!
//! One scope serves the calls of one piece of work (a page, a record, an action); each of them gets an id of its own.
//! Everything that a service needs is derived from here and never read from a payload.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use super::{
    services::http::Egress,
    temporary::Ids,
    write::{Buffer, What, Writes},
};
use crate::{
    model::{Origin, job::Fence},
    queue::{Cancel, ProgressHandle},
};

/// How long a call may take when nobody says otherwise.
pub const DEADLINE: Duration = Duration::from_secs(300);

/// What an operator has granted a backend's connector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Host names it may call; `*.example.org` covers subdomains.
    pub hosts: Vec<String>,
    /// Record models it may read and write besides those that its connector's kinds bind.
    pub models: Vec<String>,
}

impl Grants {
    /// Whether a model or a kind is granted.
    pub fn allows_model(&self, model: &str) -> bool {
        self.models.iter().any(|granted| granted == model)
    }
}

/// What a scope is made of.
#[derive(Clone)]
pub struct Context {
    /// The backend's id; 0 for none (a check of a plugin before there is a backend).
    pub backend: i64,
    /// Its name, for messages.
    pub backend_name: String,
    /// The backend's epoch when the work began: what it writes is void once that has changed.
    pub epoch: Option<i64>,
    /// The job it runs in, and the proof that it still does.
    pub job: Option<Fence>,
    /// Where its changes come from.
    pub origin: Origin,
    /// What it may use.
    pub grants: Grants,
    /// How long each call may take.
    pub deadline: Duration,
    /// The ask to stop.
    pub cancel: Cancel,
    /// Where its progress goes.
    pub progress: Option<ProgressHandle>,
    /// The work only shows what it would write: no checkpoint commits anything.
    pub is_plan: bool,
    /// Its way out; absent: it may not call anybody.
    pub egress: Option<Arc<dyn Egress>>,
}

impl Context {
    /// Work for a backend, without a job, with nothing granted and nowhere to go.
    pub fn new(backend: i64, backend_name: impl Into<String>) -> Self {
        Self {
            backend,
            backend_name: backend_name.into(),
            epoch: None,
            job: None,
            origin: Origin::backend(backend),
            grants: Grants::default(),
            deadline: DEADLINE,
            cancel: Cancel::default(),
            progress: None,
            is_plan: false,
            egress: None,
        }
    }
}

/// An HTTP answer whose body stayed in the host.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The body.
    pub bytes: Bytes,
    /// The answer's `Date` header, where it had one.
    pub date: Option<String>,
}

/// The scope of some calls.
pub struct Scope {
    context: Context,
    bodies: Mutex<HashMap<u64, Kept>>,
    next_body: AtomicU64,
    writes: Mutex<Buffer>,
}

impl Scope {
    /// Opens a scope.
    pub fn new(context: Context) -> Arc<Self> {
        Arc::new(Self { context, bodies: Mutex::default(), next_body: AtomicU64::new(1), writes: Mutex::default() })
    }

    /// On whose behalf it is.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The bytes of a kept body; it stays until it is released or the scope ends.
    pub fn body(&self, handle: u64) -> Option<Bytes> {
        lock(&self.bodies).get(&handle).map(|kept| kept.bytes.clone())
    }

    /// A kept body with what came along.
    pub fn kept(&self, handle: u64) -> Option<Kept> {
        lock(&self.bodies).get(&handle).cloned()
    }

    /// Lets a kept body go before the scope ends.
    pub fn release(&self, handle: u64) {
        lock(&self.bodies).remove(&handle);
    }

    /// Takes the writes that calls have asked for, in order, to be committed with the outcome by [`super::commit()`].
    /// Those of calls that failed are not among them.
    pub fn take_writes(&self) -> Writes {
        lock(&self.writes).take(None)
    }

    /// The writes of one call, to be committed now.
    pub(super) fn take_writes_of(&self, call: u64) -> Writes {
        lock(&self.writes).take(Some(call))
    }

    /// The writes asked for so far, without those that reads don't see.
    pub(super) fn writes(&self) -> Writes {
        lock(&self.writes).writes().clone()
    }

    /// Looks at the writes asked for so far, the last one first, until one says something.
    pub(super) fn last<T>(&self, find: impl FnMut(&super::Write) -> Option<T>) -> Option<T> {
        lock(&self.writes).writes().list.iter().rev().find_map(find)
    }

    /// Adds a write; answers the temporary id of what it makes. `None`: there is no room before a commit.
    pub(super) fn push(&self, call: u64, what: What) -> Option<i64> {
        lock(&self.writes).push(call, what)
    }

    /// Forgets the writes of a call that failed.
    pub(super) fn forget(&self, call: u64) {
        lock(&self.writes).forget(call);
    }

    /// Notes what a checkpoint has made.
    pub(super) fn committed(&self, ids: &Ids) {
        lock(&self.writes).committed(ids);
    }

    /// Notes which temporary ids the connector was shown.
    pub(super) fn shown(&self, ids: &Ids) {
        lock(&self.writes).shown(ids);
    }

    pub(super) fn keep(&self, kept: Kept) -> u64 {
        let handle = self.next_body.fetch_add(1, Ordering::Relaxed);
        lock(&self.bodies).insert(handle, kept);
        handle
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
