//! Jobs that a connector asks for. What a task is as a job is told by the room that runs it, through [`Jobs`].

use bindery_contract::{Error, Frame, service};

use super::{ask::Ask, refusal::Told};
use crate::{
    model::job::{NewJob, Scope},
    plugin::write::What,
    queue::channel,
    storage::job,
};

/// Turns a connector's task into a job of its backend; an error for one that there is no job for.
pub type Jobs = fn(backend: i64, task: &service::Task) -> Result<NewJob, Error>;

impl Ask<'_> {
    pub(super) async fn enqueue(&self, frame: &Frame<'_>) -> Result<Vec<u8>, Told> {
        let asked: service::Enqueue = frame.header()?;
        let job = self.job(asked)?;
        let told = |id, deduplicated| Ok(Frame::encode(&service::Enqueued { id, deduplicated }, &[])?);
        if let Some((identity, scope)) = job.identity.clone() {
            let twin = self.scope.last(|write| match &write.what {
                What::Enqueue { job } if job.identity.as_ref().is_some_and(|(known, _)| *known == identity) => {
                    Some(write.temporary)
                }
                _ => None,
            });
            if let Some(id) = twin {
                return told(id, true);
            }
            let there = self.services.store.read(move |tx| -> Result<_, Told> { Ok(job::twin(tx, &identity, scope)?) });
            if let Some(id) = there.await? {
                return told(id, true);
            }
        }
        told(self.push(What::Enqueue { job: Box::new(job) })?, false)
    }

    fn job(&self, asked: service::Enqueue) -> Result<NewJob, Told> {
        let backend = self.backend();
        match &asked.task {
            service::Task::Import { kind, .. } | service::Task::Export { kind, .. } => self.own_kind(kind)?,
            _ => {}
        }
        let mut job = (self.services.jobs)(backend, &asked.task)?;
        job.backend = Some(backend);
        job.spawned_by = self.scope.context().job.as_ref().map(|fence| fence.job);
        job.priority = asked.priority.map_or(job.priority, i64::from);
        job.max_retries = asked.max_retries.map_or(job.max_retries, i64::from);
        if let Some(seconds) = asked.eta_seconds.filter(|seconds| *seconds > 0) {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            job.eta = Some(self.services.clock.now().plus_seconds(seconds));
        }
        if let Some(text) = asked.description.filter(|text| !text.is_empty()) {
            job.description = text;
        }
        if let Some(name) = asked.channel {
            // Below the backend's own, so that no connector fills the channel of another.
            job.channel = Some(format!("{}.{name}", channel::of_backend(backend)));
        }
        if let Some(key) = asked.identity.filter(|key| !key.is_empty()) {
            let scope = if asked.until_done { Scope::UntilDone } else { Scope::UntilStart };
            job.identity = Some((format!("connector:{backend}:{key}"), scope));
        }
        Ok(job)
    }
}
