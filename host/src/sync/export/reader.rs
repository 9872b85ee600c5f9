//! The outbox's reader: follows what happens to records and makes of it what is due, once, whatever stops it.
//!
//! Its place moves in the transaction that keeps what it has read.

use std::{collections::BTreeMap, time::Duration};

use super::{bounce, decide, due, exporter, orphan};
use crate::{
    backend::LocalDeletion,
    base::Fault,
    model::job::NewJob,
    record::{self, binding, binding::Status, outbox},
    storage::{Durability, Signal, Tx, export},
    sync::{
        Error,
        engine::Engine,
        task::{self, ExportDeletion, ExportDue},
    },
};

/// Its name among the outbox's consumers.
pub const CONSUMER: &str = "export";
/// Changes read at a time.
const BATCH: u64 = 1_000;
/// How long it rests after an error of the store.
const REST: Duration = Duration::from_secs(5);

/// How long changes are gathered while none concerns a backend.
const TOGETHER: Duration = Duration::from_millis(100);

/// What a round has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// There may be more.
    More,
    /// All that was there, and some of it is due now.
    Some,
    /// All that was there, and none of it concerned a backend.
    Nothing,
}

impl Engine {
    /// Follows the outbox for as long as the host runs.
    pub async fn follow_outbox(&self) {
        let (mut changes, mut backends) = (self.store.listen(Signal::Outbox), self.backends.changes());
        loop {
            changes.mark_unchanged();
            backends.mark_unchanged();
            match self.fold_changes().await {
                Ok(Read::More) => {}
                Ok(read) => {
                    let told = tokio::select! {
                        told = changes.changed() => told,
                        told = backends.changed() => told,
                    };
                    if told.is_err() {
                        return;
                    }
                    // While an import runs, page after page concerns nobody: these are read together.
                    if read == Read::Nothing {
                        tokio::time::sleep(TOGETHER).await;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "changes could not be read for export; they are read again");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Reads all changes that are there.
    pub(super) async fn read_changes(&self) -> Result<(), Error> {
        while self.fold_changes().await? == Read::More {}
        Ok(())
    }

    /// Reads the next changes and keeps what is due of them.
    async fn fold_changes(&self) -> Result<Read, Error> {
        let mut seen = self.reading.lock().await;
        let catalogue = self.catalogue.get();
        let (exporters, active) = exporter::all(&self.backends, &catalogue);
        self.catch_up(&mut seen, active, &catalogue, &exporters).await?;
        let first = exporters.first().map(|exporter| exporter.backend);
        let only = first.filter(|first| exporters.iter().all(|exporter| exporter.backend == *first));
        let is_idle = exporters.is_empty();
        let (known, read) = (catalogue.clone(), exporters);
        let (from, to, more, decided, exporters) = self
            .store
            .read(move |tx| -> Result<_, Error> {
                let from = outbox::position(tx, CONSUMER).map_err(Fault::from)?.unwrap_or_default();
                let newest = outbox::last(tx).map_err(Fault::from)?;
                // What one backend alone exports, it need not be told of itself.
                let events = match only {
                    _ if is_idle || newest <= from => Vec::new(),
                    Some(backend) => outbox::after_of_others(tx, &known, from, backend, BATCH).map_err(Fault::from)?,
                    None => outbox::after(tx, &known, from, BATCH).map_err(Fault::from)?,
                };
                let more = events.len() as u64 == BATCH;
                let to = if more { events.last().map_or(newest, |event| event.id) } else { newest.max(from) };
                let decided = decide::decide(tx, &known, &read, &events).map_err(Fault::from)?;
                Ok((from, to, more, decided, read))
            })
            .await?;
        let is_idle = decided.wanted.is_empty() && decided.tombstones.is_empty();
        if to > from {
            self.keep(to, decided, &exporters).await?;
        }
        Ok(match (more, is_idle) {
            (true, _) => Read::More,
            (false, true) => Read::Nothing,
            (false, false) => Read::Some,
        })
    }

    async fn keep(&self, to: i64, mut decided: decide::Decided, exporters: &[exporter::Exporter]) -> Result<(), Error> {
        let now = self.clock.now();
        let tombstones = std::mem::take(&mut decided.tombstones);
        let removed = decided.removed.iter().filter_map(|gone| self.deletion(&exporters[gone.exporter], gone));
        let deletions: Vec<NewJob> = removed.chain(decided.orphans.iter().map(orphan::job)).collect();
        let backends: Vec<i64> = exporters.iter().map(|exporter| exporter.backend).collect();
        let durability = match decided.wanted.is_empty() && tombstones.is_empty() {
            // That nothing was to be done is no promise to anybody.
            true => Durability::Relaxed,
            false => Durability::Durable,
        };
        self.keep_wanted(decided, exporters, durability, move |tx| {
            for (model, record) in &tombstones {
                export::forget_removed(tx, *model, *record)?;
            }
            for job in &deletions {
                crate::queue::enqueue(tx, now, job).map_err(|error| Error::Below(error.into()))?;
            }
            export::forget_bound_of_others(tx, &backends)?;
            outbox::advance(tx, CONSUMER, to, now).map_err(Fault::from)?;
            Ok(())
        })
        .await
    }

    /// Keeps what is wanted, with the jobs that send it, and what else goes with it in the same transaction.
    pub(super) async fn keep_wanted(
        &self,
        decided: decide::Decided,
        exporters: &[exporter::Exporter],
        durability: Durability,
        rest: impl Fn(&mut dyn Tx) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let together = together(&decided, exporters);
        let rows = 1 + decided.wanted.len() * 3;
        self.store
            .write_weighted(durability, rows, move |tx| -> Result<(), Error> {
                let below = |error: crate::queue::Error| Error::Below(error.into());
                for wanted in &decided.wanted {
                    if together.contains(&(wanted.backend, wanted.kind.clone())) {
                        due::fold(tx, wanted.clone(), now)?;
                    } else {
                        due::enqueue(tx, wanted.clone(), now, &NewJob::new("", serde_json::Value::Null))
                            .map_err(below)?;
                    }
                }
                for (backend, kind) in &together {
                    let due = task::export_due(&ExportDue { backend: *backend, kind: kind.clone() });
                    crate::queue::enqueue(tx, now, &due).map_err(below)?;
                }
                for (bindings, status) in [(&decided.pending, Status::Pending), (&decided.skipped, Status::Skipped)] {
                    for id in bindings {
                        match binding::set_status(tx, *id, status, now) {
                            // It was taken away meanwhile.
                            Ok(()) | Err(record::Error::NoBinding(_)) => {}
                            Err(error) => return Err(Error::Below(error.into())),
                        }
                    }
                }
                bounce::go_on(tx, &decided.edited, now)?;
                rest(tx)
            })
            .await
    }

    /// Kinds of a backend that are exported by themselves, many records in one request.
    pub(in crate::sync) fn batch_kinds(&self, backend: i64) -> Vec<String> {
        let (exporters, _) = exporter::all(&self.backends, &self.catalogue.get());
        let of = exporters.into_iter().filter(|exporter| exporter.backend == backend && exporter.batch > 1);
        of.map(|exporter| exporter.kind.name.clone()).collect()
    }

    /// Jobs that export what differs, of every kind of every backend that is exported by itself.
    pub(in crate::sync) fn exports_of_everything(&self) -> Vec<NewJob> {
        let (exporters, _) = exporter::all(&self.backends, &self.catalogue.get());
        let jobs = exporters.iter().map(|exporter| {
            let (backend, kind) = (exporter.backend, exporter.kind.name.clone());
            task::export_kind(&task::ExportKind { backend, kind, ..task::ExportKind::default() })
        });
        jobs.collect()
    }

    /// The job that does there what the operator wants of a removal here.
    fn deletion(&self, exporter: &exporter::Exporter, gone: &decide::Removed) -> Option<NewJob> {
        let archive = match exporter.deletion {
            LocalDeletion::Ignore => return None,
            LocalDeletion::Archive => true,
            LocalDeletion::Delete => false,
        };
        Some(task::export_deletion(&ExportDeletion {
            backend: exporter.backend,
            kind: exporter.kind.name.clone(),
            id: gone.external_id.clone(),
            archive,
            intent: None,
        }))
    }
}

/// Kinds of backends of which several records are wanted, and can be sent together: one job takes them all.
fn together(decided: &decide::Decided, exporters: &[exporter::Exporter]) -> Vec<(i64, String)> {
    let mut counts: BTreeMap<(i64, &str), usize> = BTreeMap::new();
    for wanted in &decided.wanted {
        *counts.entry((wanted.backend, &wanted.kind)).or_default() += 1;
    }
    let takes_many = |backend: i64, kind: &str| {
        exporters.iter().any(|known| known.backend == backend && known.kind.name == kind && known.batch > 1)
    };
    let several = counts.into_iter().filter(|((backend, kind), count)| *count > 1 && takes_many(*backend, kind));
    several.map(|((backend, kind), _)| (backend, kind.to_owned())).collect()
}
