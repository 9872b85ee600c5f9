//! Trying again: failed bindings whose time has come get a job each while attempts are left; then they wait visibly.
//!
//! Nothing of it is kept but what stands on the bindings: a sweep that is missed costs time and no record. A payload that
//! was refused gets its attempts anew as soon as something else maps it (another build of the connector or of an
//! extension, other settings, another schema): the refusal was most likely the mapper's.

use super::{
    Error,
    engine::Engine,
    task::{self, ExportDue, ExportRecord, ImportRecord},
};
use crate::{
    base::{Fault, Timestamp},
    model::job::NewJob,
    queue::{self, Verdict},
    record::{Binding, Catalogue, binding, binding::Status},
    storage::{Durability, Tx, bounce, export, intent, quarantine, run},
};

/// Bindings of one backend that one sweep tries.
const BATCH: u64 = 500;
/// How long ended runs are kept.
const KEPT_DAYS: i64 = 90;

impl Engine {
    /// Enqueues an import, or an export, for each failed binding that is to be tried again now; answers how many.
    pub async fn sweep(&self) -> Result<u64, Error> {
        let mut tried = 0;
        for backend in self.backends.list() {
            if self.backends.may_run(backend.id) != Verdict::Run {
                continue;
            }
            match self.sweep_backend(backend.id).await {
                Ok(count) => tried += count,
                // The other backends go on; this one has its trouble on the status page.
                Err(error) => tracing::warn!(backend = backend.name, %error, "failed records could not be looked at"),
            }
        }
        let yesterday = self.clock.now().plus_seconds(-86_400).0;
        let before = self.clock.now().plus_seconds(-KEPT_DAYS * 86_400).0;
        self.store
            .write(Durability::Relaxed, move |tx| {
                intent::prune(tx, before, 500)?;
                bounce::prune(tx, yesterday, 500)?;
                run::prune(tx, before, 500)
            })
            .await?;
        Ok(tried)
    }

    async fn sweep_backend(&self, backend: i64) -> Result<u64, Error> {
        let mappers = self.mappers(backend).await?;
        let (catalogue, now) = (self.catalogue.get(), self.clock.now());
        let is_idle = {
            let (catalogue, mappers) = (catalogue.clone(), mappers.clone());
            self.store.read(move |tx| Ok::<_, Error>(due(tx, &catalogue, backend, &mappers, now)?.is_empty())).await?
        };
        if is_idle {
            return Ok(0);
        }
        let batches = self.batch_kinds(backend);
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let due = due(tx, &catalogue, backend, &mappers, now)?;
                let together: Vec<&String> = batches.iter().filter(|kind| several(&due, kind)).collect();
                for one in &due {
                    if one.export.as_ref().is_some_and(|kind| together.contains(&kind)) {
                        // What waits for its turn is taken along by the job that sends all of the kind.
                        binding::set_status(tx, one.binding, Status::Pending, now).map_err(Fault::from)?;
                        continue;
                    }
                    if let Some(fingerprint) = one.mapped_otherwise {
                        quarantine::mapped_by(tx, one.binding, fingerprint)?;
                        binding::renew(tx, one.binding, now).map_err(Fault::from)?;
                    }
                    queue::enqueue(tx, now, &one.job).map_err(|error| Error::Below(error.into()))?;
                }
                for kind in together {
                    let gathered = task::export_due(&ExportDue { backend, kind: kind.clone() });
                    let gathered = NewJob { max_retries: 1, ..gathered };
                    queue::enqueue(tx, now, &gathered).map_err(|error| Error::Below(error.into()))?;
                }
                Ok(due.len() as u64)
            })
            .await
    }

    /// What maps each kind of which payloads are kept, as it stands now.
    async fn mappers(&self, backend: i64) -> Result<Vec<(String, i64)>, Error> {
        let kinds = self.store.read(move |tx| quarantine::kinds(tx, backend)).await?;
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let session = self.session(backend).await?;
        // A kind that is not declared any more is mapped by nobody.
        let of = |kind: String| self.target(&session, &kind).ok().map(|target| (kind, target.fingerprint));
        Ok(kinds.into_iter().filter_map(of).collect())
    }
}

/// Whether several exports of a kind are to be tried again.
fn several(due: &[Due], kind: &str) -> bool {
    due.iter().filter(|one| one.export.as_deref() == Some(kind)).count() > 1
}

/// A binding to be tried again.
struct Due {
    binding: i64,
    job: NewJob,
    /// Its kind, where a change of ours waits to be sent.
    export: Option<String>,
    /// The digest of what maps it now, where that is another than the one that failed.
    mapped_otherwise: Option<i64>,
}

fn due(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    backend: i64,
    mappers: &[(String, i64)],
    now: Timestamp,
) -> Result<Vec<Due>, Error> {
    let mut all = Vec::new();
    for (kind, fingerprint) in mappers {
        for (binding, id) in quarantine::mapped_otherwise(tx, backend, kind, *fingerprint, BATCH)? {
            all.push(Due {
                binding,
                job: again(backend, kind, id),
                export: None,
                mapped_otherwise: Some(*fingerprint),
            });
        }
    }
    let filter = binding::Filter {
        backend: Some(backend),
        status: Some(Status::Failed),
        due: Some(now),
        limit: BATCH,
        ..binding::Filter::default()
    };
    for found in binding::list(tx, &filter).map_err(Fault::from)? {
        let kind = catalogue.kinds().find(|kind| kind.id == found.kind);
        let Some(kind) = kind.filter(|_| !all.iter().any(|one| one.binding == found.id)) else { continue };
        if let Some(job) = again_either(tx, &kind.name, &found)? {
            let export = (job.kind == task::EXPORT_RECORD).then(|| kind.name.clone());
            all.push(Due { binding: found.id, job, export, mapped_otherwise: None });
        }
    }
    Ok(all)
}

/// Where a change of ours waits to be sent, that is tried again; else the import.
fn again_either(tx: &mut dyn Tx, kind: &str, found: &Binding) -> Result<Option<NewJob>, Error> {
    if let Some(record) = found.record
        && export::due(tx, found.backend, kind, record)?.is_some()
    {
        let asked = ExportRecord { backend: found.backend, kind: kind.to_owned(), record, asked: false };
        return Ok(Some(NewJob { max_retries: 1, ..task::export_record(&asked) }));
    }
    Ok(found.external_id.clone().map(|id| again(found.backend, kind, id)))
}

fn again(backend: i64, kind: &str, id: String) -> NewJob {
    let mut job = task::import_one(&ImportRecord { backend, kind: kind.to_owned(), id, ..ImportRecord::default() });
    // Attempts are counted on the binding, and only there.
    job.max_retries = 1;
    job
}
