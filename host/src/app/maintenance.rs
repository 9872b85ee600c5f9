//! The jobs that look after the host itself: removing what is kept for a while only, and looking for damage.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::json;

use super::upkeep;
use crate::{
    base::{Clock, Fault},
    operation::schedule::{CHECK, PRUNE},
    queue::{Handler, Handlers, Outcome, Retention, Running, retention},
    storage::{self, Store},
};

/// Registers the handlers of these jobs.
pub(super) fn handlers(handlers: Handlers, store: &Store, clock: &Clock) -> Handlers {
    let prune = Prune { store: store.clone(), clock: clock.clone() };
    handlers.with(PRUNE, Arc::new(prune)).with(CHECK, Arc::new(Check(store.clone())))
}

struct Prune {
    store: Store,
    clock: Clock,
}

impl Handler for Prune {
    fn run(&self, _: Running) -> BoxFuture<'static, Outcome> {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        Box::pin(async move {
            let jobs = match retention::prune(&store, &clock, Retention::default()).await {
                Ok(jobs) => jobs,
                Err(error) => return Outcome::from(Fault::from(error)),
            };
            match upkeep::prune_outbox(&store, clock.now(), upkeep::MOST_BEHIND).await {
                Ok(changes) => Outcome::Done(json!({ "jobs": jobs, "changes": changes })),
                Err(error) => Outcome::from(Fault::from(error)),
            }
        })
    }
}

struct Check(Store);

impl Handler for Check {
    fn run(&self, _: Running) -> BoxFuture<'static, Outcome> {
        let store = self.0.clone();
        Box::pin(async move {
            match store.check().await {
                Ok(problems) if problems.is_empty() => Outcome::Done(json!({ "problems": [] })),
                Ok(problems) => Outcome::Failed(Fault::from(storage::Error::Damaged(problems.join("; ")))),
                Err(error) => Outcome::from(Fault::from(error)),
            }
        })
    }
}
