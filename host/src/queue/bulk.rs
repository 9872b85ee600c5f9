//! What is done to many jobs at once, chosen by a filter: a chunk in each transaction, however many they are.

use super::{Error, control};
use crate::{
    base::{Clock, Timestamp},
    model::job::Filter,
    storage::{Durability, Store, Tx, job_view},
};

/// Jobs that one transaction changes.
const CHUNK: i64 = 200;

/// What is done to each job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// [`control::retry`].
    Retry,
    /// [`control::requeue`].
    Requeue,
    /// [`control::cancel`].
    Cancel,
    /// [`control::done`].
    Done,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Jobs that were changed, newest first.
    pub changed: Vec<i64>,
    /// Jobs whose state does not allow it.
    pub skipped: u64,
}

impl Action {
    /// Does it to one job.
    pub fn apply(self, tx: &mut dyn Tx, now: Timestamp, id: i64) -> Result<(), Error> {
        match self {
            Self::Retry => control::retry(tx, now, id),
            Self::Requeue => control::requeue(tx, now, id),
            Self::Cancel => control::cancel(tx, now, id),
            Self::Done => control::done(tx, now, id),
        }
        .map(drop)
    }
}

/// Does something to every job that a filter finds, from the newest on; those that come meanwhile are left alone.
/// The filter's limit counts.
pub async fn apply(store: &Store, clock: &Clock, action: Action, filter: Filter) -> Result<Tally, Error> {
    let (mut before, mut tally) = (filter.before, Tally::default());
    let mut left = filter.limit.unwrap_or(i64::MAX);
    while left > 0 {
        let chunk = Filter { before, limit: Some(left.min(CHUNK)), ..filter.clone() };
        let now = clock.now();
        let rows = usize::try_from(CHUNK).unwrap_or(1);
        let work = move |tx: &mut dyn Tx| some(tx, now, action, &chunk);
        let (last, some) = store.write_weighted(Durability::Durable, rows, work).await?;
        left -= i64::try_from(some.changed.len()).unwrap_or(left) + i64::try_from(some.skipped).unwrap_or(0);
        tally.changed.extend(some.changed);
        tally.skipped += some.skipped;
        match last {
            Some(last) => before = Some(last),
            None => break,
        }
    }
    if action == Action::Cancel {
        control::call_off_forlorn(store, clock).await?;
    }
    Ok(tally)
}

fn some(tx: &mut dyn Tx, now: Timestamp, action: Action, filter: &Filter) -> Result<(Option<i64>, Tally), Error> {
    let ids = job_view::ids(tx, filter)?;
    let mut tally = Tally::default();
    for id in &ids {
        match action.apply(tx, now, *id) {
            Ok(()) => tally.changed.push(*id),
            // One before it in the list took it along, or it can't be changed so.
            Err(Error::State { .. }) => tally.skipped += 1,
            Err(error) => return Err(error),
        }
    }
    Ok((ids.last().copied(), tally))
}
