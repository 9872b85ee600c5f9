//! The review list: what waits for a person, and what the person decides. Records of theirs that several of ours match;
//! creates of which nobody knows whether they were made; records that bounce between two outside systems.

use super::{
    Error,
    engine::Engine,
    export::{
        bounce,
        due::{self, Wanted},
        orphan,
    },
    task::{self, ImportRecord},
};
use crate::{
    base::{Fault, Timestamp},
    model::job::{Enqueued, NewJob},
    queue,
    record::{self, Catalogue, Change, Kind, binding, binding::Status},
    storage::{
        Durability, Tx, export, intent,
        review::{self, Review},
    },
};

pub use review::{BOUNCE, SEVERAL_MATCHES, UNKNOWN_CREATE};

/// What a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is this record of ours.
    Bind(i64),
    /// It is this one of theirs.
    BindTheirs(String),
    /// It is none of ours: a new one is made.
    Create,
    /// It is sent, again.
    Send,
    /// It is not wanted on the other side.
    Skip,
}

impl Decision {
    fn state(&self) -> i64 {
        match self {
            Self::Bind(_) | Self::BindTheirs(_) => review::BOUND,
            Self::Create => 2,
            Self::Skip => 3,
            Self::Send => review::SENT,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Bind(_) => "bind",
            Self::BindTheirs(_) => "bind_theirs",
            Self::Create => "create",
            Self::Send => "send",
            Self::Skip => "skip",
        }
    }
}

/// The decisions that an item of a cause takes.
pub fn decisions(cause: &str) -> &'static [&'static str] {
    match cause {
        UNKNOWN_CREATE => &["bind_theirs", "send", "skip"],
        BOUNCE => &["send", "skip"],
        _ => &["bind", "create", "skip"],
    }
}

impl Engine {
    /// Items of a backend, or of all: open ones, or settled ones too.
    pub async fn reviews(&self, backend: Option<i64>, all: bool, limit: i64) -> Result<Vec<Review>, Error> {
        Ok(self.store.read(move |tx| review::list(tx, backend, all, 0, limit)).await?)
    }

    /// One item.
    pub async fn review(&self, id: i64) -> Result<Review, Error> {
        let found = self.store.read(move |tx| review::get(tx, id)).await?;
        found.ok_or_else(|| Error::NotFound { what: format!("review item {id}") })
    }

    /// Settles an item; the job that does the rest is enqueued in the same transaction.
    pub async fn resolve_review(&self, id: i64, decision: Decision, change: Change) -> Result<Option<Enqueued>, Error> {
        let catalogue = self.catalogue.get();
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let item = review::get(tx, id)?.ok_or_else(|| Error::NotFound { what: format!("review item {id}") })?;
                let takes = decisions(&item.cause);
                if !takes.contains(&decision.word()) {
                    let takes = takes.join(", ");
                    return Err(Error::Refused(format!("an item of {} is settled by one of {takes}", item.cause)));
                }
                let record = match &decision {
                    Decision::Bind(record) => Some(*record),
                    _ => item.ours,
                };
                if !review::resolve(tx, id, decision.state(), record, change.now.0, &change.origin.actor)? {
                    return Err(Error::Refused(format!("review item {id} is settled already")));
                }
                match item.ours {
                    Some(ours) => settle_ours(tx, &catalogue, &item, ours, &decision, &change),
                    None => settle_theirs(tx, &catalogue, item, &decision, change.now),
                }
            })
            .await
    }
}

/// A record of theirs that several of ours match.
fn settle_theirs(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    item: Review,
    decision: &Decision,
    now: Timestamp,
) -> Result<Option<Enqueued>, Error> {
    let bind_to = match decision {
        Decision::Bind(record) => {
            refuse_bound(tx, catalogue, &item, *record)?;
            Some(*record)
        }
        Decision::Skip => {
            if let Some(binding) = item.binding {
                binding::set_status(tx, binding, Status::Skipped, now).map_err(Fault::from)?;
            }
            return Ok(None);
        }
        _ => None,
    };
    let job = task::import_one(&ImportRecord {
        backend: item.backend,
        kind: item.kind,
        id: item.external_id,
        unmatched: bind_to.is_none(),
        bind_to,
        ..ImportRecord::default()
    });
    Ok(Some(queue::enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))?))
}

fn refuse_bound(tx: &mut dyn Tx, catalogue: &Catalogue, item: &Review, record: i64) -> Result<(), Error> {
    let kind = catalogue.need_kind(&item.kind).map_err(Fault::from)?;
    let found = record::read(tx, catalogue, &kind.model, &[record], &[]).map_err(Fault::from)?;
    if found.is_empty() {
        return Err(Error::NotFound { what: format!("{} {record}", kind.model.name) });
    }
    match binding::find_by_record(tx, item.backend, kind, record).map_err(Fault::from)? {
        None => Ok(()),
        Some(other) => {
            let id = other.external_id.unwrap_or_default();
            Err(Error::Refused(format!("record {record} is bound to {} {id}", item.kind)))
        }
    }
}

/// A record of ours that waits to be sent.
fn settle_ours(
    tx: &mut dyn Tx,
    catalogue: &Catalogue,
    item: &Review,
    record: i64,
    decision: &Decision,
    change: &Change,
) -> Result<Option<Enqueued>, Error> {
    let kind = catalogue.need_kind(&item.kind).map_err(Fault::from)?;
    let now = change.now;
    if kind.model.table.versions(tx, &[record])?.is_empty() {
        return settle_orphan(tx, item, record, decision, now);
    }
    if let Decision::BindTheirs(theirs) = decision {
        binding::bind(tx, item.backend, kind, Some(theirs), Some(record), None, change).map_err(Fault::from)?;
        intent::close(tx, item.backend, &item.kind, record, theirs, now.0)?;
    } else {
        intent::drop_unknown(tx, item.backend, &item.kind, record, now.0)?;
        bounce::go_on_everywhere(tx, kind.model.id, record)?;
    }
    if *decision == Decision::Skip {
        return leave_out(tx, kind, item, record, now).map(|()| None);
    }
    let wanted = Wanted { backend: item.backend, kind: item.kind.clone(), record, ..Wanted::default() };
    // What was created and may be older than what stands here is sent as a change; else all of it is.
    let like = NewJob::new("", serde_json::Value::Null);
    Ok(Some(due::enqueue(tx, wanted, now, &like).map_err(|error| Error::Below(error.into()))?))
}

/// A create of which nobody knows what became, and whose record is gone here.
fn settle_orphan(
    tx: &mut dyn Tx,
    item: &Review,
    record: i64,
    decision: &Decision,
    now: Timestamp,
) -> Result<Option<Enqueued>, Error> {
    let Some(open) = intent::open(tx, item.backend, &item.kind, record)? else { return Ok(None) };
    match decision {
        Decision::BindTheirs(theirs) => {
            // It was made: then it goes the way of every removal.
            intent::put(tx, open.id, intent::State::Known, Some(theirs), None, now.0)?;
            let job = orphan::job(&open);
            Ok(Some(queue::enqueue(tx, now, &job).map_err(|error| Error::Below(error.into()))?))
        }
        Decision::Skip => {
            intent::drop(tx, open.id)?;
            Ok(None)
        }
        _ => Err(Error::Refused(format!("record {record} was removed here: there is nothing to send"))),
    }
}

/// The record stays here alone: what is due of it is dropped, and its binding says that it is not exported.
fn leave_out(tx: &mut dyn Tx, kind: &Kind, item: &Review, record: i64, now: Timestamp) -> Result<(), Error> {
    if let Some(due) = export::due(tx, item.backend, &item.kind, record)? {
        export::settle_due(tx, item.backend, &item.kind, record, due.revision)?;
    }
    if let Some(known) = binding::find_by_record(tx, item.backend, kind, record).map_err(Fault::from)? {
        binding::set_policy(tx, known.id, true, known.max_retries).map_err(Fault::from)?;
        binding::set_status(tx, known.id, Status::Skipped, now).map_err(Fault::from)?;
    }
    Ok(())
}
