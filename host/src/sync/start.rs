//! Requests into jobs: what the faces ask for becomes what the queue runs.

use bindery_contract::manifest::Step;

use super::{
    Error,
    engine::Engine,
    task::{self, ExportKind, ExportRecord, ImportKind, ImportRecord, SyncAll, SyncStep, VerifyBackend},
};
use crate::{
    model::job::{Enqueued, NewJob},
    queue,
    record::Binding,
    storage::{Durability, export},
};

/// What a sync is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The backend.
    pub backend: i64,
    /// One step.
    pub only: Option<String>,
    /// One kind.
    pub kind: Option<String>,
    /// One record of that kind.
    pub id: Option<String>,
    /// Filters for the connector.
    pub filters: Vec<(String, String)>,
    /// Even what looks unchanged.
    pub force: bool,
    /// Write nothing.
    pub plan: bool,
    /// 0 first.
    pub priority: Option<i64>,
    /// Seconds from now.
    pub eta_seconds: Option<i64>,
}

impl Engine {
    /// Enqueues what a sync begins with; answers the job and its description.
    pub async fn start(&self, request: &Request) -> Result<(Enqueued, String), Error> {
        let mut job = self.job_of(request).await?;
        job.priority = request.priority.unwrap_or(NewJob::PRIORITY);
        let now = self.clock.now();
        job.eta = request.eta_seconds.filter(|seconds| *seconds > 0).map(|seconds| now.plus_seconds(seconds));
        self.enqueue(job).await
    }

    /// Enqueues an export; answers the job and its description.
    pub async fn start_export(
        &self,
        asked: &ExportKind,
        priority: Option<i64>,
        eta_seconds: Option<i64>,
    ) -> Result<(Enqueued, String), Error> {
        let session = self.session(asked.backend).await?;
        if !session.kind(&asked.kind)?.export {
            return Err(Error::NotExported { kind: asked.kind.clone() });
        }
        let (mut job, now) = (task::export_kind(asked), self.clock.now());
        job.priority = priority.unwrap_or(NewJob::PRIORITY);
        job.eta = eta_seconds.filter(|seconds| *seconds > 0).map(|seconds| now.plus_seconds(seconds));
        self.enqueue(job).await
    }

    /// Enqueues what brings a binding in step again: the export of what is due of it, else its import.
    pub async fn start_again(&self, binding: &Binding, kind: &str, force: bool) -> Result<Option<Enqueued>, Error> {
        let (backend, record, name) = (binding.backend, binding.record.unwrap_or_default(), kind.to_owned());
        let is_due = self.store.read(move |tx| export::due(tx, backend, &name, record)).await?.is_some();
        let job = match &binding.external_id {
            _ if is_due && !force => {
                task::export_record(&ExportRecord { backend, kind: kind.to_owned(), record, asked: false })
            }
            None => return Ok(None),
            Some(id) => task::import_one(&ImportRecord {
                backend,
                kind: kind.to_owned(),
                id: id.clone(),
                force,
                ..ImportRecord::default()
            }),
        };
        Ok(Some(self.enqueue(job).await?.0))
    }

    /// Enqueues the comparison of a backend with what is here.
    pub async fn start_verify(&self, asked: &VerifyBackend) -> Result<(Enqueued, String), Error> {
        let description = if asked.repair.is_some() { "Verify and repair" } else { "Verify" };
        self.enqueue(task::job(task::VERIFY, Some(asked.backend), asked, description.to_owned())).await
    }

    pub(super) async fn enqueue(&self, job: NewJob) -> Result<(Enqueued, String), Error> {
        let now = self.clock.now();
        let description = job.description.clone();
        let enqueued = self
            .store
            .write(Durability::Durable, move |tx| {
                queue::enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))
            })
            .await?;
        Ok((enqueued, description))
    }

    async fn job_of(&self, request: &Request) -> Result<NewJob, Error> {
        let Request { backend, filters, force, plan, .. } = request.clone();
        if let Some(kind) = &request.kind {
            let session = self.session(backend).await?;
            let declared = session.kind(kind)?;
            if !declared.import {
                return Err(Error::NotImported { kind: kind.clone() });
            }
            return Ok(match &request.id {
                Some(_) if plan => {
                    return Err(Error::Refused("one record is imported or not; there is no plan of it".to_owned()));
                }
                Some(id) => task::import_one(&ImportRecord {
                    backend,
                    kind: kind.clone(),
                    id: id.clone(),
                    force,
                    ..ImportRecord::default()
                }),
                None => task::import_kind(&ImportKind { backend, kind: kind.clone(), force, filters, plan }),
            });
        }
        match &request.only {
            Some(step) => {
                Ok(task::sync_step(&SyncStep { backend, step: read_step(step)?, force, filters, plan, lenient: false }))
            }
            None => {
                let payload = SyncAll { backend, force, filters, plan };
                let what = if plan { "Plan all steps" } else { "Sync all steps" };
                Ok(task::job(task::SYNC_ALL, Some(backend), &payload, what.to_owned()))
            }
        }
    }
}

/// The step of a name.
fn read_step(name: &str) -> Result<Step, Error> {
    [Step::Customers, Step::Products, Step::Inventory, Step::Orders]
        .into_iter()
        .find(|step| task::step_name(*step) == name)
        .ok_or_else(|| Error::NotFound {
            what: format!("step {name:?}; there are products, orders, inventory, customers"),
        })
}
