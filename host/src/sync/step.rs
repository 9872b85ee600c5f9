//! Steps of a whole sync: which kinds they run, in which direction, and what the connector wants otherwise.

use std::sync::Arc;

use bindery_contract::{
    manifest::{Direction, Kind, Step},
    op,
};
use serde_json::{Value, json};

use super::{
    Account, Error,
    engine::Engine,
    export::{self, select::Choice},
    handler::payload,
    pipeline::Wish,
    session::{self, Behalf, Session},
    task::{self, SyncAll, SyncStep, step_name},
};
use crate::{
    backend,
    model::job::{Condition, Dependency},
    plugin::Scope,
    queue::{Outcome, Running, enqueue},
    storage::{Durability, run},
};

/// The steps in the order of a whole sync.
pub const ORDER: [Step; 4] = [Step::Customers, Step::Products, Step::Inventory, Step::Orders];

/// The step that a kind belongs to.
pub fn of_kind(kind: &Kind) -> Step {
    let derived = match kind.model.as_str() {
        "res.partner" => Step::Customers,
        "product.template" | "product.product" | "product.category" | "account.tax" => Step::Products,
        "stock.warehouse" | "stock.location" | "stock.quant" | "stock.picking" | "stock.move" => Step::Inventory,
        _ => Step::Orders,
    };
    kind.step.unwrap_or(derived)
}

/// Which ways a kind goes in its step.
fn direction(kind: &Kind) -> Direction {
    kind.direction.unwrap_or(match of_kind(kind) {
        Step::Customers | Step::Products => Direction::Both,
        Step::Inventory => Direction::Export,
        Step::Orders => Direction::Import,
        Step::Unknown => Direction::Manual,
    })
}

/// Whether changes of a kind are exported by themselves, where the operator wants it so.
pub fn exports(kind: &Kind) -> bool {
    kind.export && matches!(direction(kind), Direction::Export | Direction::Both)
}

/// The kinds of a step, in the order of their declaration: those that it imports, and those that it exports then.
fn kinds(session: &Session, step: Step) -> (Vec<String>, Vec<String>) {
    let all = || session.manifest.kinds.iter().filter(|kind| of_kind(kind) == step);
    let is_imported = |kind: &&Kind| kind.import && matches!(direction(kind), Direction::Import | Direction::Both);
    let import = all().filter(is_imported).map(|kind| kind.name.clone()).collect();
    let export = all().filter(|kind| exports(kind)).map(|kind| kind.name.clone()).collect();
    (import, export)
}

impl Engine {
    pub(super) async fn run_all(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: SyncAll = payload(job)?;
        let session = self.session(asked.backend).await?;
        let steps: Vec<Step> = ORDER.into_iter().filter(|step| has_step(&session, *step)).collect();
        let (id, fence, now, priority) = (job.id, job.fence.clone(), self.clock.now(), job.priority);
        let names: Vec<&str> = steps.iter().map(|step| step_name(*step)).collect();
        let result = json!({ "steps": names });
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let (mut before, mut joined, mut result) = (None, Vec::new(), result.clone());
                for step in &steps {
                    let mut job = task::sync_step(&SyncStep {
                        backend: asked.backend,
                        step: *step,
                        force: asked.force,
                        filters: asked.filters.clone(),
                        plan: asked.plan,
                        lenient: true,
                    });
                    job.spawned_by = Some(id);
                    job.priority = priority;
                    // One that fails does not stop the next.
                    job.after =
                        before.map(|job| Dependency { job, condition: Condition::Always }).into_iter().collect();
                    let step = enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))?;
                    if step.deduplicated {
                        joined.push(step.id);
                    }
                    before = Some(step.id);
                }
                if !joined.is_empty() {
                    // Equal ones of another sync, which does them: whoever waits for this one waits for them.
                    result["joined"] = joined.into();
                }
                let done = Outcome::Done(result);
                crate::queue::finish(tx, now, &fence, &done).map_err(|error| Error::Below(error.into()))?;
                Ok(())
            })
            .await?;
        Ok(Outcome::Committed)
    }

    pub(super) async fn run_step(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: SyncStep = payload(job)?;
        let session = self.session(asked.backend).await?;
        let behalf = Behalf { is_plan: asked.plan, ..Behalf::from(job) };
        let name = step_name(asked.step);
        let scope = session.scope(&behalf);
        let answer = ask(&session, &asked, &scope).await?;
        if let op::SyncAnswer::Done { message } = answer {
            return self.end(job, &scope, json!({ "message": message })).await;
        }
        self.commit(&scope).await?;
        let (import, mut export) = match answer {
            op::SyncAnswer::Pipeline => kinds(&session, asked.step),
            op::SyncAnswer::Kinds { kinds } => {
                let export = kinds.iter().filter(|name| session.manifest.kind(name).is_some_and(exports));
                let export = export.cloned().collect();
                (kinds, export)
            }
            op::SyncAnswer::Unsupported if asked.lenient => {
                return Ok(Outcome::Done(json!({ "message": format!("the connector does not support {name}") })));
            }
            op::SyncAnswer::Unsupported => return Err(Error::StepUnsupported { step: name.to_owned() }),
            op::SyncAnswer::Done { .. } | op::SyncAnswer::Unknown => {
                return Err(session::bad(op::SYNC, &"an answer of a newer contract"));
            }
        };
        if import.is_empty() && export.is_empty() {
            return match asked.lenient {
                false => Err(Error::StepUnsupported { step: name.to_owned() }),
                true => Ok(Outcome::Done(json!({ "message": format!("nothing to do for {name}") }))),
            };
        }
        // What a filter picks is theirs.
        export.retain(|kind| asked.filters.is_empty() && session.business.export(kind) != backend::Export::None);
        if asked.plan {
            let mut plans = Vec::new();
            for kind in &import {
                plans.push(self.preview(&session, kind, &asked.filters, asked.force, &behalf).await?);
            }
            for kind in &export {
                // As things stand now: what the first half brings may be sent, too.
                let target = self.target(&session, kind)?;
                plans.push(self.preview_export(&target, &Choice::Differing, &behalf).await?);
            }
            return Ok(Outcome::Done(json!({ "plan": plans })));
        }
        let mut done = Done::default();
        self.import_kinds(&session, &import, &asked, job.id, &behalf, &mut done).await?;
        self.export_kinds(&session, &export, &behalf, &mut done).await?;
        done.outcome()
    }

    /// Imports the kinds of a step one after the other; one that fails does not stop the rest.
    async fn import_kinds(
        &self,
        session: &Arc<Session>,
        kinds: &[String],
        asked: &SyncStep,
        job: i64,
        behalf: &Behalf,
        done: &mut Done,
    ) -> Result<(), Error> {
        let before = self.store.read(move |tx| run::of_job(tx, job, run::Direction::Import)).await?;
        for kind in kinds {
            // An earlier attempt of this job has come to the end of it.
            if let Some(run) = before.iter().find(|run| run.kind == *kind && run.state == 1) {
                let account = Account::from_counts(run.counts);
                done.account.add(&account);
                done.kinds.push(json!({ "kind": kind, "run": run.id, "account": account }));
                continue;
            }
            let wish = Wish { force: asked.force, filters: asked.filters.clone(), finish: None };
            match self.import_kind(session, kind, &wish, behalf).await {
                Ok(report) => {
                    done.account.add(&report.account);
                    done.kinds.push(json!(report));
                }
                Err(error) => {
                    let said = done.failed(kind, error)?;
                    done.kinds.push(said);
                }
            }
        }
        Ok(())
    }

    /// The second half of a step: sends what is due of its kinds.
    async fn export_kinds(
        &self,
        session: &Arc<Session>,
        kinds: &[String],
        behalf: &Behalf,
        done: &mut Done,
    ) -> Result<(), Error> {
        let wish = export::kind::Wish { choice: Choice::Due, force: false, resend: false };
        for kind in kinds {
            match self.export_kind(session, kind, &wish, behalf).await {
                Ok(report) => done.exports.push(json!(report)),
                Err(error) => {
                    let said = done.failed(kind, error)?;
                    done.exports.push(said);
                }
            }
        }
        Ok(())
    }
}

/// What a step came to so far.
#[derive(Default)]
struct Done {
    account: Account,
    kinds: Vec<Value>,
    exports: Vec<Value>,
    failure: Option<Error>,
}

impl Done {
    /// A kind failed: what is to be said of it. What ends the whole step is an error.
    fn failed(&mut self, kind: &str, error: Error) -> Result<Value, Error> {
        if matches!(error, Error::Cancelled | Error::Stopping | Error::Deadline | Error::Fenced | Error::EpochChanged) {
            return Err(error);
        }
        let said = json!({ "kind": kind, "error": error.to_string() });
        // What may succeed later makes the job try again; what is done by then is not done twice.
        if self.failure.as_ref().is_none_or(|first| !super::handler::goes_on(first)) {
            self.failure = Some(error);
        }
        Ok(said)
    }

    fn outcome(self) -> Result<Outcome, Error> {
        match self.failure {
            Some(error) => Err(error),
            None if self.exports.is_empty() => {
                Ok(Outcome::Done(json!({ "account": self.account, "kinds": self.kinds })))
            }
            None => Ok(Outcome::Done(json!({ "account": self.account, "kinds": self.kinds, "exports": self.exports }))),
        }
    }
}

/// Asks the connector how it wants a step done.
async fn ask(session: &Session, asked: &SyncStep, scope: &Arc<Scope>) -> Result<op::SyncAnswer, Error> {
    if !session.answers(op::SYNC) {
        return Ok(op::SyncAnswer::Pipeline);
    }
    let request = op::Sync { step: asked.step, filters: asked.filters.clone(), force: asked.force };
    let answer = session.call(scope, op::SYNC, &request, &[]).await?;
    session::header(op::SYNC, &answer)
}

/// Whether a whole sync has something to do for a step: kinds of it, or a connector that has its own way.
fn has_step(session: &Session, step: Step) -> bool {
    session.answers(op::SYNC) || session.manifest.kinds.iter().any(|kind| kind.import && of_kind(kind) == step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(model: &str) -> Kind {
        Kind { model: model.to_owned(), import: true, export: true, ..Kind::default() }
    }

    #[test]
    fn kinds_belong_to_the_step_of_their_model_and_go_its_way() {
        for (model, step, way) in [
            ("res.partner", Step::Customers, Direction::Both),
            ("product.product", Step::Products, Direction::Both),
            ("stock.quant", Step::Inventory, Direction::Export),
            ("sale.order", Step::Orders, Direction::Import),
        ] {
            assert_eq!((of_kind(&kind(model)), direction(&kind(model))), (step, way), "{model}");
        }
        let own = Kind { step: Some(Step::Orders), direction: Some(Direction::Manual), ..kind("res.partner") };
        assert_eq!((of_kind(&own), direction(&own)), (Step::Orders, Direction::Manual));
    }
}
