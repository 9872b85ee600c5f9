//! One request of a connector: on whose behalf it is, what it may touch, and the two ways it reaches the store: writes
//! are kept for the commit, and reads see them.

use std::{collections::HashSet, sync::Arc};

use bindery_contract::Manifest;

use super::{
    Services,
    refusal::{Refusal, Told},
};
use crate::{
    plugin::{
        commit::{Guard, look},
        scope::Scope,
        temporary::Ids,
        write::{What, Writes},
    },
    storage::{Durability, Tx},
};

/// What a connector's manifest says that services need.
pub(in crate::plugin) struct Owner {
    /// Version of the shape of its state.
    pub(super) state_format: u32,
    /// Its kinds, and the models that they bind.
    own: HashSet<String>,
    kinds: HashSet<String>,
}

impl Owner {
    pub(in crate::plugin) fn new(manifest: &Manifest) -> Self {
        let kinds: HashSet<String> = manifest.kinds.iter().map(|kind| kind.name.clone()).collect();
        let models = manifest.kinds.iter().map(|kind| kind.model.clone());
        Self { state_format: manifest.state_format, own: kinds.iter().cloned().chain(models).collect(), kinds }
    }
}

/// One request.
pub(super) struct Ask<'a> {
    pub(super) services: &'a Services,
    pub(super) scope: &'a Arc<Scope>,
    pub(super) owner: &'a Owner,
    pub(super) call: u64,
}

impl Ask<'_> {
    pub(super) fn backend(&self) -> i64 {
        self.scope.context().backend
    }

    /// Refuses a model or kind that is neither bound by the connector nor granted.
    pub(super) fn may_use(&self, model: &str) -> Result<(), Refusal> {
        let context = self.scope.context();
        if self.owner.own.contains(model) || context.grants.allows_model(model) {
            return Ok(());
        }
        Err(Refusal::NotGranted { model: model.to_owned(), backend: context.backend_name.clone() })
    }

    /// Refuses what is no kind of the connector.
    pub(super) fn own_kind(&self, kind: &str) -> Result<(), Refusal> {
        if self.owner.kinds.contains(kind) {
            return Ok(());
        }
        Err(Refusal::Wrong(format!("{kind:?} is no kind of this connector")))
    }

    /// Keeps a write for the commit; answers the temporary id of what it makes.
    pub(super) fn push(&self, what: What) -> Result<i64, Refusal> {
        self.scope.push(self.call, what).ok_or(Refusal::TooMany)
    }

    pub(super) fn guard(&self) -> Guard {
        Guard::new(self.scope.context(), self.services.catalogue.get(), self.services.clock.now())
    }

    /// Reads with the eyes of the call: what it wrote is there, under temporary ids.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Tx, &Guard, &Ids) -> Result<T, Told> + Send + 'static,
    ) -> Result<T, Told> {
        let (writes, guard) = (self.scope.writes(), self.guard());
        let store = &self.services.store;
        if !writes.iter().any(What::is_seen) {
            return store.read(move |tx| work(tx, &guard, &writes.ids)).await;
        }
        let (seen, ids) = store
            .write(Durability::Relaxed, move |tx| {
                // Whatever comes of it is taken back: nothing is written for a look.
                match tx.savepoint(|tx| Err::<(), _>(looked(tx, &writes, &guard, &mut work)))? {
                    Err(looked) => looked,
                    Ok(()) => unreachable!("the body always fails, so that it is taken back"),
                }
            })
            .await?;
        self.scope.shown(&ids);
        Ok(seen)
    }
}

fn looked<T>(
    tx: &mut dyn Tx,
    writes: &Writes,
    guard: &Guard,
    work: &mut impl FnMut(&mut dyn Tx, &Guard, &Ids) -> Result<T, Told>,
) -> Result<(T, Ids), Told> {
    let ids = look(tx, writes, guard)?;
    let seen = work(tx, guard, &ids)?;
    Ok((seen, ids))
}

/// The error of an id that stands for nothing.
pub(super) fn unknown(id: i64) -> Told {
    crate::plugin::commit::Error::UnknownId { what: "a request".to_owned(), id }.into()
}
