//! Work that a connector did itself, through services: what it wrote is committed with the job's outcome, or none of it;
//! and importers of its own, which are such work.

use bindery_contract::op;
use serde_json::{Value, json};

use super::{
    Account, Error,
    engine::Engine,
    session::{self, Behalf},
    single::Single,
    target::Target,
};
use crate::{
    base::Fault,
    plugin::{self, Guard, Scope, commit},
    queue::{self, Outcome, Running},
    record::Binding,
    storage::Durability,
};

impl Engine {
    /// Ends a job well, with what the calls of a scope asked to be written.
    pub(super) async fn end(&self, job: &Running, scope: &Scope, result: Value) -> Result<Outcome, Error> {
        let writes = scope.take_writes();
        if writes.is_empty() || scope.context().is_plan {
            return Ok(Outcome::Done(result));
        }
        let now = self.clock.now();
        let (guard, fence) = (Guard::new(scope.context(), self.catalogue.get(), now), job.fence.clone());
        self.store
            .write_weighted(Durability::Durable, writes.len() + 1, move |tx| -> Result<(), Error> {
                commit(tx, &writes, &guard)?;
                let done = Outcome::Done(result.clone());
                queue::finish(tx, now, &fence, &done).map_err(|error| Error::Below(error.into()))?;
                Ok(())
            })
            .await?;
        Ok(Outcome::Committed)
    }

    /// Commits what the calls of a scope asked to be written, where the job goes on.
    pub(super) async fn commit(&self, scope: &Scope) -> Result<(), Error> {
        let writes = scope.take_writes();
        if writes.is_empty() || scope.context().is_plan {
            return Ok(());
        }
        let guard = Guard::new(scope.context(), self.catalogue.get(), self.clock.now());
        self.store
            .write_weighted(Durability::Durable, writes.len(), move |tx| -> Result<(), Error> {
                commit(tx, &writes, &guard)?;
                Ok(())
            })
            .await
    }

    /// Imports one record by the connector's own importer, which must bind it.
    pub(super) async fn import_whole(
        &self,
        target: &Target,
        id: &str,
        force: bool,
        behalf: &Behalf,
    ) -> Result<Single, Error> {
        let before = self.bound(target, id).await?;
        let scope = target.session.scope(behalf);
        let request = op::ImportOne { kind: target.name().to_owned(), id: id.to_owned(), force };
        let answer = target.session.call(&scope, op::IMPORT_RECORD, &request, &[]).await?;
        session::header::<op::Done>(op::IMPORT_RECORD, &answer)?;
        self.commit(&scope).await?;
        let after = self.bound(target, id).await?;
        let stand = |binding: &Option<Binding>| binding.as_ref().map(|one| (one.record, one.current_version));
        let record = after.as_ref().and_then(|binding| binding.record);
        let mut account = Account { offered: 1, ..Account::default() };
        match before.as_ref().and_then(|binding| binding.record) {
            _ if record.is_none() => account.skipped = 1,
            None => account.created = 1,
            Some(_) if stand(&before) == stand(&after) => account.unchanged = 1,
            Some(_) => account.updated = 1,
        }
        Ok(Single { account, record, ..Single::default() })
    }

    /// Imports a set by the connector's own batch importer.
    pub(super) async fn import_batch(
        &self,
        job: &Running,
        target: &Target,
        filters: Vec<(String, String)>,
        force: bool,
    ) -> Result<Outcome, Error> {
        let scope = target.session.scope(&Behalf::from(job));
        let request = op::ImportBatch { kind: target.name().to_owned(), filters, force };
        let answer = target.session.call(&scope, op::IMPORT_BATCH, &request, &[]).await?;
        let done: op::BatchAnswer = session::header(op::IMPORT_BATCH, &answer)?;
        self.end(job, &scope, json!({ "message": done.message })).await
    }
}

impl From<plugin::commit::Error> for Error {
    fn from(error: plugin::commit::Error) -> Self {
        match error {
            plugin::commit::Error::Fenced(_) => Self::Fenced,
            plugin::commit::Error::BackendChanged => Self::EpochChanged,
            other => Self::Below(Fault::from(other)),
        }
    }
}
