//! The end of an attempt: what its outcome makes of the job. Every function checks the fence first.

use serde_json::Value;

use super::{Error, Outcome, error, graph, retry};
use crate::{
    base::{Fault, Timestamp},
    model::job::{Fence, Progress, RetryPattern, State},
    storage::{
        Signal, Tx,
        job::{self, Head, Reason, Release, Stored},
    },
};

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// Where it stands now.
    pub state: State,
    /// When it is tried again, where it is.
    pub next: Option<Timestamp>,
}

/// Numbers of outcomes in the log of attempts; names in `storage::job_view::OUTCOMES`.
const DONE: i64 = 0;
const RETRY: i64 = 1;
const FAILED: i64 = 2;
const PARKED: i64 = 3;
const CANCELLED: i64 = 4;
const HANDED_BACK: i64 = 5;
const LOST: i64 = 6;

/// So many attempts may be cut off by the end of their host, with nothing done, before the job is suspected of bringing it
/// down: until then it goes on at once, after that as its pattern says, so that the host lives meanwhile.
const INNOCENT: i64 = 3;

/// Fails with [`Error::Stale`] where the attempt no longer owns its job. The first call of every closure that writes
/// on behalf of a job.
pub fn check_fence(tx: &mut dyn Tx, fence: &Fence) -> Result<(), Error> {
    if job::is_owned(tx, fence)? { Ok(()) } else { Err(stale(fence)) }
}

fn stale(fence: &Fence) -> Error {
    Error::Stale { job: fence.job, attempt: fence.attempt }
}

/// Ends an attempt. Called by the runner with what the handler answered, or by a handler inside the transaction that
/// stores its work, which then answers [`Outcome::Committed`].
pub fn finish(tx: &mut dyn Tx, now: Timestamp, fence: &Fence, outcome: &Outcome) -> Result<Finished, Error> {
    if let Outcome::Done(result) = outcome {
        return complete(tx, now, fence, result);
    }
    let head = job::head(tx, fence.job)?.filter(|head| owns(head, fence));
    let Some(head) = head else {
        // The handler said that it had stored the outcome itself: then the fence is gone, as it should be.
        return match outcome {
            Outcome::Committed => committed(tx, fence),
            _ => Err(stale(fence)),
        };
    };
    match outcome {
        Outcome::Done(_) => complete(tx, now, fence, &Value::Null),
        Outcome::Committed => {
            let fault = error::fault(
                &error::NOT_FINISHED,
                "the handler did not store the outcome that it claims to have stored",
            );
            fail(tx, now, fence, &head, &fault, FAILED)
        }
        Outcome::Failed(fault) => fail(tx, now, fence, &head, fault, FAILED),
        Outcome::Cancelled => {
            log_attempt(tx, now, fence, &head, CANCELLED, Reason::default())?;
            end(tx, now, &head, Stored::Cancelled, Reason::default())
        }
        Outcome::Parked { reason } => {
            log_attempt(tx, now, fence, &head, PARKED, Reason { message: Some(reason), ..Reason::default() })?;
            let to = Release { parked_reason: Some(reason), ..unspent(&head, Stored::Parked) };
            go_back(tx, now, &head, &to)
        }
        Outcome::HandBack => {
            log_attempt(tx, now, fence, &head, HANDED_BACK, Reason::default())?;
            go_back(tx, now, &head, &unspent(&head, Stored::Ready))
        }
        // Not its fault, and no less done than before: the runner asks again in a while.
        Outcome::Retry { fault, .. } if outcome.is_lack_of_room() => {
            log_attempt(tx, now, fence, &head, PARKED, reason(fault))?;
            let why = fault.to_string();
            let to = Release { parked_reason: Some(&why), ..unspent(&head, Stored::Parked) };
            go_back(tx, now, &head, &to)
        }
        Outcome::Retry { fault, after } => {
            try_again(tx, now, fence, &head, fault, after.map(|after| after.as_millis()), RETRY)
        }
    }
}

/// Takes a job back whose host died. The attempt counts: a job that brings its host down each time ends as failed.
pub(super) fn take_back(tx: &mut dyn Tx, now: Timestamp, job: i64) -> Result<(), Error> {
    let Some(head) = job::head(tx, job)?.filter(|head| head.state == Stored::Started) else { return Ok(()) };
    let fence = Fence { job, attempt: head.attempt, claim: head.claim.unwrap_or_default() };
    if head.cancel_requested {
        log_attempt(tx, now, &fence, &head, LOST, Reason::default())?;
        return end(tx, now, &head, Stored::Cancelled, Reason::default()).map(drop);
    }
    let fault = error::fault(&error::LOST, "the host ended while the job ran");
    let after = (head.charged <= INNOCENT).then_some(0);
    try_again(tx, now, &fence, &head, &fault, after, LOST).map(drop)
}

/// The attempt commits work that no later one does again: its budget begins anew, and what cuts it off from here on costs
/// nothing. The caller vouches that the job has come nearer to its end, else it could go on for ever.
pub fn moved_on(tx: &mut dyn Tx, fence: &Fence) -> Result<(), Error> {
    Ok(job::renew(tx, fence)?)
}

/// Stores how far a job is, together with the caller's work.
pub fn progress(tx: &mut dyn Tx, fence: &Fence, progress: &Progress) -> Result<(), Error> {
    if job::set_progress(tx, fence, progress)? { Ok(()) } else { Err(stale(fence)) }
}

/// Keeps a line with the job's attempt. `level` is a name of `storage::job_view::LEVELS`.
pub fn log(tx: &mut dyn Tx, now: Timestamp, fence: &Fence, level: &str, text: &str) -> Result<(), Error> {
    let names = crate::storage::job_view::LEVELS;
    let level = names.iter().position(|name| *name == level).unwrap_or(2);
    Ok(job::insert_log(tx, fence.job, fence.attempt, now, i64::try_from(level).unwrap_or(2), text)?)
}

fn owns(head: &Head, fence: &Fence) -> bool {
    head.state == Stored::Started && head.attempt == fence.attempt && head.claim == Some(fence.claim)
}

fn complete(tx: &mut dyn Tx, now: Timestamp, fence: &Fence, result: &Value) -> Result<Finished, Error> {
    let text = (!result.is_null()).then(|| result.to_string());
    let (dependents, started) = job::complete(tx, now, fence, text.as_deref())?.ok_or_else(|| stale(fence))?;
    job::insert_attempt(tx, fence, started, now, DONE, Reason::default())?;
    if dependents > 0 {
        graph::ended(tx, now, fence.job, Stored::Done)?;
    }
    tx.signal(Signal::JobEnded);
    Ok(Finished { state: State::Done, next: None })
}

fn committed(tx: &mut dyn Tx, fence: &Fence) -> Result<Finished, Error> {
    let head = job::head(tx, fence.job)?.ok_or_else(|| stale(fence))?;
    Ok(Finished { state: head.state.shown(), next: None })
}

fn log_attempt(
    tx: &mut dyn Tx,
    now: Timestamp,
    fence: &Fence,
    head: &Head,
    outcome: i64,
    why: Reason<'_>,
) -> Result<(), Error> {
    Ok(job::insert_attempt(tx, fence, head.started.unwrap_or(now), now, outcome, why)?)
}

fn reason(fault: &Fault) -> Reason<'_> {
    Reason { code: Some(fault.code.name), message: Some(&fault.message), cure: Some(&fault.cure), merged_into: None }
}

fn fail(
    tx: &mut dyn Tx,
    now: Timestamp,
    fence: &Fence,
    head: &Head,
    fault: &Fault,
    outcome: i64,
) -> Result<Finished, Error> {
    log_attempt(tx, now, fence, head, outcome, reason(fault))?;
    end(tx, now, head, Stored::Failed, reason(fault))
}

/// Ends a job without success and tells those that wait for it.
pub(super) fn end(
    tx: &mut dyn Tx,
    now: Timestamp,
    head: &Head,
    state: Stored,
    why: Reason<'_>,
) -> Result<Finished, Error> {
    job::end(tx, now, head.id, state, why)?;
    if head.dependents > 0 {
        graph::ended(tx, now, head.id, state)?;
    }
    tx.signal(Signal::JobEnded);
    Ok(Finished { state: state.shown(), next: None })
}

fn try_again(
    tx: &mut dyn Tx,
    now: Timestamp,
    fence: &Fence,
    head: &Head,
    fault: &Fault,
    after_millis: Option<u128>,
    outcome: i64,
) -> Result<Finished, Error> {
    let millis = match after_millis {
        Some(millis) => i64::try_from(millis).unwrap_or(i64::MAX),
        None => {
            let pattern = head.retry_pattern.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let pattern: RetryPattern = pattern.unwrap_or_default();
            let delay = retry::delay(&pattern, head.charged, retry::chance(head.id, head.attempt));
            i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
        }
    };
    let next = now.plus_millis(millis);
    let spent = if head.max_retries > 0 {
        (head.charged >= head.max_retries).then(|| format!("gave up after {} attempts", head.charged))
    } else {
        head.expires.filter(|expires| next > *expires).map(|expires| format!("gave up at {}", expires.to_rfc3339()))
    };
    if let Some(spent) = spent {
        let fault = Fault { message: format!("{} ({spent})", fault.message), ..fault.clone() };
        // The last attempt's own end is a failure; one whose host died stays told apart.
        let outcome = if outcome == RETRY { FAILED } else { outcome };
        return fail(tx, now, fence, head, &fault, outcome);
    }
    log_attempt(tx, now, fence, head, outcome, reason(fault))?;
    let state = if next > now { Stored::Later } else { Stored::Ready };
    let to = Release { state, eta: next, charged: head.charged, parked_reason: None, why: reason(fault) };
    go_back(tx, now, head, &to)
}

/// Back as it was, the attempt not counted.
fn unspent(head: &Head, state: Stored) -> Release<'static> {
    Release { state, eta: head.eta, charged: (head.charged - 1).max(0), parked_reason: None, why: Reason::default() }
}

/// Puts a job back, or lets an equal one that is waiting take over.
pub(super) fn go_back(tx: &mut dyn Tx, now: Timestamp, head: &Head, to: &Release<'_>) -> Result<Finished, Error> {
    let twin = match &head.identity {
        Some((key, scope)) => job::twin(tx, key, *scope)?.filter(|twin| *twin != head.id),
        None => None,
    };
    if let Some(twin) = twin {
        crate::storage::job_graph::move_children(tx, head.id, twin)?;
        let message = format!("job {twin}, which is equal, does the work");
        let code = &error::MERGED;
        let why =
            Reason { code: Some(code.name), message: Some(&message), cure: Some(code.cure), merged_into: Some(twin) };
        job::end(tx, now, head.id, Stored::Cancelled, why)?;
        tx.signal(Signal::JobEnded);
        return Ok(Finished { state: State::Cancelled, next: None });
    }
    job::release(tx, head.id, to)?;
    if to.state == Stored::Ready {
        crate::storage::job_channel::keep_place(tx, head.id)?;
    }
    tx.signal(Signal::Job);
    Ok(Finished { state: to.state.shown(), next: Some(to.eta) })
}
