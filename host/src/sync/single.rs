//! The import of one record: alone, because somebody asked for it, or because another one needs it.

use std::sync::Arc;

use bindery_contract::{
    op,
    record::{ItemHead, Ref},
};
use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};

use super::{
    Account, Error,
    apply::Circumstances,
    engine::Engine,
    fetch,
    guard::Chain,
    page::Page,
    plan::{Action, Plan, Seen, What},
    planner::{self, Options},
    problem::Problem,
    profile::Profile,
    session::{Behalf, Session},
    target::Target,
};
use crate::{
    base::{Fault, Timestamp},
    record::{Binding, binding, binding::Status},
    storage::{
        Durability,
        conflict::{self, Conflict},
        quarantine,
    },
};

/// How one record is imported.
#[derive(Debug, Clone, Default)]
pub struct One {
    /// Mapping and comparing.
    pub options: Options,
    /// Use the payload that was kept.
    pub replay: bool,
    /// The conflict that is settled: its payload stands in where the record can't be read.
    pub settled: Option<Conflict>,
    /// Records that are being imported because this one is needed.
    pub chain: Chain,
}

/// What became of it.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Single {
    /// What became of it, counted.
    pub account: Account,
    /// Our record.
    pub record: Option<i64>,
    /// Why it is kept, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// It is gone there, and nothing here stands for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

impl Engine {
    /// Imports one record.
    pub fn import_one<'a>(
        &'a self,
        session: &'a Arc<Session>,
        kind: &'a str,
        id: &'a str,
        one: One,
        behalf: &'a Behalf,
    ) -> BoxFuture<'a, Result<Single, Error>> {
        // Boxed, since dependencies make it call itself.
        async move {
            let target = self.target(session, kind)?;
            if target.has_hook("run") {
                return self.import_whole(&target, id, one.options.force, behalf).await;
            }
            let fetched_at = self.clock.now();
            let page = match self.payload(&target, id, &one, behalf).await {
                Err(error) if error.is_gone() => return self.gone(&target, id, behalf).await,
                page => page?,
            };
            self.import_page(&target, (page, fetched_at), &one.options, &one.chain, behalf).await
        }
        .boxed()
    }

    /// Imports a record that was fetched, as a page of one.
    pub(super) async fn import_page(
        &self,
        target: &Target,
        (page, fetched_at): (Page, Timestamp),
        options: &Options,
        chain: &Chain,
        behalf: &Behalf,
    ) -> Result<Single, Error> {
        let id = page.items.first().map(|item| item.id.clone()).unwrap_or_default();
        let profile = Profile::default();
        let planned = planner::plan(&self.store, target, page, fetched_at, options, behalf, &profile).await?;
        let mut plan = planned.plan;
        if !planned.missing.is_empty() {
            let chain = chain.with(target.name(), &id)?;
            let (_, unmet) = self.import_missing(&target.session, &planned.missing, &chain, behalf).await?;
            plan = planner::resolve_again(&self.store, plan, &unmet).await?;
        }
        self.write_one(plan, !chain.is_empty(), behalf).await
    }

    async fn write_one(&self, plan: Plan, on_the_way: bool, behalf: &Behalf) -> Result<Single, Error> {
        let at = Circumstances { on_the_way, ..self.circumstances(&plan.target.session, behalf) };
        if plan.is_empty() {
            let (target, page) = (plan.target.clone(), plan.page.clone());
            let record = self.release(&target, &page.items[0].id).await?;
            return Ok(Single { account: plan.settled, record, ..Single::default() });
        }
        let applied = self.apply_one(plan, at).await?;
        let problem = applied.problems.into_iter().next().map(|(_, problem)| problem);
        Ok(Single { account: applied.account, record: applied.record, problem, gone: false })
    }

    /// Imports records that others need, one after the other; answers how many are here now, and which could not be.
    pub async fn import_missing(
        &self,
        session: &Arc<Session>,
        missing: &[Ref],
        chain: &Chain,
        behalf: &Behalf,
    ) -> Result<(i64, Vec<(Ref, String)>), Error> {
        let mut imported = 0;
        let mut unmet = Vec::new();
        for need in missing {
            if behalf.cancel.is_cancelled() {
                return Err(super::handler::stopped(&behalf.cancel));
            }
            let kind = session.manifest.kind(&need.kind);
            if !kind.is_some_and(|kind| kind.import) || !session.answers(op::READ) {
                unmet.push((need.clone(), "it can't be imported on its own".to_owned()));
                continue;
            }
            // One that is being imported already would wait for itself.
            if let Err(error) = chain.with(&need.kind, &need.id) {
                unmet.push((need.clone(), error.to_string()));
                continue;
            }
            let one = One { chain: chain.clone(), ..One::default() };
            match self.import_one(session, &need.kind, &need.id, one, behalf).await {
                Ok(Single { problem: Some(problem), .. }) => unmet.push((need.clone(), problem.message)),
                Ok(Single { gone: true, .. }) => unmet.push((need.clone(), "it is gone there".to_owned())),
                Ok(_) => imported += 1,
                Err(error) if ends_run(&error) => return Err(error),
                Err(error) => unmet.push((need.clone(), error.to_string())),
            }
        }
        Ok((imported, unmet))
    }

    /// The record as it is there now. Where it can't be read alone, the payload that was kept of it stands in.
    async fn payload(&self, target: &Target, id: &str, one: &One, behalf: &Behalf) -> Result<Page, Error> {
        if one.replay {
            return self.kept(target, id).await;
        }
        if target.session.answers(op::READ) {
            match fetch::read(target, behalf, id).await {
                Err(error) if error.is_unsupported() => {}
                page => return page,
            }
        }
        match (self.kept(target, id).await, &one.settled) {
            (Err(Error::NotFound { .. }), Some(conflict)) => {
                let length = conflict.payload.len();
                let head =
                    ItemHead { id: id.to_owned(), updated: conflict.external_updated_at.clone(), deleted: false };
                Page::one(Bytes::from(conflict.payload.clone()), 0..length, head, &target.digest)
            }
            (Err(Error::NotFound { .. }), None) => Err(Error::NotReadable { kind: target.name().to_owned() }),
            (page, _) => page,
        }
    }

    /// The payload that was kept, as a page of one.
    async fn kept(&self, target: &Target, id: &str) -> Result<Page, Error> {
        let (known, wanted) = (target.clone(), id.to_owned());
        let kept = self
            .store
            .read(move |tx| -> Result<_, Error> {
                match binding::find(tx, known.session.backend, &known.kind, &wanted).map_err(Fault::from)? {
                    None => Ok(None),
                    Some(binding) => Ok(quarantine::of_binding(tx, binding.id)?),
                }
            })
            .await?;
        let kept = kept.ok_or_else(|| Error::NotFound { what: format!("kept payload of {} {id}", target.name()) })?;
        let length = kept.payload.len();
        let head = ItemHead { id: id.to_owned(), updated: kept.external_updated_at, deleted: false };
        Page::one(Bytes::from(kept.payload), 0..length, head, &target.digest)
    }

    /// What is gone there: ours goes the way the operator wants; where there is none, nothing is left to do.
    async fn gone(&self, target: &Target, id: &str, behalf: &Behalf) -> Result<Single, Error> {
        let Some(binding) = self.bound(target, id).await? else {
            let account = Account { offered: 1, skipped: 1, gone: 1, ..Account::default() };
            return Ok(Single { account, gone: true, ..Single::default() });
        };
        let mut plan = Plan::new(target.clone(), Arc::new(Page::empty()), self.clock.now());
        plan.actions.push(Action { item: None, id: id.to_owned(), seen: Some(Seen::from(&binding)), what: What::Gone });
        let at = self.circumstances(&target.session, behalf);
        let applied = self.apply(Arc::new(plan), at).await?;
        Ok(Single { account: applied.account, record: binding.record, problem: None, gone: true })
    }

    /// The binding of an external id.
    pub async fn bound(&self, target: &Target, id: &str) -> Result<Option<Binding>, Error> {
        let (known, id) = (target.clone(), id.to_owned());
        self.store
            .read(move |tx| -> Result<_, Error> {
                Ok(binding::find(tx, known.session.backend, &known.kind, &id).map_err(Fault::from)?)
            })
            .await
    }

    /// A job for one record takes hold of its binding.
    pub async fn hold(&self, target: &Target, id: &str) -> Result<(), Error> {
        let (known, id, now) = (target.clone(), id.to_owned(), self.clock.now());
        self.store
            .write(Durability::Relaxed, move |tx| -> Result<_, Error> {
                if let Some(found) = binding::find(tx, known.session.backend, &known.kind, &id).map_err(Fault::from)?
                    && (found.record.is_some() || found.sync_status == Status::Failed)
                {
                    binding::set_status(tx, found.id, Status::InProgress, now).map_err(Fault::from)?;
                }
                Ok(())
            })
            .await
    }

    /// A job for one record lets its binding go: nothing had to be written. Answers our record.
    async fn release(&self, target: &Target, id: &str) -> Result<Option<i64>, Error> {
        let (known, id, now) = (target.clone(), id.to_owned(), self.clock.now());
        self.store
            .write(Durability::Relaxed, move |tx| -> Result<_, Error> {
                let Some(found) = binding::find(tx, known.session.backend, &known.kind, &id).map_err(Fault::from)?
                else {
                    return Ok(None);
                };
                conflict::close(tx, found.id, now.0)?;
                if found.sync_status == Status::InProgress && found.record.is_some() {
                    binding::mark_sync_success(tx, found.id, now).map_err(Fault::from)?;
                }
                Ok(found.record)
            })
            .await
    }

    /// A job for one record failed: its binding says so, or waits for the job's next attempt.
    pub async fn failed(&self, target: &Target, id: &str, message: &str, again: bool) -> Result<(), Error> {
        let (known, id, message, now) = (target.clone(), id.to_owned(), message.to_owned(), self.clock.now());
        self.store
            .write(Durability::Relaxed, move |tx| -> Result<_, Error> {
                let Some(found) = binding::find(tx, known.session.backend, &known.kind, &id).map_err(Fault::from)?
                else {
                    return Ok(());
                };
                if again {
                    binding::set_status(tx, found.id, Status::Pending, now).map_err(Fault::from)?;
                } else {
                    let retry_at = super::problem::retry_at(now, found.retry_count);
                    binding::mark_sync_failed(tx, found.id, &message, Some(retry_at), now).map_err(Fault::from)?;
                }
                Ok(())
            })
            .await
    }
}

/// Whether an error is none of the record's: the backend, the job or the store can't go on.
pub(super) fn ends_run(error: &Error) -> bool {
    match error {
        Error::Connector(error) => {
            error.class.is_retryable()
                || matches!(error.class, bindery_contract::ErrorClass::Auth | bindery_contract::ErrorClass::Cancelled)
        }
        Error::Below(fault) => !fault.code.name.starts_with("record."),
        Error::EpochChanged | Error::Fenced | Error::Cancelled | Error::Stopping | Error::Deadline => true,
        _ => false,
    }
}
