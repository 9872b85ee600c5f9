//! The list of conflicts, and what a person decides about them.

use super::{
    Error,
    conflict::Decision,
    engine::Engine,
    task::{self, ImportRecord},
};
use crate::{
    model::job::Enqueued,
    queue,
    storage::{
        Durability,
        conflict::{self, Conflict},
    },
};

impl Engine {
    /// Conflicts of a backend, or of all: open ones, or settled ones too.
    pub async fn conflicts(&self, backend: Option<i64>, all: bool, limit: i64) -> Result<Vec<Conflict>, Error> {
        Ok(self.store.read(move |tx| conflict::list(tx, backend, all, 0, limit)).await?)
    }

    /// One conflict.
    pub async fn conflict(&self, id: i64) -> Result<Conflict, Error> {
        let found = self.store.read(move |tx| conflict::get(tx, id)).await?;
        found.ok_or_else(|| Error::NotFound { what: format!("conflict {id}") })
    }

    /// Settles a conflict: the import that brings both sides together is enqueued in the same transaction.
    pub async fn settle_conflict(&self, id: i64, decision: Decision, actor: &str) -> Result<Enqueued, Error> {
        let (now, actor) = (self.clock.now(), actor.to_owned());
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let known = conflict::get(tx, id)?.ok_or_else(|| Error::NotFound { what: format!("conflict {id}") })?;
                refuse_other_fields(&known, &decision)?;
                if !conflict::settle(tx, id, &serde_json::json!(decision).to_string(), now.0, &actor)? {
                    return Err(Error::Refused(format!("conflict {id} is settled already")));
                }
                let job = task::import_one(&ImportRecord {
                    backend: known.backend,
                    kind: known.kind,
                    id: known.external_id,
                    conflict: Some(id),
                    ..ImportRecord::default()
                });
                queue::enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))
            })
            .await
    }
}

fn refuse_other_fields(known: &Conflict, decision: &Decision) -> Result<(), Error> {
    let clashes: Vec<super::merge::Clash> = serde_json::from_str(&known.fields).unwrap_or_default();
    match decision.fields.keys().find(|name| !clashes.iter().any(|clash| clash.field == **name)) {
        None => Ok(()),
        Some(other) => {
            let names: Vec<&str> = clashes.iter().map(|clash| clash.field.as_str()).collect();
            Err(Error::Refused(format!("{other:?} is no field of this conflict; there are {}", names.join(", "))))
        }
    }
}
