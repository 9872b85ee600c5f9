//! Listeners of connectors: what happened to records, read from the outbox by a consumer of its own and told by a job for
//! each event, so that none is lost and a slow or failing listener holds up nobody.
//!
//! The consumer's place moves in the transaction that enqueues the jobs. While no connector listens, nothing is read.

use std::{collections::BTreeMap, time::Duration};

use bindery_contract::{
    manifest::{self, RecordOp},
    op,
};
use serde_json::json;

use super::{
    Error,
    engine::Engine,
    export::{self, decide},
    handler::payload,
    session::{self, Behalf},
    task::{self, Told},
};
use crate::{
    backend::Backends,
    base::Fault,
    model::job::NewJob,
    queue::{self, Outcome, Running},
    record::{
        Catalogue,
        outbox::{self, Event, Op},
    },
    storage::{Durability, Signal, Tx},
};

/// Its name among the outbox's consumers.
pub const CONSUMER: &str = "listener";
/// Changes read at a time.
const BATCH: u64 = 1_000;
/// How long it rests after an error of the store.
const REST: Duration = Duration::from_secs(5);
/// How often its place follows the outbox while nobody listens.
const IDLE: Duration = Duration::from_secs(60);

/// One listener of one backend.
struct Listener {
    backend: i64,
    declared: manifest::Listener,
    among: Vec<serde_json::Value>,
}

/// What a round has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    /// There may be more.
    More,
    /// All that was there.
    All,
    /// Nobody listens.
    Idle,
}

impl Engine {
    /// Tells listeners what happens for as long as the host runs.
    pub async fn tell_listeners(&self) {
        let mut changes = self.store.listen(Signal::Outbox);
        let mut backends = self.backends.changes();
        loop {
            changes.mark_unchanged();
            backends.mark_unchanged();
            let ended = match self.read_for_listeners().await {
                Ok(Read::More) => continue,
                Ok(Read::All) => tokio::select! {
                    changed = changes.changed() => changed.is_err(),
                    changed = backends.changed() => changed.is_err(),
                },
                Ok(Read::Idle) => tokio::select! {
                    () = tokio::time::sleep(IDLE) => false,
                    changed = backends.changed() => changed.is_err(),
                },
                Err(error) => {
                    tracing::error!(%error, "changes could not be read for listeners; they are read again");
                    tokio::time::sleep(REST).await;
                    false
                }
            };
            if ended {
                return;
            }
        }
    }

    /// Reads the next changes and enqueues what listeners are told of them.
    async fn read_for_listeners(&self) -> Result<Read, Error> {
        let catalogue = self.catalogue.get();
        let listeners = all(&self.backends);
        let is_idle = listeners.is_empty();
        let (from, to, more, jobs) = self
            .store
            .read(move |tx| -> Result<_, Error> {
                let newest = outbox::last(tx).map_err(Fault::from)?;
                // What happened before there was such a consumer is not told.
                let from = outbox::position(tx, CONSUMER).map_err(Fault::from)?;
                let Some(at) = from.filter(|at| !is_idle && newest > *at) else {
                    return Ok((from, newest, false, Vec::new()));
                };
                let events = outbox::after(tx, &catalogue, at, BATCH).map_err(Fault::from)?;
                let more = events.len() as u64 == BATCH;
                let to = if more { events.last().map_or(newest, |event| event.id) } else { newest };
                Ok((from, to, more, jobs(tx, &catalogue, &listeners, &events)?))
            })
            .await?;
        if from.is_none_or(|from| to > from) {
            self.keep_for_listeners(to, jobs).await?;
        }
        Ok(if more {
            Read::More
        } else if is_idle {
            Read::Idle
        } else {
            Read::All
        })
    }

    async fn keep_for_listeners(&self, to: i64, jobs: Vec<NewJob>) -> Result<(), Error> {
        let now = self.clock.now();
        // That nobody was to be told is no promise to anybody.
        let durability = if jobs.is_empty() { Durability::Relaxed } else { Durability::Durable };
        self.store
            .write_weighted(durability, 1 + jobs.len(), move |tx| -> Result<(), Error> {
                for job in &jobs {
                    queue::enqueue(tx, now, job).map_err(|error| Error::Below(error.into()))?;
                }
                outbox::advance(tx, CONSUMER, to, now).map_err(Fault::from)?;
                Ok(())
            })
            .await
    }

    /// Brings consumers up to date that were cut off from the outbox: what differs is exported; listeners can't be told any
    /// more of what they missed.
    pub async fn resync_consumers(&self) -> Result<(), Error> {
        let behind = self.store.read(|tx| outbox::consumers(tx)).await.map_err(Fault::from)?;
        for consumer in behind.into_iter().filter(|consumer| consumer.missed.is_some()) {
            let missed = consumer.missed.unwrap_or_default();
            let jobs = match consumer.name.as_str() {
                export::reader::CONSUMER => self.exports_of_everything(),
                CONSUMER => {
                    tracing::warn!(missed, "listeners were not told of changes, since they were too far behind");
                    Vec::new()
                }
                // Whoever reads from outside is told when it asks the next time.
                _ => continue,
            };
            let (now, name) = (self.clock.now(), consumer.name);
            self.store
                .write(Durability::Durable, move |tx| -> Result<(), Error> {
                    for job in &jobs {
                        queue::enqueue(tx, now, job).map_err(|error| Error::Below(error.into()))?;
                    }
                    outbox::resynced(tx, &name).map_err(Fault::from)?;
                    Ok(())
                })
                .await?;
        }
        Ok(())
    }

    /// Tells one listener of one event.
    pub(super) async fn run_listen(&self, job: &Running) -> Result<Outcome, Error> {
        let told: Told = payload(job)?;
        let session = self.session(told.backend).await?;
        if !session.manifest.listeners.iter().any(|known| known.name == told.event.listener) {
            let why = format!("the connector has no listener {} any more", told.event.listener);
            return Ok(Outcome::Done(json!({ "skipped": why })));
        }
        let scope = session.scope(&Behalf::from(job));
        let answer = session.call(&scope, op::LISTEN, &told.event, &[]).await?;
        session::header::<op::Done>(op::LISTEN, &answer)?;
        self.end(job, &scope, json!({})).await
    }
}

/// Every listener of every backend, disabled ones too: their jobs wait until they may run.
fn all(backends: &Backends) -> Vec<Listener> {
    let mut all = Vec::new();
    for backend in backends.list() {
        let Some(generation) = backends.generation(&backend) else { continue };
        let manifest = &generation.manifest;
        for declared in &manifest.listeners {
            let component = manifest.components.iter().find(|known| known.name == declared.name);
            let types = component.map(|component| component.backend_types.as_slice()).unwrap_or_default();
            if !types.is_empty() && !types.contains(&backend.backend_type) {
                continue;
            }
            let among = serde_json::from_str(&declared.among).unwrap_or_default();
            all.push(Listener { backend: backend.id, declared: declared.clone(), among });
        }
    }
    all
}

/// What listeners are told of some changes, in their order.
fn jobs(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    listeners: &[Listener],
    events: &[Event],
) -> Result<Vec<NewJob>, Error> {
    let mut told: BTreeMap<(i64, usize), NewJob> = BTreeMap::new();
    for (at, listener) in listeners.iter().enumerate() {
        let mut heard: Vec<&Event> = events.iter().filter(|event| listener.hears(event)).collect();
        if !listener.among.is_empty() && heard.iter().any(|event| event.op != Op::Unlink) {
            let Ok(model) = catalogue.need_model(&listener.declared.model) else { continue };
            let mut ids: Vec<i64> =
                heard.iter().filter(|event| event.op != Op::Unlink).map(|event| event.record).collect();
            ids.sort_unstable();
            ids.dedup();
            let found = decide::among(tx, catalogue, model, &listener.among, ids).map_err(Fault::from)?;
            heard.retain(|event| event.op == Op::Unlink || found.contains(&event.record));
        }
        told.extend(heard.into_iter().map(|event| ((event.id, at), task::listen(&listener.told(event)))));
    }
    Ok(told.into_values().collect())
}

impl Listener {
    fn hears(&self, event: &Event) -> bool {
        let declared = &self.declared;
        let reads = |field: &String| declared.changed_by.contains(field);
        declared.model == event.model
            && declared.ops.contains(&of(event.op))
            && (declared.own_changes || !event.passed(self.backend))
            && (event.op != Op::Write || declared.changed_by.is_empty() || event.changed.iter().any(reads))
    }

    fn told(&self, event: &Event) -> Told {
        Told {
            backend: self.backend,
            event: op::Listen {
                listener: self.declared.name.clone(),
                op: of(event.op),
                model: event.model.clone(),
                record: event.record,
                changed: event.changed.clone(),
                at: event.at.to_rfc3339(),
                event: event.id,
            },
        }
    }
}

const fn of(op: Op) -> RecordOp {
    match op {
        Op::Create => RecordOp::Create,
        Op::Write => RecordOp::Write,
        Op::Unlink => RecordOp::Unlink,
    }
}
