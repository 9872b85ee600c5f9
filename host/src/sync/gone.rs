//! What a full scan did not list any more: found by comparing the ids of the run with the bindings.

use std::{collections::HashSet, sync::Arc};

use super::{
    Error,
    digest::short,
    page::Page,
    pipeline::Run,
    plan::{Action, Plan, Seen, What},
};
use crate::{
    base::Fault,
    record::{Binding, binding, binding::Status},
    storage::run,
};

/// Bindings looked at in one go.
const BATCH: usize = 200;
/// So many may be gone without a question.
const HARMLESS: usize = 10;

impl Run<'_> {
    /// Treats what is gone as the operator wants. A scan that misses most of what is bound is not believed.
    pub(super) async fn sweep(&mut self) -> Result<(), Error> {
        let (bound, gone) = self.missing().await?;
        if gone.len() > HARMLESS && gone.len() * 2 > bound && !self.stored.forced {
            self.notes.push(format!(
                "{} of {bound} bound records were not listed any more; that many are not taken for gone without --force",
                gone.len()
            ));
            return Ok(());
        }
        for batch in gone.chunks(BATCH) {
            let mut plan = Plan::new(self.target.clone(), Arc::new(Page::empty()), self.engine.clock.now());
            plan.actions = self.as_they_stand(batch).await?.iter().filter_map(action).collect();
            let step = self.step(None);
            self.submit(plan, step, None).await?;
        }
        self.drain().await
    }

    /// Some bindings with the versions of their records, which a list of bindings does not tell.
    async fn as_they_stand(&self, gone: &[Binding]) -> Result<Vec<Binding>, Error> {
        let target = self.target.clone();
        let ids: Vec<String> = gone.iter().filter_map(|binding| binding.external_id.clone()).collect();
        self.engine
            .store
            .read(move |tx| -> Result<_, Error> {
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                Ok(binding::find_page(tx, target.session.backend, &target.kind, &ids).map_err(Fault::from)?)
            })
            .await
    }

    /// How many bindings there are, and those whose id the run did not list.
    async fn missing(&self) -> Result<(usize, Vec<Binding>), Error> {
        let (target, id, started) = (self.target.clone(), self.stored.id, self.stored.started_at);
        self.engine
            .store
            .read(move |tx| -> Result<_, Error> {
                let seen: HashSet<u64> = run::seen(tx, id)?.into_iter().collect();
                let (mut bound, mut gone, mut after) = (0, Vec::new(), 0);
                loop {
                    let filter = binding::Filter {
                        backend: Some(target.session.backend),
                        kind: Some(target.kind.id),
                        after,
                        limit: 1000,
                        ..binding::Filter::default()
                    };
                    let page = binding::list(tx, &filter).map_err(Fault::from)?;
                    let Some(last) = page.last() else { return Ok((bound, gone)) };
                    after = last.id;
                    for binding in page {
                        let Some(external_id) = &binding.external_id else { continue };
                        bound += 1;
                        // What was imported after the run began may have been made there after its page was listed.
                        let is_newer = binding.sync_date.is_some_and(|date| date.0 >= started);
                        let is_known = binding.sync_status == Status::Skipped;
                        if !is_newer && !is_known && !seen.contains(&short(external_id)) {
                            gone.push(binding);
                        }
                    }
                }
            })
            .await
    }
}

fn action(binding: &Binding) -> Option<Action> {
    let id = binding.external_id.clone()?;
    Some(Action { item: None, id, seen: Some(Seen::from(binding)), what: What::Gone })
}
