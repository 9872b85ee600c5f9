//! The run of an export that somebody asked for, or that is the second half of a step: which records it was offered, what
//! became of each, and what is left of them, so that one that was stopped goes on where it was and its account adds up.
//!
//! A record is counted in the transaction that ends its export, and leaves what is left in the same one. Nothing here
//! sends anything.

use std::sync::Arc;

use super::{kind::Wish, select::Choice};
use crate::{
    base::Fault,
    model::job::Fence,
    storage::{
        Durability, Tx,
        export_left::{self as left, Chunk},
        intent, run,
    },
    sync::{Account, Error, begin, engine::Engine, handler, session::Behalf, target::Target},
};

/// Records that become due in one transaction.
const CHUNK: usize = 200;
/// Codes of what a person has to decide.
const DECIDED_BY_A_PERSON: [&str; 3] = ["sync.unknown_create", "sync.bounce", "sync.conflict"];

/// The run that records are counted in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counting {
    run: i64,
    kind: Arc<str>,
}

/// What became of a record that a run was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It was made there.
    Created,
    /// It was changed there.
    Updated,
    /// There was nothing to send.
    Unchanged,
    /// It is left out.
    Skipped,
    /// It waits for a person.
    Held,
    /// It could not be sent.
    Failed,
}

impl Became {
    /// What a problem makes of its record.
    pub fn of(problem: &str) -> Self {
        if DECIDED_BY_A_PERSON.contains(&problem) { Self::Held } else { Self::Failed }
    }

    /// Counts one more such record.
    pub fn count(self, account: &mut Account) {
        account.offered += 1;
        match self {
            Self::Created => account.created += 1,
            Self::Updated => account.updated += 1,
            Self::Unchanged => account.unchanged += 1,
            Self::Skipped => account.skipped += 1,
            Self::Failed => account.failed += 1,
            Self::Held => {
                account.quarantined += 1;
                account.held += 1;
            }
        }
    }
}

/// Counts records of a kind whose exports end with this transaction. Those that the run was not offered, or has counted,
/// are no part of the sum: they were sent because others need them.
pub fn count(tx: &mut dyn Tx, counting: &Counting, kind: &str, all: &[(i64, Became)]) -> Result<(), Error> {
    let (mut account, mut chunk) = (Account::default(), None::<Chunk>);
    for (record, became) in all {
        if kind != &*counting.kind {
            account.dependencies += i64::from(matches!(became, Became::Created | Became::Updated));
            continue;
        }
        let is_in = |chunk: &Chunk| chunk.first <= *record && chunk.records.binary_search(record).is_ok();
        if !chunk.as_ref().is_some_and(is_in) {
            if let Some(done) = chunk.take() {
                left::put(tx, counting.run, &done)?;
            }
            chunk = left::around(tx, counting.run, *record)?;
        }
        if let Some(chunk) = &mut chunk
            && let Ok(place) = chunk.records.binary_search(record)
        {
            chunk.records.remove(place);
            became.count(&mut account);
        }
    }
    if let Some(done) = &chunk {
        left::put(tx, counting.run, done)?;
    }
    if account != Account::default() && !run::advance(tx, counting.run, &run::Place::default(), &account.counts())? {
        return Err(Error::Fenced);
    }
    Ok(())
}

/// A run at work.
pub(super) struct Run {
    /// Where its records are counted.
    pub counting: Counting,
    /// What it came to so far.
    pub account: Account,
    /// What is left of the records that it was offered.
    pub left: Vec<Chunk>,
    /// An earlier attempt has come to its end.
    pub is_over: bool,
}

impl Run {
    /// All records that it was offered.
    pub fn total(&self) -> i64 {
        let left: usize = self.left.iter().map(|chunk| chunk.records.len()).sum();
        self.account.offered + i64::try_from(left).unwrap_or_default()
    }
}

impl Counting {
    /// The run.
    pub fn run(&self) -> i64 {
        self.run
    }
}

impl Engine {
    /// The run of this job and kind that an earlier attempt has left, or a new one with the records of a choice.
    pub(super) async fn begin_export_run(&self, target: &Target, wish: &Wish, behalf: &Behalf) -> Result<Run, Error> {
        let (known, fence) = (target.clone(), behalf.job.clone());
        let earlier = self.store.read(move |tx| earlier(tx, &known, fence.as_ref())).await?;
        if let Some(run) = earlier {
            return Ok(run);
        }
        self.read_changes().await?;
        let begin =
            Begin { target: target.clone(), wish: wish.clone(), fence: behalf.job.clone(), now: self.clock.now().0 };
        let chosen = self.chosen(target, &wish.choice).await?;
        self.store.write_weighted(Durability::Durable, chosen.len() / CHUNK, move |tx| begin.apply(tx, &chosen)).await
    }

    /// Counts records whose exports needed no transaction.
    pub(super) async fn count_exported(
        &self,
        target: &Target,
        behalf: &Behalf,
        all: Vec<(i64, Became)>,
    ) -> Result<(), Error> {
        let Some(counting) = behalf.counting.clone().filter(|_| !all.is_empty()) else { return Ok(()) };
        let kind = target.name().to_owned();
        self.store.write(Durability::Relaxed, move |tx| count(tx, &counting, &kind, &all)).await
    }

    /// Ends a run that has come to its end; answers its account. What it was offered and nothing tells of is a defect, and
    /// said.
    pub(super) async fn end_export_run(&self, counting: &Counting) -> Result<Account, Error> {
        let (id, now) = (counting.run, self.clock.now().0);
        let account = self
            .store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let lost: usize = left::all(tx, id)?.iter().map(|chunk| chunk.records.len()).sum();
                let lost = Account { offered: i64::try_from(lost).unwrap_or_default(), ..Account::default() };
                run::advance(tx, id, &run::Place::default(), &lost.counts())?;
                left::forget(tx, id)?;
                run::end(tx, id, &run::End { state: 1, now, moved_cursor: false, error: None })?;
                Ok(run::get(tx, id)?.map(|run| Account::from_counts(run.counts)).unwrap_or_default())
            })
            .await?;
        match account.unaccounted() {
            0 => Ok(account),
            lost => Err(Error::Unaccounted(lost)),
        }
    }

    /// Ends a run for an error, or leaves it open where the job goes on later.
    pub(super) async fn stop_export_run(
        &self,
        counting: &Counting,
        error: &Error,
        behalf: &Behalf,
    ) -> Result<(), Error> {
        let run = counting.run;
        let state = match error {
            Error::Cancelled => 3,
            Error::Fenced => return Ok(()),
            error if handler::stays_open(error, behalf.is_last_attempt) => return Ok(()),
            _ => 2,
        };
        let (fault, now) = (Fault::from(error.clone()), self.clock.now().0);
        self.store
            .write(Durability::Durable, move |tx| -> Result<_, Error> {
                let error = Some((fault.code.name, fault.message.as_str()));
                run::end(tx, run, &run::End { state, now, moved_cursor: false, error })?;
                Ok(left::forget(tx, run)?)
            })
            .await
    }
}

fn earlier(tx: &mut dyn Tx, target: &Target, fence: Option<&Fence>) -> Result<Option<Run>, Error> {
    let Some(fence) = fence else { return Ok(None) };
    let all = run::of_job(tx, fence.job, run::Direction::Export)?;
    let found = all.into_iter().rev().find(|run| run.kind == target.name() && matches!(run.state, 0 | 1));
    let Some(found) = found else { return Ok(None) };
    let left = left::all(tx, found.id)?;
    Ok(Some(Run {
        counting: Counting { run: found.id, kind: target.name().into() },
        account: Account::from_counts(found.counts),
        left,
        is_over: found.state == 1,
    }))
}

struct Begin {
    target: Target,
    wish: Wish,
    fence: Option<Fence>,
    now: i64,
}

impl Begin {
    fn apply(&self, tx: &mut dyn Tx, chosen: &[i64]) -> Result<Run, Error> {
        begin::check_fence(tx, self.fence.as_ref())?;
        let (backend, kind) = (self.target.session.backend, self.target.name());
        let start = run::Start {
            job: self.fence.as_ref().map(|fence| fence.job),
            backend,
            kind,
            direction: run::Direction::Export,
            now: self.now,
            forced: self.wish.force,
            filtered: matches!(self.wish.choice, Choice::Ids(_) | Choice::Domain(_)),
            ..run::Start::default()
        };
        let id = run::insert(tx, &start)?;
        run::abandon(tx, id, &start, begin::ABANDONED)?;
        left::forget_ended(tx, backend)?;
        if self.wish.resend {
            // Once only: what turns out unknown in this run is for a person to look at again.
            for record in chosen {
                intent::drop_unknown(tx, backend, kind, *record, self.now)?;
            }
        }
        let chunk = |records: &[i64]| Some(Chunk { first: *records.first()?, records: records.to_vec() });
        let left: Vec<Chunk> = chosen.chunks(CHUNK).filter_map(chunk).collect();
        for chunk in &left {
            left::put(tx, id, chunk)?;
        }
        Ok(Run { counting: Counting { run: id, kind: kind.into() }, account: Account::default(), left, is_over: false })
    }
}
