//! How the sync of a backend stands: per kind the last run, its account, the cursor, what waits, and whether something
//! is stuck though it says it succeeds.

use std::collections::BTreeMap;

use super::{Account, Error, engine::Engine};
use crate::{
    base::{Fault, Timestamp},
    record::{binding, binding::Status, cursor},
    storage::{conflict, export, review, run},
};

/// How one kind of a backend stands.
#[derive(Debug, Clone, Default)]
pub struct KindStatus {
    /// The kind.
    pub kind: String,
    /// The last import; absent: none yet.
    pub last_run: Option<LastRun>,
    /// The last export that somebody asked for, or that a step ended with; absent: none yet.
    pub last_export: Option<LastRun>,
    /// Where the next run starts.
    pub cursor: Option<String>,
    /// When the cursor moved last.
    pub cursor_moved: Option<Timestamp>,
    /// Records whose changes are still to be sent.
    pub due: u64,
    /// Since when the first of them is.
    pub due_since: Option<Timestamp>,
    /// Bindings, all of them.
    pub bindings: u64,
    /// Bindings whose last attempt failed.
    pub failed: u64,
    /// Of failed: those that nothing tries again by itself.
    pub given_up: u64,
    /// Records held for review.
    pub reviews: u64,
    /// Records that both sides changed, waiting for a person.
    pub conflicts: u64,
    /// Runs succeeded and changed records, yet the cursor stands still.
    pub stalled: bool,
}

/// The last run of a kind.
#[derive(Debug, Clone)]
pub struct LastRun {
    /// One of [`STATES`].
    pub state: &'static str,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its account.
    pub account: Account,
}

/// So many runs may change records without moving the cursor.
const PATIENCE: i64 = 3;

/// Names of the states of runs, in the order of their numbers.
pub const STATES: [&str; 4] = ["running", "done", "failed", "cancelled"];

impl Engine {
    /// How each kind of a backend stands.
    pub async fn status(&self, backend: i64) -> Result<Vec<KindStatus>, Error> {
        let catalogue = self.catalogue.get();
        self.store
            .read(move |tx| -> Result<_, Error> {
                let mut kinds: BTreeMap<String, KindStatus> = BTreeMap::new();
                let name = |id| catalogue.kinds().find(|known| known.id == id).map(|kind| kind.name.as_str());
                for (kind, status, count) in binding::tally(tx, backend).map_err(Fault::from)? {
                    let Some(kind) = name(kind) else { continue };
                    let entry = of(&mut kinds, kind);
                    entry.bindings += count;
                    entry.failed += if status == Status::Failed { count } else { 0 };
                }
                for (kind, count) in binding::given_up(tx, backend).map_err(Fault::from)? {
                    if let Some(kind) = name(kind) {
                        of(&mut kinds, kind).given_up = count;
                    }
                }
                for run in run::latest(tx, backend)? {
                    let stalled = run::stalled(tx, backend, &run.kind)? >= PATIENCE;
                    let entry = of(&mut kinds, &run.kind);
                    entry.stalled = stalled;
                    match run.direction {
                        run::Direction::Import => entry.last_run = Some(last_run(run)),
                        run::Direction::Export => entry.last_export = Some(last_run(run)),
                    }
                }
                for cursor in cursor::list(tx, backend).map_err(Fault::from)? {
                    let entry = of(&mut kinds, &cursor.key);
                    entry.cursor = cursor.value;
                    entry.cursor_moved = Some(cursor.moved_at);
                }
                for (kind, count, since) in export::tally_due(tx, backend)? {
                    let entry = of(&mut kinds, &kind);
                    (entry.due, entry.due_since) = (count, Some(Timestamp(since)));
                }
                for (kind, count) in review::open_by_kind(tx, backend)? {
                    of(&mut kinds, &kind).reviews = count.unsigned_abs();
                }
                for (kind, count) in conflict::open_by_kind(tx, backend)? {
                    of(&mut kinds, &kind).conflicts = count.unsigned_abs();
                }
                Ok(kinds.into_values().collect())
            })
            .await
    }
}

fn last_run(run: run::Run) -> LastRun {
    LastRun {
        state: usize::try_from(run.state).ok().and_then(|at| STATES.get(at)).copied().unwrap_or("unknown"),
        started: Timestamp(run.started_at),
        ended: run.ended_at.map(Timestamp),
        error: run.error,
        account: Account::from_counts(run.counts),
    }
}

fn of<'k>(kinds: &'k mut BTreeMap<String, KindStatus>, kind: &str) -> &'k mut KindStatus {
    kinds.entry(kind.to_owned()).or_insert_with(|| KindStatus { kind: kind.to_owned(), ..KindStatus::default() })
}
