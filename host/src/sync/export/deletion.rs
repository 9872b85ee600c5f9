//! Removals here that reach the outside system: theirs is deleted, or taken out of use, as the operator wants.

use bindery_contract::op;
use serde_json::json;

use super::orphan::Theirs;
use crate::{
    backend::LocalDeletion,
    base::Fault,
    queue::{Outcome, Running},
    record::binding,
    sync::{
        Error,
        engine::Engine,
        handler::payload,
        session::{self, Behalf},
        task::ExportDeletion,
    },
};

impl Engine {
    pub(in crate::sync) async fn run_deletion(&self, job: &Running) -> Result<Outcome, Error> {
        let asked: ExportDeletion = payload(job)?;
        let session = self.session(asked.backend).await?;
        let target = self.target(&session, &asked.kind)?;
        let behalf = Behalf::from(job);
        let mut asked = asked;
        if let Some(intent) = asked.intent {
            match self.orphan(&target, &behalf, intent).await? {
                Theirs::Over(outcome) => return Ok(outcome),
                Theirs::There(id) => asked.id = id,
            }
            asked.archive = session.business.local_deletion(&asked.kind) == LocalDeletion::Archive;
        }
        // It came back meanwhile, and was bound anew: then it is not ours to remove.
        let (known, id) = (target.clone(), asked.id.clone());
        let is_bound = self
            .store
            .read(move |tx| -> Result<_, Error> {
                let found = binding::find(tx, known.session.backend, &known.kind, &id).map_err(Fault::from)?;
                Ok(found.is_some_and(|found| found.record.is_some()))
            })
            .await?;
        if is_bound {
            return Ok(Outcome::Done(json!({ "action": "kept", "reason": "it is bound to another record now" })));
        }
        let (op, done) = if asked.archive { (op::ARCHIVE, "archived") } else { (op::DELETE, "deleted") };
        let request = op::Read { kind: asked.kind, id: asked.id };
        let scope = session.scope(&behalf);
        let done = match session.call(&scope, op, &request, &[]).await {
            Ok(answer) => {
                session::header::<op::Done>(op, &answer)?;
                done
            }
            Err(error) if error.is_gone() => "gone",
            Err(error) => return Err(error),
        };
        if let Some(intent) = asked.intent {
            self.close_orphan(intent, &request.id).await?;
        }
        self.end(job, &scope, json!({ "action": done })).await
    }
}
