//! Committing the writes of a scope, in the transaction that ends its work or at a checkpoint, behind a fence; and
//! running them for a look only, so that a call sees what it wrote.
//!
//! It calls no connector, decides nothing of what a job comes to, and may run twice.

use super::{
    temporary::{Ids, Thing, besides},
    write::{What, Write, Writes},
};
use crate::{
    base::{Code, Coded, Fault, Retry, Timestamp},
    model::{binding::retry_at, job::Fence},
    queue,
    record::{self, Catalogue, Change, binding, cursor, decode, kv, named},
    storage::{self, Tx, outbox},
};

/// On whose behalf writes are committed, and what must still hold; made outside the transaction.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The backend.
    pub backend: i64,
    /// Its epoch when the work began; `None` where there is no backend to compare.
    pub epoch: Option<i64>,
    /// The job, and the proof that it is still ours.
    pub fence: Option<Fence>,
    /// When, and where the changes come from.
    pub change: Change,
    /// The models and kinds.
    pub catalogue: Catalogue,
    /// Who is said to have moved a cursor.
    pub by: String,
}

impl Guard {
    /// The guard of a scope's writes.
    pub fn new(context: &super::Context, catalogue: Catalogue, now: Timestamp) -> Self {
        let change = Change { now, origin: context.origin.clone(), by_connector: true };
        let by = context.job.as_ref().map_or_else(|| "connector".to_owned(), |fence| format!("job {}", fence.job));
        let (backend, epoch, fence) = (context.backend, context.epoch, context.job.clone());
        Self { backend, epoch, fence, change, catalogue, by }
    }
}

/// Why writes were not committed: nothing of them is there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The job is another worker's by now.
    #[error("what the connector wrote was dropped: {0}")]
    Fenced(queue::Error),
    /// The backend was changed, disabled or removed since the work began.
    #[error("what the connector wrote was dropped: its backend was changed or disabled meanwhile")]
    BackendChanged,
    /// One of the writes is refused.
    #[error("the connector's {what} was refused: {fault}")]
    Refused {
        /// The write.
        what: String,
        /// Why.
        fault: Fault,
    },
    /// The connector was shown something that is not made any more.
    #[error("{what} made other records than the connector was shown, since others wrote meanwhile")]
    MadeOthers {
        /// The write.
        what: String,
    },
    /// An id that no commit of this scope knows.
    #[error("{what}: {id} is the temporary id of something that was not written")]
    UnknownId {
        /// The write, or what was read.
        what: String,
        /// The id.
        id: i64,
    },
    /// The store's.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// What a commit has made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Committed {
    /// What the temporary ids have become, to be put into other values that name them.
    pub ids: Ids,
    /// Jobs that were enqueued.
    pub jobs: usize,
    /// A cursor stands elsewhere than before.
    pub moved_cursor: bool,
}

/// Commits the writes of a scope, in order, all or none. Part of the caller's transaction.
pub fn commit(tx: &mut dyn Tx, writes: &Writes, guard: &Guard) -> Result<Committed, Error> {
    check(tx, guard)?;
    let mut replay = Replay::new(tx, writes, guard)?;
    for write in &writes.list {
        replay.one(tx, write)?;
        replay.check_shown(write, writes)?;
    }
    Ok(Committed { ids: replay.ids, jobs: replay.jobs, moved_cursor: replay.moved_cursor })
}

/// Makes the writes, as far as reads see them, for a look; the caller takes them back.
pub(super) fn look(tx: &mut dyn Tx, writes: &Writes, guard: &Guard) -> Result<Ids, Error> {
    let mut replay = Replay::new(tx, writes, guard)?;
    for write in writes.list.iter().filter(|write| write.what.is_seen()) {
        replay.one(tx, write)?;
    }
    Ok(replay.ids)
}

fn check(tx: &mut dyn Tx, guard: &Guard) -> Result<(), Error> {
    if let Some(fence) = &guard.fence {
        queue::check_fence(tx, fence).map_err(|error| match error {
            queue::Error::Storage(error) => Error::Storage(error),
            error => Error::Fenced(error),
        })?;
    }
    match guard.epoch {
        Some(epoch) if storage::backend::epoch(tx, guard.backend)? != Some((epoch, true)) => Err(Error::BackendChanged),
        _ => Ok(()),
    }
}

/// Writes on their way into the store.
struct Replay<'a> {
    guard: &'a Guard,
    ids: Ids,
    jobs: usize,
    moved_cursor: bool,
    /// The last row of the outbox that was looked at.
    seen: i64,
}

impl<'a> Replay<'a> {
    fn new(tx: &mut dyn Tx, writes: &Writes, guard: &'a Guard) -> Result<Self, Error> {
        let seen = if writes.is_empty() { 0 } else { outbox::last(tx)? };
        Ok(Self { guard, ids: writes.ids.clone(), jobs: 0, moved_cursor: false, seen })
    }

    fn one(&mut self, tx: &mut dyn Tx, write: &Write) -> Result<(), Error> {
        let refused = |fault: Fault| Error::Refused { what: write.what.describe(), fault };
        let made = self.write(tx, &write.what).map_err(|failure| match failure {
            Failure::Record(record::Error::Storage(error)) | Failure::Queue(queue::Error::Storage(error)) => {
                Error::Storage(error)
            }
            Failure::Record(error) => refused(error.into()),
            Failure::Queue(error) => refused(error.into()),
            Failure::Unknown(id) => Error::UnknownId { what: write.what.describe(), id },
        })?;
        if let Some((thing, id)) = made {
            self.ids.learn(write.temporary, thing, id);
        }
        if write.what.is_seen() { self.note_others(tx, write, made) } else { Ok(()) }
    }

    /// Gives everything that a write made on the way an id, in the order in which it was made.
    fn note_others(&mut self, tx: &mut dyn Tx, write: &Write, first: Option<(Thing, i64)>) -> Result<(), Error> {
        let rows = outbox::after(tx, self.seen, u64::MAX)?;
        self.seen = rows.last().map_or(self.seen, |row| row.id);
        let made =
            rows.iter().filter(|row| row.op == outbox::CREATED).map(|row| (Thing::Record(row.model), row.record));
        for (number, (thing, id)) in made.filter(|made| Some(*made) != first).enumerate() {
            if let Some(temporary) = besides(write.temporary, number + 1) {
                self.ids.learn(temporary, thing, id);
            }
        }
        Ok(())
    }

    /// What the connector was shown of this write must be what it has made now.
    fn check_shown(&self, write: &Write, writes: &Writes) -> Result<(), Error> {
        let differs = (1..).map_while(|number| {
            let id = besides(write.temporary, number)?;
            writes.shown.get(&id).map(|thing| self.ids.thing(id) != Some(*thing))
        });
        match differs.into_iter().any(|differs| differs) {
            true => Err(Error::MadeOthers { what: write.what.describe() }),
            false => Ok(()),
        }
    }

    fn write(&mut self, tx: &mut dyn Tx, what: &What) -> Result<Option<(Thing, i64)>, Failure> {
        let (catalogue, change, backend) = (&self.guard.catalogue, &self.guard.change, self.guard.backend);
        match what {
            What::Create { model, values } => {
                let values = self.ids.text(values).map_err(Failure::Unknown)?;
                let id = named::create(tx, catalogue, model, &values, change)?;
                let thing = catalogue.model(model).map_or(Thing::Binding, |model| Thing::Record(model.id));
                self.own(tx, thing, id)?;
                return Ok(Some((thing, id)));
            }
            What::Change { model, id, values } => {
                let (id, values) = (self.id(*id)?, self.ids.text(values).map_err(Failure::Unknown)?);
                self.own_if_kind(tx, model, id)?;
                named::write(tx, catalogue, model, id, &values, change)?;
            }
            What::Unlink { model, id } => {
                let id = self.id(*id)?;
                self.own_if_kind(tx, model, id)?;
                named::unlink(tx, catalogue, model, &[id], change)?;
            }
            What::Bind { kind, external_id, record, extra } => {
                let record = self.id(*record)?;
                let kind = catalogue.need_kind(kind)?;
                let extra = decode::extra(kind, &self.ids.text(extra).map_err(Failure::Unknown)?)?;
                let bound = binding::bind(tx, backend, kind, Some(external_id), Some(record), Some(&extra), change)?;
                return Ok(Some((Thing::Binding, bound.id)));
            }
            What::Unbind { binding: id } => {
                let id = self.id(*id)?;
                self.own(tx, Thing::Binding, id)?;
                binding::unbind(tx, id)?;
            }
            What::Mark { binding: id, failed } => self.mark(tx, *id, failed.as_deref())?,
            What::Enqueue { job } => {
                let mut job = job.clone();
                self.ids.tree(&mut job.payload).map_err(Failure::Unknown)?;
                let job = queue::enqueue(tx, change.now, &job)?;
                self.jobs += usize::from(!job.deduplicated);
                return Ok(Some((Thing::Job, job.id)));
            }
            What::Cursor { kind, value, state_format } => {
                let (value, state_format) = (value.as_deref(), *state_format);
                let to = cursor::Move { value, state_format, by: &self.guard.by, now: change.now };
                self.moved_cursor |= cursor::get(tx, backend, kind)?.value.as_deref() != value;
                cursor::set(tx, backend, kind, &to)?;
            }
            What::Stored { key, value, state_format } => {
                let value = value.as_deref().map(|value| self.ids.text(value)).transpose().map_err(Failure::Unknown)?;
                kv::put(tx, backend, key, value.as_deref(), *state_format, change.now)?;
            }
        }
        Ok(None)
    }

    fn mark(&self, tx: &mut dyn Tx, id: i64, failed: Option<&str>) -> Result<(), Failure> {
        let (id, now) = (self.id(id)?, self.guard.change.now);
        let known = self.own(tx, Thing::Binding, id)?;
        match failed {
            None => binding::mark_sync_success(tx, id, now)?,
            Some(message) => {
                let attempts = known.map_or(0, |binding| binding.retry_count);
                binding::mark_sync_failed(tx, id, message, Some(retry_at(now, attempts)), now)?;
            }
        }
        Ok(())
    }

    fn id(&self, id: i64) -> Result<i64, Failure> {
        self.ids.get(id).ok_or(Failure::Unknown(id))
    }

    fn own_if_kind(&self, tx: &mut dyn Tx, model: &str, id: i64) -> Result<(), Failure> {
        if self.guard.catalogue.model(model).is_none() {
            self.own(tx, Thing::Binding, id)?;
        }
        Ok(())
    }

    /// A binding must be of the scope's backend: of others' it is said that there is none.
    fn own(&self, tx: &mut dyn Tx, thing: Thing, id: i64) -> Result<Option<record::Binding>, Failure> {
        if thing != Thing::Binding {
            return Ok(None);
        }
        match binding::get(tx, id)? {
            binding if binding.backend == self.guard.backend => Ok(Some(binding)),
            _ => Err(record::Error::NoBinding(id).into()),
        }
    }
}

enum Failure {
    Record(record::Error),
    Queue(queue::Error),
    Unknown(i64),
}

impl From<record::Error> for Failure {
    fn from(error: record::Error) -> Self {
        Self::Record(error)
    }
}

impl From<queue::Error> for Failure {
    fn from(error: queue::Error) -> Self {
        Self::Queue(error)
    }
}

/// The codes of this file.
pub const CODES: &[Code] = &[BACKEND_CHANGED, MADE_OTHERS, UNKNOWN_ID];

const BACKEND_CHANGED: Code = Code {
    name: "plugin.backend_changed",
    cause: "The backend was changed, disabled or removed while its connector was at work, so what it wrote is void.",
    cure: "Nothing, where the job is tried again; else start the work anew.",
    retry: Retry::Later,
};
const MADE_OTHERS: Code = Code {
    name: "plugin.made_others",
    cause: "The connector read what a write of its own would make, and others made some of it first.",
    cure: "Nothing: the job is tried again.",
    retry: Retry::Now,
};
const UNKNOWN_ID: Code = Code {
    name: "plugin.unknown_id",
    cause: "The connector used a temporary id outside of the piece of work that gave it, or after a checkpoint that failed.",
    cure: "Tell the connector's author: ids that are to be kept are read back from bindings, never stored.",
    retry: Retry::Never,
};

impl Coded for Error {
    fn code(&self) -> &'static Code {
        match self {
            Self::Fenced(error) => error.code(),
            Self::BackendChanged => &BACKEND_CHANGED,
            Self::Refused { fault, .. } => fault.code,
            Self::MadeOthers { .. } => &MADE_OTHERS,
            Self::UnknownId { .. } => &UNKNOWN_ID,
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Refused { fault, .. } => fault.fields.clone(),
            _ => Vec::new(),
        }
    }

    fn cure(&self) -> Option<String> {
        match self {
            Self::Refused { fault, .. } => Some(fault.cure.clone()),
            _ => None,
        }
    }
}
