//! What the binding of a record says while it is exported, and after that has failed.

use super::{
    ours::Ours,
    run::{self, Became},
};
use crate::{
    base::Fault,
    record::{binding, binding::Status},
    storage::Durability,
    sync::{
        Error,
        engine::Engine,
        handler::goes_on,
        problem::{Problem, retry_at},
        session::Behalf,
        target::Target,
        under_way::{self, Sending},
    },
};

impl Engine {
    /// The binding is held by this job.
    pub(super) async fn begin_export(&self, ours: &Ours) -> Result<(), Error> {
        self.begin_exports(std::slice::from_ref(ours)).await
    }

    /// The bindings are held by this job.
    pub(super) async fn begin_exports(&self, all: &[Ours]) -> Result<(), Error> {
        let bindings: Vec<i64> = all.iter().filter_map(|ours| Some(ours.binding.as_ref()?.id)).collect();
        if bindings.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.store
            .write_weighted(Durability::Relaxed, bindings.len(), move |tx| {
                for binding in &bindings {
                    match binding::set_status(tx, *binding, Status::InProgress, now) {
                        Ok(()) | Err(crate::record::Error::NoBinding(_)) => {}
                        Err(error) => return Err(Error::Below(error.into())),
                    }
                }
                Ok(())
            })
            .await
    }

    /// Notes what is sent now, before it is.
    pub(super) async fn note_under_way<'o>(
        &self,
        target: &Target,
        all: impl Iterator<Item = &'o Ours>,
    ) -> Result<(), Error> {
        let note = |ours: &Ours| Some((ours.binding.as_ref()?.id, ours.sending(target)?));
        let notes: Vec<(i64, Sending)> = all.filter_map(note).collect();
        if notes.is_empty() {
            return Ok(());
        }
        self.store
            .write_weighted(Durability::Durable, notes.len(), move |tx| under_way::note(tx, notes.clone()))
            .await?;
        Ok(())
    }

    /// Forgets an id that is gone there, so that the record is created anew.
    pub(super) async fn forget_theirs(&self, ours: &Ours) -> Result<(), Error> {
        let Some(binding) = ours.binding.as_ref().map(|binding| binding.id) else { return Ok(()) };
        self.store
            .write(Durability::Durable, move |tx| Ok(binding::forget_external(tx, binding).map_err(Fault::from)?))
            .await
    }

    /// A record can't be exported: its binding says so, and what is due stays due.
    pub(super) async fn not_exported(
        &self,
        target: &Target,
        behalf: &Behalf,
        record: i64,
        problem: &Problem,
    ) -> Result<(), Error> {
        let next = if problem.retry { Next::Sweep } else { Next::Nobody };
        self.note_failure(target, behalf, record, (&problem.message, next, Became::of(&problem.code))).await
    }

    /// The export of a record met an error that concerns more than that record.
    pub(super) async fn export_failed(
        &self,
        target: &Target,
        behalf: &Behalf,
        record: i64,
        error: &Error,
    ) -> Result<(), Error> {
        let again = matches!(error, Error::Cancelled) || (goes_on(error) && !behalf.is_last_attempt);
        let next = if again { Next::Job } else { Next::Sweep };
        self.note_failure(target, behalf, record, (&error.to_string(), next, Became::Failed)).await
    }

    async fn note_failure(
        &self,
        target: &Target,
        behalf: &Behalf,
        record: i64,
        (message, next, became): (&str, Next, Became),
    ) -> Result<(), Error> {
        let (target, message, at) =
            (target.clone(), message.to_owned(), self.circumstances(&target.session, &Behalf::default()));
        // What the job tries again has not come to its end.
        let counting = behalf.counting.clone().filter(|_| next != Next::Job);
        self.store
            .write(Durability::Relaxed, move |tx| -> Result<_, Error> {
                if let Some(counting) = &counting {
                    run::count(tx, counting, target.name(), &[(record, became)])?;
                }
                let (backend, kind, now) = (target.session.backend, &target.kind, at.now);
                let found = match binding::find_by_record(tx, backend, kind, record).map_err(Fault::from)? {
                    Some(found) => found,
                    // A record that is gone has nothing to say so on.
                    None => match binding::bind(tx, backend, kind, None, Some(record), None, &at.change) {
                        Err(crate::record::Error::Missing { .. }) => return Ok(()),
                        made => made.map_err(Fault::from)?,
                    },
                };
                match next {
                    Next::Job => binding::set_status(tx, found.id, Status::Pending, now),
                    Next::Sweep => {
                        let at = retry_at(now, found.retry_count);
                        binding::mark_sync_failed(tx, found.id, &message, Some(at), now)
                    }
                    Next::Nobody => binding::mark_sync_failed(tx, found.id, &message, None, now),
                }
                .map_err(Fault::from)?;
                Ok(())
            })
            .await
    }
}

/// Who tries a failed export again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The job itself.
    Job,
    /// The sweep.
    Sweep,
    /// A person.
    Nobody,
}
