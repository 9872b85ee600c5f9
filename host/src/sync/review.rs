//! The review list: records that several of ours match, and what a person decides about them.

use super::{
    Error,
    engine::Engine,
    task::{self, ImportRecord},
};
use crate::{
    base::Fault,
    model::job::Enqueued,
    queue,
    record::{self, binding, binding::Status},
    storage::{
        Durability,
        review::{self, Review},
    },
};

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is this record of ours.
    Bind(i64),
    /// It is none of ours: a new one is made.
    Create,
    /// It is not wanted here.
    Skip,
}

impl Engine {
    /// Items of a backend, or of all: open ones, or settled ones too.
    pub async fn reviews(&self, backend: Option<i64>, all: bool, limit: i64) -> Result<Vec<Review>, Error> {
        Ok(self.store.read(move |tx| review::list(tx, backend, all, 0, limit)).await?)
    }

    /// One item.
    pub async fn review(&self, id: i64) -> Result<Review, Error> {
        let found = self.store.read(move |tx| review::get(tx, id)).await?;
        found.ok_or_else(|| Error::NotFound { what: format!("review item {id}") })
    }

    /// Settles an item; the import that does the rest is enqueued in the same transaction.
    pub async fn resolve_review(&self, id: i64, decision: Decision, actor: &str) -> Result<Option<Enqueued>, Error> {
        let (catalogue, now, actor) = (self.catalogue.get(), self.clock.now(), actor.to_owned());
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let item = review::get(tx, id)?.ok_or_else(|| Error::NotFound { what: format!("review item {id}") })?;
                let kind = catalogue.need_kind(&item.kind).map_err(Fault::from)?;
                let (state, record) = match decision {
                    Decision::Bind(record) => {
                        let found = record::read(tx, &catalogue, &kind.model, &[record], &[]).map_err(Fault::from)?;
                        if found.is_empty() {
                            return Err(Error::NotFound { what: format!("{} {record}", kind.model.name) });
                        }
                        let bound = binding::find_by_record(tx, item.backend, kind, record).map_err(Fault::from)?;
                        if let Some(other) = bound {
                            let id = other.external_id.unwrap_or_default();
                            return Err(Error::Refused(format!("record {record} is bound to {} {id}", item.kind)));
                        }
                        (1, Some(record))
                    }
                    Decision::Create => (2, None),
                    Decision::Skip => (3, None),
                };
                if !review::resolve(tx, id, state, record, now.0, &actor)? {
                    return Err(Error::Refused(format!("review item {id} is settled already")));
                }
                if decision == Decision::Skip {
                    if let Some(binding) = item.binding {
                        binding::set_status(tx, binding, Status::Skipped, now).map_err(Fault::from)?;
                    }
                    return Ok(None);
                }
                let job = task::import_one(&ImportRecord {
                    backend: item.backend,
                    kind: item.kind,
                    id: item.external_id,
                    unmatched: decision == Decision::Create,
                    bind_to: record,
                    ..ImportRecord::default()
                });
                Ok(Some(queue::enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))?))
            })
            .await
    }
}
