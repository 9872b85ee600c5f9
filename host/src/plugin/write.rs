//! Writes that calls asked for, kept until they are committed with the outcome of their job.
//!
//! No plugin code runs inside a transaction: a service only adds to this list, and whoever ends the work commits it
//! with [`super::commit()`].

use std::collections::HashMap;

use super::temporary::{self, Ids, Thing};
use crate::model::job::NewJob;

/// Writes that one scope may hold before it commits them.
pub(super) const MOST: usize = 5_000;
/// Bytes of values that one scope may hold before it commits them.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// The call that asked for it; where that fails, nothing of it is written.
    pub(super) call: u64,
    /// The id that stands for what it makes until it is committed.
    pub(super) temporary: i64,
    /// What is written.
    pub what: What,
}

/// What a write does. Ids may be temporary ones of the same scope; values are JSON text, numbers as given.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// Creates a record.
    Create {
        /// Model or kind.
        model: String,
        /// JSON object.
        values: String,
    },
    /// Changes a record.
    Change {
        /// Model or kind.
        model: String,
        /// Its id.
        id: i64,
        /// JSON object.
        values: String,
    },
    /// Removes a record; under a kind's name only the binding.
    Unlink {
        /// Model or kind.
        model: String,
        /// Its id.
        id: i64,
    },
    /// Links a record and an external id.
    Bind {
        /// The kind.
        kind: String,
        /// External id.
        external_id: String,
        /// The record's id.
        record: i64,
        /// JSON object of extra fields.
        extra: String,
    },
    /// Takes a binding away; the record stays.
    Unbind {
        /// The binding.
        binding: i64,
    },
    /// Marks a binding as succeeded (`None`) or failed.
    Mark {
        /// The binding.
        binding: i64,
        /// Why it failed.
        failed: Option<String>,
    },
    /// Enqueues a job.
    Enqueue {
        /// The job.
        job: Box<NewJob>,
    },
    /// Sets the cursor of a kind; `None` starts from the beginning.
    Cursor {
        /// The kind.
        kind: String,
        /// The value.
        value: Option<String>,
        /// The connector's format of it.
        state_format: u32,
    },
    /// Sets a value of the connector's own; `None` removes it.
    Stored {
        /// Its key.
        key: String,
        /// JSON text.
        value: Option<String>,
        /// The connector's format of it.
        state_format: u32,
    },
}

impl What {
    /// Whether reads of records and bindings see a difference.
    pub(super) fn is_seen(&self) -> bool {
        !matches!(self, Self::Enqueue { .. } | Self::Cursor { .. } | Self::Stored { .. })
    }

    /// What it does, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Create { model, .. } => format!("create {model}"),
            Self::Change { model, id, .. } => format!("write {model} {id}"),
            Self::Unlink { model, id } => format!("unlink {model} {id}"),
            Self::Bind { kind, external_id, record, .. } => format!("bind {kind} {external_id} to record {record}"),
            Self::Unbind { binding } => format!("unbind binding {binding}"),
            Self::Mark { binding, .. } => format!("mark binding {binding}"),
            Self::Enqueue { job } => format!("enqueue {}", job.kind),
            Self::Cursor { kind, .. } => format!("set the cursor of {kind}"),
            Self::Stored { key, .. } => format!("store {key:?}"),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Create { values, .. } | Self::Change { values, .. } | Self::Bind { extra: values, .. } => {
                values.len()
            }
            Self::Stored { value, .. } | Self::Cursor { value, .. } => value.as_ref().map_or(0, String::len),
            Self::Enqueue { job } => job.description.len() + 256,
            Self::Unlink { .. } | Self::Unbind { .. } | Self::Mark { .. } => 0,
        }
    }
}

/// Writes of a scope, in order, as they are taken to be committed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writes {
    pub(super) list: Vec<Write>,
    /// What an earlier commit of the scope has made.
    pub(super) ids: Ids,
    /// What reads have shown to the connector of things that writes make on the way.
    pub(super) shown: HashMap<i64, Thing>,
}

impl Writes {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are: about the rows that a commit changes.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The writes in order.
    pub fn iter(&self) -> impl Iterator<Item = &What> {
        self.list.iter().map(|write| &write.what)
    }
}

/// The writes of a scope that is open.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    writes: Writes,
    bytes: usize,
    next: i64,
}

impl Buffer {
    /// Adds a write; answers the temporary id of what it makes. `None`: there is no room before a commit.
    pub(super) fn push(&mut self, call: u64, what: What) -> Option<i64> {
        let bytes = what.bytes();
        if self.writes.list.len() >= MOST || self.bytes + bytes > MOST_BYTES {
            return None;
        }
        let temporary = temporary::of_write(self.next);
        self.next += 1;
        self.bytes += bytes;
        self.writes.list.push(Write { call, temporary, what });
        Some(temporary)
    }

    pub(super) fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Takes all writes out, or those of one call; what is known of ids stays here, too.
    pub(super) fn take(&mut self, call: Option<u64>) -> Writes {
        let all = std::mem::take(&mut self.writes.list);
        let (taken, kept) = all.into_iter().partition(|write| call.is_none_or(|call| write.call == call));
        self.set(kept);
        Writes { list: taken, ids: self.writes.ids.clone(), shown: self.writes.shown.clone() }
    }

    /// Forgets what a call has asked for.
    pub(super) fn forget(&mut self, call: u64) {
        self.take(Some(call));
    }

    /// Notes what a commit has made.
    pub(super) fn committed(&mut self, ids: &Ids) {
        self.writes.ids.extend(ids);
    }

    /// Notes what a read has shown.
    pub(super) fn shown(&mut self, ids: &Ids) {
        self.writes.shown.extend(ids.things());
    }

    fn set(&mut self, list: Vec<Write>) {
        self.bytes = list.iter().map(|write| write.what.bytes()).sum();
        self.writes.list = list;
    }
}
