//! What operators ask of the queue: list, look, try again, call off.

use super::{Error, finish, graph};
use crate::{
    base::{Clock, Timestamp},
    model::job::{Attempt, Counts, Filter, Job, LogLine, State},
    storage::{
        Durability, Signal, Store, Tx,
        job::{self, Reason, Release, Stored},
        job_graph, job_view,
    },
};

/// Jobs that one transaction calls off at most.
const CHUNK: i64 = 200;

/// Jobs, newest first.
pub fn list(tx: &mut dyn Tx, filter: &Filter) -> Result<Vec<Job>, Error> {
    Ok(job_view::list(tx, filter)?)
}

/// One job.
pub fn show(tx: &mut dyn Tx, id: i64) -> Result<Job, Error> {
    job_view::find(tx, id)?.ok_or(Error::Missing(id))
}

/// The job that does the work of a job now: itself, or the equal one that took it over.
pub fn taken_over(tx: &mut dyn Tx, id: i64) -> Result<i64, Error> {
    let mut at = id;
    while let Some(twin) = show(tx, at)?.merged_into {
        at = twin;
    }
    Ok(at)
}

/// How a job's attempts went, first to last.
pub fn attempts(tx: &mut dyn Tx, id: i64) -> Result<Vec<Attempt>, Error> {
    Ok(job_view::attempts(tx, id)?)
}

/// What was logged while a job ran, oldest first, at most so many lines.
pub fn log(tx: &mut dyn Tx, id: i64, limit: i64) -> Result<Vec<LogLine>, Error> {
    Ok(job_view::log(tx, id, limit)?)
}

/// Jobs by state.
pub fn counts(tx: &mut dyn Tx) -> Result<Counts, Error> {
    Ok(job_view::counts(tx)?)
}

/// Whether a job of the run that `root` began has not ended.
pub fn is_run_open(tx: &mut dyn Tx, root: i64) -> Result<bool, Error> {
    Ok(job_view::is_run_open(tx, root)?)
}

/// Gives an ended job a new budget and puts it back, with the jobs that were called off because of it. A job that
/// waits for its eta, or is parked, becomes ready at once.
pub fn retry(tx: &mut dyn Tx, now: Timestamp, id: i64) -> Result<Job, Error> {
    let head = job::head(tx, id)?.ok_or(Error::Missing(id))?;
    let may = match head.state {
        Stored::Done | Stored::Failed | Stored::Cancelled | Stored::Later | Stored::Parked => true,
        Stored::Waiting | Stored::Ready | Stored::Started => false,
    };
    if !may {
        return Err(Error::State {
            job: id,
            state: name(head.state),
            wanted: "only an ended, parked or delayed job can be retried",
        });
    }
    let state = if head.waiting > 0 { Stored::Waiting } else { Stored::Ready };
    let to = Release { state, eta: now, charged: 0, parked_reason: None, why: Reason::default() };
    finish::go_back(tx, now, &head, &to)?;
    if head.dependents > 0 {
        graph::revive(tx, now, id)?;
    }
    show(tx, id)
}

/// Takes a job for done: somebody has seen to what it was to do. Those that wait for that go on.
pub fn done(tx: &mut dyn Tx, now: Timestamp, id: i64) -> Result<Job, Error> {
    let head = job::head(tx, id)?.ok_or(Error::Missing(id))?;
    if matches!(head.state, Stored::Started | Stored::Done) {
        let wanted = "only a job that neither runs nor is done can be taken for done; cancel one that runs first";
        return Err(Error::State { job: id, state: name(head.state), wanted });
    }
    let twin = match &head.identity {
        Some((key, scope)) => job::twin(tx, key, *scope)?.filter(|twin| *twin != id),
        None => None,
    };
    if head.dependents > 0 && twin.is_none() {
        // Those that were called off because of it wait again, as they did before it ended.
        let why = Reason::default();
        let to = Release { state: Stored::Ready, eta: head.eta, charged: head.charged, parked_reason: None, why };
        job::release(tx, id, &to)?;
        graph::revive(tx, now, id)?;
    }
    finish::end(tx, now, &head, Stored::Done, Reason::default())?;
    // What it held up goes on.
    tx.signal(Signal::Job);
    show(tx, id)
}

/// Puts a job back into the queue, wherever it stands: one that runs is asked to stop and goes back without spending an
/// attempt, any other is tried again as by [`retry`].
pub fn requeue(tx: &mut dyn Tx, now: Timestamp, id: i64) -> Result<Job, Error> {
    let head = job::head(tx, id)?.ok_or(Error::Missing(id))?;
    if head.state != Stored::Started {
        return retry(tx, now, id);
    }
    job::request_back(tx, id)?;
    tx.signal(Signal::JobCancel);
    show(tx, id)
}

/// Calls a job off. One that runs is asked to stop and ends by itself; jobs that wait for it are called off, too.
pub fn cancel(tx: &mut dyn Tx, now: Timestamp, id: i64) -> Result<Job, Error> {
    let head = job::head(tx, id)?.ok_or(Error::Missing(id))?;
    match head.state {
        Stored::Started => {
            job::request_cancel(tx, id)?;
            tx.signal(Signal::JobCancel);
        }
        Stored::Waiting | Stored::Ready | Stored::Parked | Stored::Later | Stored::Failed => {
            finish::end(tx, now, &head, Stored::Cancelled, Reason::default())?;
            // What it held up goes on.
            tx.signal(Signal::Job);
        }
        Stored::Done | Stored::Cancelled => {
            return Err(Error::State {
                job: id,
                state: name(head.state),
                wanted: "only a job that has not ended, or failed, can be cancelled",
            });
        }
    }
    show(tx, id)
}

/// Calls off all of a run that has not ended, a chunk at a time. Answers how many jobs.
pub async fn cancel_run(store: &Store, clock: &Clock, root: i64) -> Result<usize, Error> {
    let (mut before, mut count) = (None, 0);
    loop {
        let now = clock.now();
        let work = move |tx: &mut dyn Tx| cancel_some(tx, now, root, before);
        let rows = usize::try_from(CHUNK).unwrap_or(1);
        let (next, cancelled) = store.write_weighted(Durability::Durable, rows, work).await?;
        count += cancelled;
        before = Some(match next {
            Some(next) => next,
            None => break,
        });
    }
    Ok(count + call_off_forlorn(store, clock).await?)
}

/// Calls off the newest jobs of a run that are older than one; answers where to go on, and how many.
fn cancel_some(tx: &mut dyn Tx, now: Timestamp, root: i64, before: Option<i64>) -> Result<(Option<i64>, usize), Error> {
    let open = vec![State::WaitDependencies, State::Pending, State::Started];
    let filter = Filter { root: Some(root), states: open, before, limit: Some(CHUNK), ..Filter::default() };
    let jobs = job_view::list(tx, &filter)?;
    let mut count = 0;
    for job in &jobs {
        match cancel(tx, now, job.id) {
            Ok(_) => count += 1,
            // A job before it in the list was its parent and took it along.
            Err(Error::State { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok((jobs.last().map(|last| last.id), count))
}

/// Calls off what waits for an end that will not come any more, a chunk at a time. Answers how many jobs.
pub(super) async fn call_off_forlorn(store: &Store, clock: &Clock) -> Result<usize, Error> {
    let mut count = 0;
    loop {
        // Looked for by a reader, so that the writer does nothing where there is none.
        if store.read(|tx| job_graph::forlorn(tx, 1)).await?.is_empty() {
            return Ok(count);
        }
        let now = clock.now();
        let rows = usize::try_from(CHUNK).unwrap_or(1);
        count += store.write_weighted(Durability::Durable, rows, move |tx| graph::call_off_forlorn(tx, now)).await?;
    }
}

fn name(state: Stored) -> &'static str {
    match state {
        Stored::Waiting => "waiting for other jobs",
        Stored::Ready => "pending",
        Stored::Started => "started",
        Stored::Done => "done",
        Stored::Failed => "failed",
        Stored::Cancelled => "cancelled",
        Stored::Parked => "parked",
        Stored::Later => "waiting for its time",
    }
}
