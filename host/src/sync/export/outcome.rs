//! What is written once a send has come to its end: part of `apply`, the one write path.
//!
//! The answer is an import of the record it tells of: what the outside system has made of our values is taken over where
//! ours has not changed meanwhile, on behalf of that system, so that it travels on to the others and never back.

use super::{answer::Theirs, due, due::Wanted, lines, ours::Ours, run::Became};
use crate::{
    backend::LocalDeletion,
    model::Origin,
    record::{
        self, Change, Error as RecordError, Input, Row, Values,
        binding::{self, Status, Synced},
    },
    storage::{Tx, agreed, conflict as open, export, intent, quarantine, review},
    sync::{
        apply::{self, Abort, Circumstances},
        conflict,
        digest::Hash,
        plan::{Plan, Write},
        problem::Problem,
        review::BOUNCE,
        task::{self, ExportDeletion},
        under_way::{self, UnderWay},
    },
};
use bindery_contract::op::Written;

/// How the export of one record ended.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Ours.
    pub record: i64,
    /// The newest change that was sent; absent: what is due stays due.
    revision: Option<i64>,
    /// Backends that the changes have passed through.
    chain: Vec<i64>,
    /// It was once stopped, since it bounced.
    bounced: bool,
    /// An earlier attempt has made it there.
    made: bool,
    /// Ours as it was when its body was made.
    base: Option<Row>,
    /// What became of it.
    fate: Fate,
}

/// What became of a record.
#[derive(Debug, Clone)]
pub enum Fate {
    /// It is there as it was sent.
    Arrived(Box<Arrived>),
    /// The connector has done it all.
    Whole {
        /// It was made there.
        created: bool,
    },
    /// There was nothing to send.
    Unchanged,
    /// It is left out.
    Skipped,
    /// Theirs is gone, and ours is unbound.
    Unbound,
    /// Ours is gone.
    Removed,
}

/// A record that is there.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Theirs.
    pub external_id: String,
    /// It was made.
    pub created: bool,
    /// Digest of what was sent.
    pub hash: Hash,
    /// The record as it stands there; absent where that is not known.
    pub theirs: Option<Theirs>,
}

impl Sent {
    /// The end of an export of all that was due.
    pub fn new(ours: &Ours, fate: Fate) -> Self {
        Self {
            record: ours.due.record,
            revision: Some(ours.due.revision),
            chain: due::chain(&ours.due),
            bounced: ours.trail.is_some(),
            made: ours.made,
            base: ours.row.clone(),
            fate,
        }
    }

    /// The same of something that may be older than what is due.
    pub fn unsettled(ours: &Ours, fate: Fate) -> Self {
        Self { revision: None, base: None, ..Self::new(ours, fate) }
    }

    /// As what the record is counted; nothing while its export goes on.
    pub fn became(&self) -> Option<Became> {
        self.revision?;
        Some(match &self.fate {
            Fate::Arrived(arrived) if arrived.created => Became::Created,
            Fate::Whole { created: true } => Became::Created,
            Fate::Arrived(_) | Fate::Whole { .. } | Fate::Unchanged if self.made => Became::Created,
            Fate::Arrived(_) | Fate::Whole { .. } => Became::Updated,
            Fate::Unchanged => Became::Unchanged,
            Fate::Skipped | Fate::Unbound | Fate::Removed => Became::Skipped,
        })
    }
}

impl Ours {
    /// What would be due of another record for the same reason.
    pub fn wanted(&self) -> Wanted {
        Wanted { backend: self.due.backend, chain: due::chain(&self.due), ..Wanted::default() }
    }
}

/// Writes how an export ended; answers why it can't be, where the record or theirs turned out to be another's.
pub fn write(tx: &mut dyn Tx, plan: &Plan, sent: &Sent, at: &Circumstances) -> Result<Option<Problem>, Abort> {
    let (backend, kind) = (plan.target.session.backend, &plan.target.kind);
    let mut problem = None;
    match &sent.fate {
        Fate::Arrived(arrived) => problem = arrive(tx, plan, sent, arrived, at)?,
        Fate::Removed => {}
        fate => {
            if let Some(known) = binding::find_by_record(tx, backend, kind, sent.record)? {
                match fate {
                    Fate::Skipped => {
                        under_way::forget(tx, known.id)?;
                        binding::set_status(tx, known.id, Status::Skipped, at.now)?;
                    }
                    Fate::Unbound => binding::unbind(tx, known.id)?,
                    _ => in_step(tx, sent, &known, at)?,
                }
            }
        }
    }
    if let Some(revision) = sent.revision.filter(|_| problem.is_none()) {
        export::settle_due(tx, backend, &kind.name, sent.record, revision)?;
    }
    Ok(problem)
}

/// Nothing had to be sent: what stands here is what was sent last.
fn in_step(tx: &mut dyn Tx, sent: &Sent, known: &record::Binding, at: &Circumstances) -> Result<(), Abort> {
    if let Some(base) = &sent.base {
        binding::set_record_version(tx, known.id, base.version)?;
    }
    under_way::forget(tx, known.id)?;
    binding::mark_sync_success(tx, known.id, at.now)?;
    Ok(())
}

fn arrive(
    tx: &mut dyn Tx,
    plan: &Plan,
    sent: &Sent,
    arrived: &Arrived,
    at: &Circumstances,
) -> Result<Option<Problem>, Abort> {
    let target = &plan.target;
    let (backend, kind) = (target.session.backend, &target.kind);
    let change = change(sent, backend, at);
    let Bound { id, version: now } = match bound(tx, plan, sent, arrived, &change)? {
        Ok(Some(bound)) => bound,
        // Ours was removed while it was made there: that goes the way of every removal.
        Ok(None) => return abandon(tx, plan, sent, arrived, at).map(|()| None),
        Err(problem) => return Ok(Some(problem)),
    };
    let written = match (&sent.base, arrived.theirs.as_ref().and_then(|theirs| theirs.write.as_ref())) {
        // What is there is there, whether or not its answer can be taken over.
        (Some(base), Some(write)) => match take_over(tx, plan, sent, (base, now), (id, write), &change) {
            Ok(written) => written,
            Err(RecordError::Storage(error)) if !is_of_record(&error) => return Err(Abort::from(error)),
            Err(_) => None,
        },
        _ => None,
    };
    let version = written.or(sent.base.as_ref().map(|base| base.version)).unwrap_or_default();
    let theirs = arrived.theirs.as_ref();
    let synced = Synced {
        payload_hash: theirs.filter(|_| written.is_some()).map(|theirs| theirs.hash),
        map_fingerprint: Some(target.fingerprint),
        changed_by: theirs.and_then(|theirs| theirs.write.as_ref()).and_then(|write| write.digests.as_deref()),
        record_version: version,
        external_updated_at: theirs.and_then(|theirs| theirs.updated.as_deref()),
        extra: theirs.and_then(|theirs| theirs.write.as_ref()).and_then(|write| write.extra.as_ref()),
        export_hash: Some(arrived.hash),
    };
    binding::update_synced(tx, id, kind, sent.record, &synced, &change)?;
    agree(tx, plan, id, theirs.and_then(|theirs| theirs.write.as_deref()))?;
    open::close(tx, id, at.now.0)?;
    if sent.bounced {
        review::close_bound(tx, &[id], BOUNCE, at.now.0)?;
    }
    quarantine::release(tx, &[id])?;
    if arrived.created {
        intent::close(tx, backend, target.name(), sent.record, &arrived.external_id, at.now.0)?;
    }
    if target.declared.export_hooks.iter().any(|hook| hook == "after") {
        let written = Written { id: arrived.external_id.clone(), record: sent.record, created: arrived.created };
        apply::enqueue(tx, at, task::after_export(&target.session, target.name(), vec![written]))?;
    }
    Ok(None)
}

/// Keeps what both have now: what came back, or without that what was sent.
fn agree(tx: &mut dyn Tx, plan: &Plan, id: i64, write: Option<&Write>) -> Result<(), Abort> {
    if let Some(write) = write.filter(|_| conflict::keeps_agreed(&plan.target)) {
        conflict::put(tx, id, &conflict::agreed(&plan.target.kind.model, write), false)?;
        under_way::forget(tx, id)?;
        return Ok(());
    }
    agreed::forget(tx, id)?;
    if let Some(sent) = under_way::arrived(tx, id)? {
        conflict::put(tx, id, &sent, true)?;
    }
    Ok(())
}

/// Theirs is there, and ours is not any more.
fn abandon(tx: &mut dyn Tx, plan: &Plan, sent: &Sent, arrived: &Arrived, at: &Circumstances) -> Result<(), Abort> {
    let (backend, kind) = (plan.target.session.backend, plan.target.name());
    intent::close(tx, backend, kind, sent.record, &arrived.external_id, at.now.0)?;
    let archive = match plan.target.session.business.local_deletion(kind) {
        LocalDeletion::Ignore => return Ok(()),
        LocalDeletion::Archive => true,
        LocalDeletion::Delete => false,
    };
    let id = arrived.external_id.clone();
    apply::enqueue(
        tx,
        at,
        task::export_deletion(&ExportDeletion { backend, kind: kind.to_owned(), id, archive, intent: None }),
    )
}

/// On whose behalf the answer is taken over: theirs, after everybody that the change has passed through.
fn change(sent: &Sent, backend: i64, at: &Circumstances) -> Change {
    let mut chain = sent.chain.clone();
    if !chain.contains(&backend) {
        chain.push(backend);
    }
    Change { origin: Origin { backend: Some(backend), chain, actor: String::new() }, ..at.change.clone() }
}

/// The binding of the two.
struct Bound {
    id: i64,
    /// Ours as it stands now, where that is known.
    version: Option<i64>,
}

/// The binding of the two, made where it is missing.
fn bound(
    tx: &mut dyn Tx,
    plan: &Plan,
    sent: &Sent,
    arrived: &Arrived,
    change: &Change,
) -> Result<Result<Option<Bound>, Problem>, Abort> {
    let (backend, kind) = (plan.target.session.backend, &plan.target.kind);
    let ours = binding::find_by_record(tx, backend, kind, sent.record)?;
    if let Some(known) = ours.as_ref().filter(|known| known.external_id.as_deref() == Some(&arrived.external_id)) {
        return Ok(Ok(Some(Bound { id: known.id, version: known.current_version })));
    }
    let theirs = binding::find(tx, backend, kind, &arrived.external_id)?;
    if let (Some(ours), Some(theirs)) = (&ours, &theirs)
        && ours.external_id.is_none()
        && theirs.record.is_none()
    {
        // It came in meanwhile and was kept, or waits: both are one.
        binding::unbind(tx, ours.id)?;
    }
    match binding::bind(tx, backend, kind, Some(&arrived.external_id), Some(sent.record), None, change) {
        Ok(bound) => Ok(Ok(Some(Bound { id: bound.id, version: None }))),
        Err(RecordError::Storage(error)) => Err(error.into()),
        Err(RecordError::Missing { .. }) => Ok(Ok(None)),
        Err(error) => {
            let message = format!("{} is bound to another record: {error}", arrived.external_id);
            if let Some(open) = intent::open(tx, backend, &kind.name, sent.record)? {
                super::intent::park(tx, &plan.target, &open, (Some(&arrived.external_id), Some(&message)), change.now)?;
            }
            Ok(Err(Problem { retry: false, ..Problem::new("sync.unknown_create", message) }))
        }
    }
}

/// Takes over what the outside system made of our values, but for what has changed here since they were sent. `now`: ours
/// as it stands now, where that is known. Answers the version up to which both are in step; nothing where the next import
/// must look again.
fn take_over(
    tx: &mut dyn Tx,
    plan: &Plan,
    sent: &Sent,
    (base, now): (&Row, Option<i64>),
    (binding, write): (i64, &Write),
    change: &Change,
) -> Result<Option<i64>, RecordError> {
    let model = &plan.target.kind.model;
    // What it has of another record changes without it.
    let is_own = |(index, _): &(usize, Input)| model.fields[*index].delegated.is_none();
    let untouched = now == Some(base.version) && write.values.iter().all(is_own);
    if untouched && write.children.is_empty() && write.values.iter().all(|value| is_already(base, value)) {
        return Ok(Some(base.version));
    }
    tx.savepoint(|tx| {
        let fields: Vec<usize> = base.values.iter().map(|(index, _)| *index).collect();
        let rows = match untouched {
            true => Vec::new(),
            false => record::read(tx, plan.catalogue(), model, &[sent.record], &fields)?,
        };
        let missing = || RecordError::Missing { model: model.name.clone(), id: sent.record };
        let now = if untouched { base } else { rows.first().ok_or_else(missing)? };
        let is_ours = |index: usize| value(base, index) != value(now, index);
        let theirs = write.values.iter().filter(|value| !is_ours(value.0) && !is_already(now, value));
        let values: Values = theirs.cloned().collect();
        let written = match values.is_empty() {
            true => now.version,
            false => record::write(tx, plan.catalogue(), model, sent.record, &values, change)?.version,
        };
        let under_way = match write.children.is_empty() {
            true => UnderWay::default(),
            false => under_way::of(tx, binding)?,
        };
        let is_whole = lines::bind(tx, plan, (sent.record, &write.children), &under_way, change)?;
        // A change that came meanwhile is still to be sent.
        let version = if now.version == base.version { written } else { base.version };
        Ok(is_whole.then_some(version))
    })?
}

/// Whether a record has a value already.
fn is_already(row: &Row, (index, input): &(usize, Input)) -> bool {
    match input {
        Input::Value(theirs) => value(row, *index) == Some(theirs),
        Input::Symbolic(_) | Input::Lines(_) => false,
    }
}

fn value(row: &Row, index: usize) -> Option<&crate::model::Value> {
    row.values.iter().find(|(at, _)| *at == index).map(|(_, value)| value)
}

/// Whether the store refuses the values, rather than to work.
fn is_of_record(error: &crate::storage::Error) -> bool {
    use crate::storage::Error as Store;
    matches!(error, Store::Unique(_) | Store::ForeignKey(_) | Store::Check(_))
}
