//! Channels: a tree that says how many jobs run at once and how fast they start. Names are dotted, from `root` down.

use super::Error;
use crate::{
    model::job::{Channel, Load},
    storage::{Signal, Tx, job_channel},
};

/// Jobs of one backend at once when nobody says otherwise.
pub const BACKEND_CAPACITY: i64 = 4;

/// The channel of a backend's jobs.
pub fn of_backend(backend: i64) -> String {
    format!("root.backend.{backend}")
}

/// All channels, by name.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Channel>, Error> {
    Ok(job_channel::all(tx)?)
}

/// What is to be changed of a channel; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Jobs at once; `Some(None)`: as many as the channel above allows.
    pub capacity: Option<Option<i64>>,
    /// Least milliseconds between two starts.
    pub interval: Option<i64>,
    /// Starts nothing.
    pub paused: Option<bool>,
    /// One at a time, in order.
    pub sequential: Option<bool>,
    /// Microseconds for which done and cancelled jobs are kept; `Some(None)`: as everywhere.
    pub keep_done: Option<Option<i64>>,
    /// The same for failed ones.
    pub keep_failed: Option<Option<i64>>,
}

/// Changes a channel, which is made where it is missing. Takes effect at once.
pub fn set(tx: &mut dyn Tx, name: &str, change: &Change) -> Result<Channel, Error> {
    let bad = |why| Error::Channel { name: name.to_owned(), why };
    if change.capacity.flatten().is_some_and(|capacity| capacity < 0) {
        return Err(bad("the capacity is below 0"));
    }
    if change.interval.is_some_and(|interval| interval < 0) {
        return Err(bad("the interval is below 0"));
    }
    if [change.keep_done, change.keep_failed].iter().any(|keep| keep.flatten().is_some_and(|time| time < 0)) {
        return Err(bad("jobs can't be kept for less than no time"));
    }
    let id = find_or_make(tx, name)?;
    let channels = job_channel::all(tx)?;
    let mut channel = channels.into_iter().find(|c| c.id == id).ok_or_else(|| bad("it vanished"))?;
    channel.capacity = change.capacity.unwrap_or(channel.capacity);
    channel.interval = change.interval.unwrap_or(channel.interval);
    channel.paused = change.paused.unwrap_or(channel.paused);
    channel.sequential = change.sequential.unwrap_or(channel.sequential);
    channel.keep_done = change.keep_done.unwrap_or(channel.keep_done);
    channel.keep_failed = change.keep_failed.unwrap_or(channel.keep_failed);
    job_channel::update(tx, &channel)?;
    tx.signal(Signal::Channel);
    Ok(channel)
}

/// How much waits in each channel where something does, and what holds up sequential ones.
pub fn loads(tx: &mut dyn Tx) -> Result<Vec<Load>, Error> {
    let ready = job_channel::ready(tx)?;
    let mut loads = Vec::new();
    for channel in job_channel::all(tx)? {
        let held_by = if channel.sequential { job_channel::held_by(tx, channel.id)? } else { None };
        let ready = ready.iter().find(|(id, _)| *id == channel.id).map_or(0, |(_, count)| *count);
        loads.push(Load { channel: channel.id, ready, held_by });
    }
    Ok(loads)
}

/// The channel that a new job goes to.
pub(super) fn resolve(tx: &mut dyn Tx, name: Option<&str>, backend: Option<i64>) -> Result<i64, Error> {
    match (name, backend) {
        (Some(name), _) => find_or_make(tx, name),
        (None, Some(backend)) => find_or_make(tx, &of_backend(backend)),
        (None, None) => find_or_make(tx, "root"),
    }
}

fn find_or_make(tx: &mut dyn Tx, name: &str) -> Result<i64, Error> {
    if let Some(id) = job_channel::find(tx, name)? {
        return Ok(id);
    }
    let bad = |why| Error::Channel { name: name.to_owned(), why };
    if name != "root" && !name.starts_with("root.") {
        return find_or_make(tx, &format!("root.{name}"));
    }
    if name.split('.').any(str::is_empty) {
        return Err(bad("a part of the name is empty"));
    }
    let Some((parent, last)) = name.rsplit_once('.') else { return Err(bad("the first channel is missing")) };
    let above = find_or_make(tx, parent)?;
    // A backend's own channel is bounded from the start; any other one is bounded by the channels above it.
    let capacity = (parent == "root.backend" && last.parse::<i64>().is_ok()).then_some(BACKEND_CAPACITY);
    tx.signal(Signal::Channel);
    Ok(job_channel::insert(tx, name, above, capacity)?)
}
