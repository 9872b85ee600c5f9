//! One round of claiming: sweep in what is due, then take jobs fairly from the channels that may start some.

use super::{Error, slot::Slots};
use crate::{
    base::Timestamp,
    model::job::Channel,
    storage::{
        Tx, job_channel,
        job_claim::{self, Claimed},
    },
};

/// Jobs that are swept in, or claimed, in one round at most: what one transaction should change.
pub(super) const ROUND: i64 = 500;

/// What a round needs to know.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub claim: i64,
    pub limit: i64,
    pub runs: Option<Vec<i64>>,
    pub slots: Slots,
    /// The channels may have changed since the slots were made.
    pub reload: bool,
    /// The channel that was served last: the next round begins behind it.
    pub last_channel: i64,
}

/// What it came to.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub jobs: Vec<Claimed>,
    /// The channels, where they were read again.
    pub channels: Option<Vec<Channel>>,
    /// When there may be something to claim without anybody telling.
    pub wakes_at: Option<Timestamp>,
    /// There is more that could be taken at once.
    pub has_more: bool,
}

/// Runs one round. It may run twice, so it works on a copy of the slots.
pub(super) fn round(tx: &mut dyn Tx, now: Timestamp, request: &Request) -> Result<Round, Error> {
    let mut slots = request.slots.clone();
    let mut round = Round::default();
    let swept = job_claim::sweep_due(tx, now, ROUND)?;
    let mut ready = job_claim::ready_channels(tx)?;
    if request.reload || ready.iter().any(|channel| !slots.knows(*channel)) {
        let channels = job_channel::all(tx)?;
        slots.set_channels(channels.clone());
        round.channels = Some(channels);
    }
    // Round robin: no channel waits for ever because another one has a million jobs.
    ready.sort_by_key(|channel| (*channel <= request.last_channel, *channel));
    let limit = request.limit.min(ROUND);
    let share = (limit / i64::try_from(ready.len().max(1)).unwrap_or(1)).max(1);
    for quota in [share, i64::MAX] {
        for channel in &ready {
            let left = limit - i64::try_from(round.jobs.len()).unwrap_or(limit);
            let count = slots.free(*channel, now).min(left).min(quota);
            if count <= 0 || (slots.is_sequential(*channel) && job_channel::held_by(tx, *channel)?.is_some()) {
                continue;
            }
            let jobs = job_claim::claim(tx, now, *channel, request.claim, count, request.runs.as_deref())?;
            jobs.iter().for_each(|_| slots.take(*channel, now));
            round.jobs.extend(jobs);
        }
    }
    let throttled = ready.iter().filter_map(|channel| slots.wakes_at(*channel, now)).min();
    let due = job_claim::next_eta(tx)?;
    round.wakes_at = throttled.into_iter().chain(due).min();
    let is_full = round.jobs.len() as i64 >= limit;
    round.has_more = swept >= ROUND as u64 || (is_full && request.limit > limit);
    Ok(round)
}
