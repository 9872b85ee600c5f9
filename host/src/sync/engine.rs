//! The room's working parts: the rooms below that a sync needs, sessions of backends, and the door to `apply`.

use std::sync::Arc;

use super::{
    Error,
    apply::{self, Abort, Applied, Circumstances},
    export::{catch_up::Active, hold::Holds},
    guard::Limits,
    plan::Plan,
    session::{Behalf, Extension, Session},
    target::Target,
};
use crate::{
    backend::{Backends, Opened},
    base::{Clock, Fault},
    record::{Change, Current},
    storage::{BULK_WEIGHT, Durability, Store},
};

/// What a sync is made of. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    /// The store.
    pub store: Store,
    /// The clock.
    pub clock: Clock,
    /// Models and kinds.
    pub catalogue: Current,
    /// Backends.
    pub backends: Arc<Backends>,
    /// What one run may read.
    pub limits: Limits,
    /// The records that are being exported.
    pub(super) exporting: Arc<Holds>,
    /// One reader of the outbox at a time, with what it knows of the kinds that it reads for.
    pub(super) reading: Arc<tokio::sync::Mutex<Option<Active>>>,
}

/// Pages that are being written at once, while nobody else waits for the writer.
pub const IN_FLIGHT: usize = 12;

impl Engine {
    /// Over the rooms below.
    pub fn new(store: Store, clock: Clock, catalogue: Current, backends: Arc<Backends>) -> Self {
        Self {
            store,
            clock,
            catalogue,
            backends,
            limits: Limits::default(),
            exporting: Arc::default(),
            reading: Arc::default(),
        }
    }

    /// A backend at work, as it stands now.
    pub async fn session(&self, backend: i64) -> Result<Arc<Session>, Error> {
        let opened = self.backends.opened(backend).await.map_err(Fault::from)?;
        Ok(Arc::new(session(&opened)))
    }

    /// A kind of a backend at work.
    pub fn target(&self, session: &Arc<Session>, kind: &str) -> Result<Target, Error> {
        Target::new(session.clone(), self.catalogue.get(), kind)
    }

    /// Whether the backend would be opened now as it was for a session: the same settings, the same code.
    pub async fn is_current(&self, session: &Session) -> Result<bool, Error> {
        match self.backends.opened(session.backend).await {
            Ok(opened) if opened.epoch == session.epoch => Ok(*opened.serves() == session.serves),
            // It was changed, disabled or removed, or nothing serves it any more.
            _ => Err(Error::EpochChanged),
        }
    }

    /// What one run of a backend may read.
    pub fn limits(&self, session: &Session) -> Limits {
        Limits { records: session.business.max_records.unwrap_or(self.limits.records), ..self.limits }
    }

    /// The circumstances of an apply now.
    pub fn circumstances(&self, session: &Session, behalf: &Behalf) -> Circumstances {
        let now = self.clock.now();
        Circumstances {
            now,
            change: Change::from_backend(session.backend, now),
            fence: behalf.job.clone(),
            spawned_by: behalf.job.as_ref().map(|fence| fence.job),
            run: None,
            counting: behalf.counting.clone(),
            careful: false,
            on_the_way: false,
            finish: None,
        }
    }

    /// Applies a plan once, as it is.
    pub async fn try_apply(&self, plan: Arc<Plan>, at: Circumstances) -> Result<Applied, Abort> {
        // A record, its binding and its outbox row, and about as many lines. Even an empty page is bulk: nobody waits for it
        // as for an acknowledgement.
        let asked: usize = plan.asked.iter().map(|asked| asked.writes.len()).sum();
        let rows = plan.actions.len() * 3 + asked + BULK_WEIGHT;
        // That all was unchanged is no promise to anybody: after a loss of power the same pages are read again.
        let is_settled = plan.actions.is_empty() && plan.asked.is_empty();
        let moves_only = is_settled && plan.page.nameless.is_empty() && at.finish.is_none();
        let is_middle = at.run.as_ref().is_some_and(|step| step.end.is_none());
        let durability = if moves_only && is_middle { Durability::Relaxed } else { Durability::Durable };
        self.store.write_weighted(durability, rows, move |tx| apply::apply(tx, &plan, &at)).await
    }

    /// Applies a plan. Where a record of it can't be written, it is applied again with care, so that the others are.
    pub async fn apply(&self, plan: Arc<Plan>, mut at: Circumstances) -> Result<Applied, Error> {
        loop {
            match self.try_apply(plan.clone(), at.clone()).await {
                Ok(applied) => return Ok(applied),
                Err(Abort::Plan(error)) => return Err(error),
                Err(Abort::Record(_)) if !at.careful => at.careful = true,
                Err(Abort::Record(problem) | Abort::Asked(problem)) => return Err(Error::Refused(problem.message)),
                Err(Abort::OutOfOrder) => return Err(Error::Fenced),
            }
        }
    }
}

fn session(opened: &Arc<Opened>) -> Session {
    let generation = opened.instance.generation();
    let settings = serde_json::to_string(opened.mapping_settings()).unwrap_or_default();
    Session {
        backend: opened.backend.id,
        name: opened.backend.name.clone(),
        epoch: opened.epoch,
        caller: Arc::new(opened.clone()),
        manifest: Arc::new(opened.manifest().clone()),
        mapped_by: vec![generation.sha256.clone(), settings],
        extensions: opened.extensions.iter().map(extension).collect(),
        context: opened.context(),
        serves: opened.serves().clone(),
        business: opened.backend.business.clone(),
    }
}

fn extension(extension: &Arc<crate::backend::Extension>) -> Extension {
    Extension {
        caller: Arc::new(extension.clone()),
        declared: extension.declared.clone(),
        context: extension.context(),
        digest: extension.digest(),
    }
}
