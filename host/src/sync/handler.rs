//! The handlers of this room's jobs, and what an error means for a job.

use std::sync::Arc;

use bindery_contract::op;
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{
    Error,
    engine::Engine,
    pipeline::Wish,
    planner::Options,
    prepare, session,
    session::Behalf,
    single::One,
    task::{self, AfterImport, ImportKind, ImportRecord},
};
use crate::{
    base::{Coded, Fault, Retry},
    queue::{Cancel, CancelReason, Handler, Handlers, Outcome, Running, Verdict},
    storage,
};

/// The kinds of jobs that this room runs.
#[derive(Debug, Clone, Copy)]
enum Work {
    Record,
    Kind,
    Step,
    All,
    After,
    Export,
    ExportDue,
    ExportKind,
    Deletion,
    AfterExport,
    Listen,
    Verify,
    Action,
}

struct Job(Engine, Work);

impl Engine {
    /// Registers the handlers of this room.
    #[must_use]
    pub fn handlers(&self, handlers: Handlers) -> Handlers {
        let job = |work| Arc::new(Job(self.clone(), work));
        handlers
            .with(task::IMPORT_RECORD, job(Work::Record))
            .with(task::IMPORT_KIND, job(Work::Kind))
            .with(task::SYNC_STEP, job(Work::Step))
            .with(task::SYNC_ALL, job(Work::All))
            .with(task::AFTER_IMPORT, job(Work::After))
            .with(task::EXPORT_RECORD, job(Work::Export))
            .with(task::EXPORT_DUE, job(Work::ExportDue))
            .with(task::EXPORT_KIND, job(Work::ExportKind))
            .with(task::EXPORT_DELETION, job(Work::Deletion))
            .with(task::AFTER_EXPORT, job(Work::AfterExport))
            .with(task::LISTEN, job(Work::Listen))
            .with(task::VERIFY, job(Work::Verify))
            .with(task::ACTION, job(Work::Action))
    }
}

impl Handler for Job {
    fn run(&self, job: Running) -> BoxFuture<'static, Outcome> {
        let (engine, work) = (self.0.clone(), self.1);
        Box::pin(async move {
            let done = match work {
                Work::Record => engine.run_record(&job).await,
                Work::Kind => engine.run_kind(&job).await,
                Work::Step => engine.run_step(&job).await,
                Work::All => engine.run_all(&job).await,
                Work::After => engine.run_after(&job, op::AFTER_IMPORT).await,
                Work::Export => engine.run_export(&job).await,
                Work::ExportDue => engine.run_export_due(&job).await,
                Work::ExportKind => engine.run_export_kind(&job).await,
                Work::Deletion => engine.run_deletion(&job).await,
                Work::AfterExport => engine.run_after(&job, op::AFTER_EXPORT).await,
                Work::Listen => engine.run_listen(&job).await,
                Work::Verify => engine.run_verify(&job).await,
                Work::Action => engine.run_action(&job).await,
            };
            match done {
                Ok(outcome) => outcome,
                Err(error) => engine.outcome(error, job.backend),
            }
        })
    }
}

/// Reads a job's payload.
pub(super) fn payload<T: DeserializeOwned>(job: &Running) -> Result<T, Error> {
    serde_json::from_value(job.payload.clone())
        .map_err(|error| Error::Refused(format!("the payload of job {} can't be read: {error}", job.id)))
}

impl Engine {
    /// What an error makes of its job. Where its backend can't work, it waits until that can.
    fn outcome(&self, error: Error, backend: Option<i64>) -> Outcome {
        match backend.map(|backend| self.backends.may_run(backend)) {
            Some(Verdict::Park { reason }) if !matches!(error, Error::Cancelled) => Outcome::Parked { reason },
            _ => outcome(error),
        }
    }
}

/// What an error makes of its job.
fn outcome(error: Error) -> Outcome {
    match error {
        Error::Cancelled => Outcome::Cancelled,
        // The queue knows why it asked, and makes a deadline a fault of its own.
        Error::Stopping | Error::Deadline => Outcome::HandBack,
        error => Outcome::from(Fault::from(error)),
    }
}

/// Whether a job that met an error goes on later, so that its run stays open.
pub(super) fn goes_on(error: &Error) -> bool {
    !matches!(error, Error::Cancelled) && error.code().retry != Retry::Never
}

/// Whether a run that met an error stays open for the next attempt of its job.
pub(super) fn stays_open(error: &Error, is_last_attempt: bool) -> bool {
    // One that found no room costs no attempt.
    goes_on(error) && (!is_last_attempt || storage::error::is_lack_of_room(error.code()))
}

/// The error of work that was asked to stop.
pub(super) fn stopped(cancel: &Cancel) -> Error {
    stopped_by(cancel.reason().unwrap_or(CancelReason::Stopping))
}

/// The error of work that was asked to stop for a reason.
pub(super) fn stopped_by(reason: CancelReason) -> Error {
    match reason {
        CancelReason::Requested => Error::Cancelled,
        CancelReason::Stopping => Error::Stopping,
        CancelReason::Deadline => Error::Deadline,
    }
}

impl Engine {
    async fn run_record(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: ImportRecord = payload(job)?;
        let session = self.session(asked.backend).await?;
        let target = self.target(&session, &asked.kind)?;
        let behalf = Behalf::from(job);
        self.hold(&target, &asked.id).await?;
        let settled = match asked.conflict {
            Some(id) => Some(self.conflict(id).await?),
            None => None,
        };
        let decision = settled.as_ref().and_then(|conflict| serde_json::from_str(conflict.decision.as_deref()?).ok());
        let one = One {
            options: Options {
                force: asked.force,
                unmatched: asked.unmatched,
                bind_to: asked.bind_to,
                decision,
                anew: asked.force,
            },
            replay: asked.replay,
            settled,
            ..One::default()
        };
        match self.import_one(&session, &asked.kind, &asked.id, one, &behalf).await {
            Ok(single) => match &single.problem {
                Some(problem) => Err(Error::Record {
                    kind: asked.kind,
                    id: asked.id,
                    why: problem.message.clone(),
                    // The sweep has it from here, on the binding's own budget.
                    retry: false,
                }),
                None => Ok(Outcome::Done(json!(single))),
            },
            // The binding is the other worker's.
            Err(Error::Fenced) => Err(Error::Fenced),
            Err(error) => {
                // Whoever called the job off said nothing of the record.
                let again = matches!(error, Error::Cancelled) || stays_open(&error, behalf.is_last_attempt);
                self.failed(&target, &asked.id, &error.to_string(), again).await?;
                Err(error)
            }
        }
    }

    async fn run_kind(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: ImportKind = payload(job)?;
        let session = self.session(asked.backend).await?;
        let behalf = Behalf { is_plan: asked.plan, ..Behalf::from(job) };
        let target = self.target(&session, &asked.kind)?;
        if target.has_hook("batch") && !asked.plan {
            return self.import_batch(job, &target, asked.filters, asked.force).await;
        }
        if asked.plan {
            let shown = self.preview(&session, &asked.kind, &asked.filters, asked.force, &behalf).await?;
            return Ok(Outcome::Done(json!({"plan": [shown]})));
        }
        let wish = Wish { force: asked.force, filters: asked.filters, finish: Some(json!({})) };
        self.import_kind(&session, &asked.kind, &wish, &behalf).await?;
        Ok(Outcome::Committed)
    }

    async fn run_after(&self, job: &Running, op: &'static str) -> Result<Outcome, Error> {
        let asked: AfterImport = payload(job)?;
        let session = self.session(asked.backend).await?;
        let target = self.target(&session, &asked.kind)?;
        let scope = session.scope(&Behalf::from(job));
        prepare::after(&target, &scope, op, asked.written).await?;
        self.end(job, &scope, json!({})).await
    }

    async fn run_action(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: task::Action = payload(job)?;
        let session = self.session(asked.backend).await?;
        let scope = session.scope(&Behalf::from(job));
        let act = op::Act { name: asked.name, arguments: asked.arguments };
        let answer = session.call(&scope, op::ACTION, &act, &[]).await?;
        let done: op::ActAnswer = session::header(op::ACTION, &answer)?;
        self.end(job, &scope, done.result).await
    }
}
