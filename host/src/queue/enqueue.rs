//! Putting jobs into the queue.

use super::{Error, channel, graph};
use crate::{
    base::Timestamp,
    model::job::{Enqueued, NewJob},
    storage::{Signal, Tx, job, job::Stored},
};

/// How long a job without a limit of attempts is tried: a week.
const ENDLESS_CAP_SECONDS: i64 = 7 * 24 * 3600;

/// Puts a job into the queue, or folds it into an equal one that is there. Part of the caller's transaction.
pub fn enqueue(tx: &mut dyn Tx, now: Timestamp, new: &NewJob) -> Result<Enqueued, Error> {
    check(new)?;
    let root = match new.spawned_by {
        None => None,
        Some(parent) => Some(job::root(tx, parent)?.ok_or(Error::Missing(parent))?),
    };
    let channel = channel::resolve(tx, new.channel.as_deref(), new.backend)?;
    let parents = graph::Parents::look(tx, &new.after)?;
    let eta = new.eta.unwrap_or(now);
    let state = match () {
        () if parents.waiting > 0 => Stored::Waiting,
        () if eta > now => Stored::Later,
        () => Stored::Ready,
    };
    let pattern = new.retry_pattern.as_ref().map(to_json).transpose()?;
    let placement = job::Placement {
        root,
        channel,
        state,
        eta,
        expires: (new.max_retries == 0).then(|| now.plus_seconds(ENDLESS_CAP_SECONDS)),
        retry_pattern: pattern.as_deref(),
        waiting: parents.waiting,
    };
    let Some(id) = job::insert(tx, now, new, &to_json(&new.payload)?, &placement)? else {
        return fold(tx, new, root);
    };
    parents.connect(tx, now, id)?;
    tx.signal(Signal::Job);
    Ok(Enqueued { id, deduplicated: false })
}

fn fold(tx: &mut dyn Tx, new: &NewJob, root: Option<i64>) -> Result<Enqueued, Error> {
    let (key, scope) = new.identity.as_ref().expect("only a job with an identity can meet an equal one");
    let gone = || crate::storage::Error::Shape(format!("the job with identity {key:?} vanished within a transaction"));
    let id = job::twin(tx, key, *scope)?.ok_or_else(gone)?;
    // The run that asked for it waits for it, too.
    if let Some(root) = root {
        job::adopt(tx, id, root)?;
    }
    Ok(Enqueued { id, deduplicated: true })
}

fn check(new: &NewJob) -> Result<(), Error> {
    let invalid = |why: &str| Err(Error::Invalid { kind: new.kind.clone(), why: why.to_owned() });
    match new {
        _ if new.kind.is_empty() => invalid("the kind is empty"),
        _ if new.priority < 0 => invalid("the priority is below 0, which is the first"),
        _ if new.max_retries < 0 => invalid("max_retries is below 0, which stands for endless"),
        _ if new.timeout.is_some_and(|seconds| seconds <= 0) => invalid("the timeout is not above 0 seconds"),
        _ if new.identity.as_ref().is_some_and(|(key, _)| key.is_empty()) => invalid("the identity is empty"),
        _ => Ok(()),
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|e| Error::Invalid { kind: String::new(), why: e.to_string() })
}
