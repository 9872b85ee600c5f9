//! Use cases of channels: how many jobs run at once, how fast they start, whether they may.

use serde::{Deserialize, Serialize};

use super::{Caller, Error, Host, wire::Nothing};
use crate::{
    base::Fault,
    model::job,
    queue::channel::{self, Change},
    storage::Durability,
};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Changes a channel, which is made where it is missing. What is absent stays.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// `root.backend.3`, or the name of a backend.
    pub name: String,
    /// Jobs at once; `unlimited`: as many as the channel above allows.
    #[serde(default)]
    pub capacity: Option<String>,
    /// Jobs that start within a time: `5/s`, `100/min`, `0`, `unlimited`.
    #[serde(default)]
    pub rate: Option<String>,
    /// One at a time, in order.
    #[serde(default)]
    pub sequential: Option<bool>,
    /// Starts nothing.
    #[serde(default)]
    pub paused: Option<bool>,
    /// Days for which done and cancelled jobs are kept; `default`: as everywhere.
    #[serde(default)]
    pub keep_done: Option<String>,
    /// The same for failed ones.
    #[serde(default)]
    pub keep_failed: Option<String>,
}

/// Channels.
#[derive(Debug, Serialize, Deserialize)]
pub struct List {
    /// By name: those above come before those below.
    pub channels: Vec<Channel>,
}

/// A channel and what waits in it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Channel {
    /// The channel.
    #[serde(flatten)]
    pub channel: job::Channel,
    /// The backend whose channel it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Jobs that may start.
    pub ready: i64,
    /// Jobs that run; absent where no host does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<i64>,
    /// Of a sequential channel: the job that holds up those behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<i64>,
}

pub(super) async fn list(host: &Host, _: &Caller, _: Nothing) -> Result<List, Fault> {
    let (all, loads) =
        host.store.read(|tx| Ok::<_, crate::queue::Error>((channel::list(tx)?, channel::loads(tx)?))).await?;
    let running = host.running_in_channels();
    let shown = |channel: job::Channel| {
        let load = loads.iter().find(|load| load.channel == channel.id).copied().unwrap_or_default();
        let running = running.as_ref().map(|all| all.get(&channel.id).copied().unwrap_or_default());
        Channel { backend: backend_of(host, &channel.name), ready: load.ready, running, held_by: load.held_by, channel }
    };
    Ok(List { channels: all.into_iter().map(shown).collect() })
}

fn backend_of(host: &Host, name: &str) -> Option<String> {
    let id = name.strip_prefix("root.backend.")?.split('.').next()?.parse().ok()?;
    host.backends.name_of(id)
}

pub(super) async fn set(host: &Host, caller: &Caller, request: Set) -> Result<Channel, Fault> {
    let name = match host.backends.by_name(&request.name) {
        Ok(backend) => channel::of_backend(backend.id),
        Err(_) => request.name.clone(),
    };
    let change = Change {
        capacity: request.capacity.as_deref().map(|text| number("capacity", text, "unlimited")).transpose()?,
        interval: request.rate.as_deref().map(interval).transpose()?,
        paused: request.paused,
        sequential: request.sequential,
        keep_done: request.keep_done.as_deref().map(days).transpose()?,
        keep_failed: request.keep_failed.as_deref().map(days).transpose()?,
    };
    let set = host.store.write(Durability::Durable, move |tx| channel::set(tx, &name, &change)).await?;
    let all = list(host, caller, Nothing {}).await?;
    let found = all.channels.into_iter().find(|one| one.channel.id == set.id);
    Ok(found.ok_or(Error::NotFound { noun: "channel", name: set.name })?)
}

/// A number that may be left open by a word.
fn number(what: &str, text: &str, open: &str) -> Result<Option<i64>, Error> {
    if text == open {
        return Ok(None);
    }
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.map(Some).ok_or_else(|| Error::Value(format!("{what}: {text:?} is neither a number from 0 on nor {open}")))
}

fn days(text: &str) -> Result<Option<i64>, Error> {
    Ok(number("days", text, "default")?.map(|days| days.saturating_mul(DAY)))
}

/// The least milliseconds between two starts of a rate.
fn interval(text: &str) -> Result<i64, Error> {
    let wrong = || {
        let how = "`5/s`, `100/min`, `2000/h`, `0` or `unlimited`, with at most 1000 a second";
        Error::Value(format!("rate: {text:?} is none; it is said as {how}"))
    };
    let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
    let millis: i64 = match unit {
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    match count {
        "unlimited" => Ok(0),
        "0" => Ok(job::Channel::NEVER),
        count => {
            let count = count.parse::<i64>().ok().filter(|count| *count > 0 && *count <= millis).ok_or_else(wrong)?;
            // Rounded up: rather a little slower than too fast.
            Ok((millis + count - 1) / count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_intervals_and_nothing_is_nothing() {
        for (text, millis) in [("5/s", 200), ("100/min", 600), ("2000/h", 1_800), ("7", 143), ("unlimited", 0)] {
            assert_eq!(interval(text).ok(), Some(millis), "{text}");
        }
        assert_eq!(interval("0/min").ok(), Some(job::Channel::NEVER));
        for text in ["fast", "-1", "5/day", "1001/s", ""] {
            assert!(interval(text).is_err(), "{text}");
        }
    }
}
