//! How the sync of a backend stands: per kind the last run, its account, the age of the cursor, what waits, and whether
//! something is stuck though it says it succeeds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Account, Error, engine::Engine};
use crate::{
    base::{Fault, Timestamp},
    record::{binding, binding::Status, cursor},
    storage::{review, run},
};

/// How one kind of a backend stands.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KindStatus {
    /// The kind.
    pub kind: String,
    /// The last run: `running`, `done`, `failed`, `cancelled`; absent: none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<&'static str>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its account.
    pub account: Account,
    /// Records that nothing accounts for: 0.
    pub unaccounted: i64,
    /// Where the next run starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// When the cursor moved last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor_moved: Option<Timestamp>,
    /// Bindings, all of them.
    pub bindings: u64,
    /// Bindings that failed.
    pub failed: u64,
    /// Records held for review.
    pub reviews: i64,
    /// Runs succeeded and changed records, yet the cursor stands still.
    pub stalled: bool,
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
                for (kind, status, count) in binding::tally(tx, backend).map_err(Fault::from)? {
                    let Some(kind) = catalogue.kinds().find(|known| known.id == kind) else { continue };
                    let entry = of(&mut kinds, &kind.name);
                    entry.bindings += count;
                    entry.failed += if status == Status::Failed { count } else { 0 };
                }
                for run in run::latest(tx, backend)? {
                    let stalled = run::stalled(tx, backend, &run.kind)? >= PATIENCE;
                    let entry = of(&mut kinds, &run.kind);
                    entry.last_run = usize::try_from(run.state).ok().and_then(|at| STATES.get(at)).copied();
                    entry.started = Some(Timestamp(run.started_at));
                    entry.ended = run.ended_at.map(Timestamp);
                    entry.error = run.error;
                    entry.account = Account::from_counts(run.counts);
                    entry.unaccounted = entry.account.unaccounted();
                    entry.stalled = stalled;
                }
                for cursor in cursor::list(tx, backend).map_err(Fault::from)? {
                    let entry = of(&mut kinds, &cursor.key);
                    entry.cursor = cursor.value;
                    entry.cursor_moved = Some(cursor.moved_at);
                }
                for (kind, count) in review::open_by_kind(tx, backend)? {
                    of(&mut kinds, &kind).reviews = count;
                }
                Ok(kinds.into_values().collect())
            })
            .await
    }
}

fn of<'k>(kinds: &'k mut BTreeMap<String, KindStatus>, kind: &str) -> &'k mut KindStatus {
    kinds.entry(kind.to_owned()).or_insert_with(|| KindStatus { kind: kind.to_owned(), ..KindStatus::default() })
}
