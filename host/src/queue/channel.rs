//! Channels: a tree that says how many jobs run at once and how fast they start. Names are dotted, from `root` down.

use super::Error;
use crate::{
    model::job::Channel,
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

/// Changes capacity, interval and pause of a channel, which is made where it is missing. Takes effect at once.
pub fn set(tx: &mut dyn Tx, name: &str, capacity: Option<i64>, interval: i64, paused: bool) -> Result<Channel, Error> {
    let bad = |why| Error::Channel { name: name.to_owned(), why };
    if capacity.is_some_and(|capacity| capacity < 0) {
        return Err(bad("the capacity is below 0"));
    }
    if interval < 0 {
        return Err(bad("the interval is below 0"));
    }
    let id = find_or_make(tx, name)?;
    let channels = job_channel::all(tx)?;
    let mut channel = channels.into_iter().find(|c| c.id == id).ok_or_else(|| bad("it vanished"))?;
    channel.capacity = capacity;
    channel.interval = interval;
    channel.paused = paused;
    job_channel::update(tx, &channel)?;
    tx.signal(Signal::Channel);
    Ok(channel)
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
