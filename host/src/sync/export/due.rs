//! What is due: changes of a record folded into one send for a backend and kind, with the job that makes it.

use crate::{
    base::Timestamp,
    model::job::{Enqueued, NewJob},
    queue::{self, Error},
    storage::{Tx, export},
    sync::task::{self, ExportRecord},
};

pub use export::Due;

/// A change that is to be exported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Our record.
    pub record: i64,
    /// Fields that changed; absent: all.
    pub changed: Option<Vec<String>>,
    /// Backends that the change has passed through.
    pub chain: Vec<i64>,
    /// Even where nothing differs from what was sent last.
    pub forced: bool,
    /// Somebody here made one of the changes, no outside system.
    pub edited: bool,
}

impl Wanted {
    /// Takes another change of the same record in.
    pub fn fold(&mut self, changed: Option<Vec<String>>, chain: &[i64]) {
        self.changed = union(self.changed.take(), changed);
        self.chain.extend(chain.iter().filter(|id| !self.chain.contains(id)).copied().collect::<Vec<_>>());
    }
}

/// Folds a change into what is due already; answers what is due then.
pub fn fold(tx: &mut dyn Tx, mut wanted: Wanted, now: Timestamp) -> Result<Due, crate::storage::Error> {
    let known = export::due(tx, wanted.backend, &wanted.kind, wanted.record)?;
    let mut revision = now.0;
    let mut since = now.0;
    if let Some(known) = &known {
        wanted.fold(fields(known), &chain(known));
        wanted.forced |= known.forced;
        revision = revision.max(known.revision + 1);
        since = known.since;
    }
    let due = Due {
        backend: wanted.backend,
        kind: wanted.kind,
        record: wanted.record,
        changed: wanted.changed.map(|fields| fields.join(",")),
        chain: (!wanted.chain.is_empty()).then(|| serde_json::json!(wanted.chain).to_string()),
        revision,
        forced: wanted.forced,
        since,
    };
    export::put_due(tx, &due)?;
    Ok(due)
}

/// The fields of what is due; absent: all.
pub fn fields(due: &Due) -> Option<Vec<String>> {
    due.changed.as_ref().map(|names| names.split(',').map(str::to_owned).collect())
}

/// The backends that what is due has passed through.
pub fn chain(due: &Due) -> Vec<i64> {
    due.chain.as_deref().and_then(|chain| serde_json::from_str(chain).ok()).unwrap_or_default()
}

fn union(one: Option<Vec<String>>, other: Option<Vec<String>>) -> Option<Vec<String>> {
    let (mut one, other) = (one?, other?);
    one.extend(other);
    one.sort_unstable();
    one.dedup();
    Some(one)
}

/// Folds a change, and enqueues the job that sends it.
pub fn enqueue(tx: &mut dyn Tx, wanted: Wanted, now: Timestamp, like: &NewJob) -> Result<Enqueued, Error> {
    let asked =
        ExportRecord { backend: wanted.backend, kind: wanted.kind.clone(), record: wanted.record, asked: false };
    fold(tx, wanted, now)?;
    let mut job = task::export_record(&asked);
    (job.priority, job.eta, job.spawned_by) = (like.priority, like.eta, like.spawned_by);
    queue::enqueue(tx, now, &job)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_unite_and_all_is_more_than_some() {
        let some = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let mut wanted = Wanted { changed: some(&["name"]), chain: vec![1], ..Wanted::default() };
        wanted.fold(some(&["list_price", "name"]), &[2, 1]);
        assert_eq!((wanted.changed.clone(), wanted.chain.clone()), (some(&["list_price", "name"]), vec![1, 2]));
        wanted.fold(None, &[]);
        assert_eq!(wanted.changed, None);
    }
}
