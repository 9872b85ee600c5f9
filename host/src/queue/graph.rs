//! Jobs that wait for jobs: who may run when a parent has ended, and who never can.

use super::{Error, error};
use crate::{
    base::Timestamp,
    model::job::Dependency,
    storage::{Signal, Tx, job, job::Reason, job::Stored, job_graph},
};

/// Jobs that one transaction calls off at most.
const CHUNK: i64 = 500;

/// What the parents of a new job say.
pub(super) struct Parents<'a> {
    after: &'a [Dependency],
    met: Vec<bool>,
    /// How many have not ended as wanted yet.
    pub waiting: i64,
    ruled_out: Option<i64>,
}

impl<'a> Parents<'a> {
    /// Looks at where the parents stand.
    pub fn look(tx: &mut dyn Tx, after: &'a [Dependency]) -> Result<Self, Error> {
        let mut parents = Self { after, met: Vec::with_capacity(after.len()), waiting: 0, ruled_out: None };
        for dependency in after {
            let head = job::head(tx, dependency.job)?.ok_or(Error::Missing(dependency.job))?;
            let met = job_graph::is_met(dependency.condition, head.state);
            if !met {
                parents.waiting += 1;
                if head.state.shown().is_ended() {
                    parents.ruled_out = Some(dependency.job);
                }
            }
            parents.met.push(met);
        }
        Ok(parents)
    }

    /// Ties the new job to them.
    pub fn connect(&self, tx: &mut dyn Tx, now: Timestamp, child: i64) -> Result<(), Error> {
        for (dependency, met) in self.after.iter().zip(&self.met) {
            job_graph::insert(tx, dependency.job, child, dependency.condition, *met)?;
        }
        match self.ruled_out {
            Some(parent) => call_off(tx, now, child, parent),
            None => Ok(()),
        }
    }
}

/// Tells the jobs that wait for one that it has ended. Those that can never run any more are called off, with all
/// that waits for them.
pub(super) fn ended(tx: &mut dyn Tx, now: Timestamp, parent: i64, end: Stored) -> Result<(), Error> {
    let mut open = vec![(parent, end)];
    let mut left = CHUNK;
    while let Some((parent, end)) = open.pop() {
        job_graph::release_children(tx, now, parent, end)?;
        let children = job_graph::ruled_out(tx, parent, left)?;
        left -= i64::try_from(children.len()).unwrap_or(left);
        for (child, dependents) in children {
            call_off(tx, now, child, parent)?;
            if dependents > 0 {
                open.push((child, Stored::Cancelled));
            }
        }
        if left <= 0 {
            // The rest is called off a chunk at a time, so that nobody waits behind one long transaction.
            for (parent, end) in open {
                job_graph::release_children(tx, now, parent, end)?;
            }
            tx.signal(Signal::JobForlorn);
            break;
        }
    }
    tx.signal(Signal::Job);
    Ok(())
}

/// Calls off the next jobs that wait for an end which will not come any more; answers how many.
pub(super) fn call_off_forlorn(tx: &mut dyn Tx, now: Timestamp) -> Result<usize, Error> {
    let forlorn = job_graph::forlorn(tx, CHUNK)?;
    for (child, parent) in &forlorn {
        call_off(tx, now, *child, *parent)?;
        // What waits for "whatever its end" goes on; the others are among the next.
        job_graph::release_children(tx, now, *child, Stored::Cancelled)?;
    }
    if !forlorn.is_empty() {
        tx.signal(Signal::Job);
        tx.signal(Signal::JobEnded);
    }
    Ok(forlorn.len())
}

fn call_off(tx: &mut dyn Tx, now: Timestamp, child: i64, parent: i64) -> Result<(), Error> {
    let message = format!("job {parent}, which it waited for, did not end as wanted");
    let code = &error::DEPENDENCY;
    let why = Reason { code: Some(code.name), message: Some(&message), cure: Some(code.cure), merged_into: None };
    Ok(job::end(tx, now, child, Stored::Cancelled, why)?)
}

/// Brings back what was called off because of a job that gets another chance.
pub(super) fn revive(tx: &mut dyn Tx, now: Timestamp, parent: i64) -> Result<(), Error> {
    let mut open = vec![parent];
    while let Some(parent) = open.pop() {
        for child in job_graph::revivable(tx, parent, error::DEPENDENCY.name)? {
            let to = job::Release {
                state: Stored::Waiting,
                eta: now,
                charged: 0,
                parked_reason: None,
                why: Reason::default(),
            };
            job::release(tx, child, &to)?;
            open.push(child);
        }
    }
    Ok(())
}
