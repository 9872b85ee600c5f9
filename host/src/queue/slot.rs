//! How many jobs each channel may start now: capacities, pauses and intervals over the tree, counted in memory.

use std::collections::{BTreeMap, HashMap};

use crate::{base::Timestamp, model::job::Channel};

/// Channels with what runs in them.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    channels: BTreeMap<i64, Channel>,
    running: HashMap<i64, i64>,
    last_start: HashMap<i64, Timestamp>,
}

impl Slots {
    /// Takes over the channels as they are set now; what runs stays counted.
    pub fn set_channels(&mut self, channels: Vec<Channel>) {
        self.channels = channels.into_iter().map(|channel| (channel.id, channel)).collect();
    }

    /// How many jobs run in each channel.
    pub fn running(&self) -> &HashMap<i64, i64> {
        &self.running
    }

    /// Whether a channel is known.
    pub fn knows(&self, channel: i64) -> bool {
        self.channels.contains_key(&channel)
    }

    fn upward(&self, channel: i64) -> impl Iterator<Item = &Channel> {
        std::iter::successors(self.channels.get(&channel), |at| self.channels.get(&at.parent?))
    }

    /// How many jobs may start in a channel now: the least that it and any channel above it allows.
    pub fn free(&self, channel: i64, now: Timestamp) -> i64 {
        self.upward(channel).map(|at| self.free_of(at, now)).min().unwrap_or(0)
    }

    fn free_of(&self, channel: &Channel, now: Timestamp) -> i64 {
        if channel.paused || channel.interval == Channel::NEVER {
            return 0;
        }
        let running = self.running.get(&channel.id).copied().unwrap_or(0);
        let capacity = if channel.sequential { Some(channel.capacity.unwrap_or(1).min(1)) } else { channel.capacity };
        let by_capacity = capacity.map_or(i64::MAX, |capacity| (capacity - running).max(0));
        match self.next_start(channel) {
            Some(next) if next > now => 0,
            Some(_) => by_capacity.min(1),
            None => by_capacity,
        }
    }

    fn next_start(&self, channel: &Channel) -> Option<Timestamp> {
        let last = self.last_start.get(&channel.id).copied().unwrap_or(Timestamp(i64::MIN));
        (channel.interval > 0 && channel.interval != Channel::NEVER).then(|| last.plus_millis(channel.interval))
    }

    /// Whether jobs of a channel run one at a time, in order.
    pub fn is_sequential(&self, channel: i64) -> bool {
        self.channels.get(&channel).is_some_and(|channel| channel.sequential)
    }

    /// When a channel that starts nothing now because of an interval may start something.
    pub fn wakes_at(&self, channel: i64, now: Timestamp) -> Option<Timestamp> {
        let waits = self.upward(channel).filter_map(|at| self.next_start(at)).filter(|next| *next > now);
        waits.max()
    }

    /// A job has started.
    pub fn take(&mut self, channel: i64, now: Timestamp) {
        let path: Vec<i64> = self.upward(channel).map(|at| at.id).collect();
        for id in path {
            *self.running.entry(id).or_default() += 1;
            self.last_start.insert(id, now);
        }
    }

    /// Its outcome is stored.
    pub fn give_back(&mut self, channel: i64) {
        let path: Vec<i64> = self.upward(channel).map(|at| at.id).collect();
        for id in path {
            if let Some(count) = self.running.get_mut(&id) {
                *count -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn channel(id: i64, parent: Option<i64>, capacity: Option<i64>) -> Channel {
        Channel {
            id,
            name: format!("c{id}"),
            parent,
            capacity,
            interval: 0,
            paused: false,
            sequential: false,
            keep_done: None,
            keep_failed: None,
        }
    }

    fn slots(channels: Vec<Channel>) -> Slots {
        let mut slots = Slots::default();
        slots.set_channels(channels);
        slots
    }

    #[test]
    fn a_channel_is_bounded_by_those_above_it() {
        let mut slots = slots(vec![
            channel(1, None, None),
            channel(2, Some(1), Some(3)),
            channel(3, Some(2), Some(2)),
            channel(4, Some(2), None),
        ]);
        assert_eq!((slots.free(3, NOW), slots.free(4, NOW)), (2, 3));
        slots.take(4, NOW);
        slots.take(4, NOW);
        assert_eq!((slots.free(3, NOW), slots.free(4, NOW), slots.free(1, NOW)), (1, 1, i64::MAX));
        slots.give_back(4);
        assert_eq!(slots.free(3, NOW), 2);
    }

    #[test]
    fn a_capacity_of_nothing_is_nothing() {
        let slots = slots(vec![channel(1, None, Some(0)), channel(2, Some(1), Some(5))]);
        assert_eq!((slots.free(1, NOW), slots.free(2, NOW)), (0, 0));
    }

    #[test]
    fn a_rate_of_nothing_starts_nothing_and_a_sequence_one_at_a_time() {
        let mut channel = channel(1, None, Some(5));
        channel.interval = Channel::NEVER;
        assert_eq!(slots(vec![channel.clone()]).free(1, NOW), 0);
        assert_eq!(slots(vec![channel.clone()]).wakes_at(1, NOW), None);
        (channel.interval, channel.sequential) = (0, true);
        let mut slots = slots(vec![channel]);
        assert_eq!(slots.free(1, NOW), 1);
        slots.take(1, NOW);
        assert_eq!(slots.free(1, NOW), 0);
    }

    #[test]
    fn a_pause_holds_for_all_below() {
        let mut root = channel(1, None, None);
        root.paused = true;
        assert_eq!(slots(vec![root, channel(2, Some(1), Some(5))]).free(2, NOW), 0);
    }

    #[test]
    fn an_interval_lets_one_start_at_a_time() {
        let mut slow = channel(1, None, None);
        slow.interval = 500;
        let mut slots = slots(vec![slow]);
        assert_eq!(slots.free(1, NOW), 1);
        slots.take(1, NOW);
        assert_eq!(slots.free(1, NOW.plus_millis(499)), 0);
        assert_eq!(slots.wakes_at(1, NOW), Some(NOW.plus_millis(500)));
        assert_eq!(slots.free(1, NOW.plus_millis(500)), 1);
    }

    #[test]
    fn a_lowered_capacity_waits_for_what_runs() {
        let mut slots = slots(vec![channel(1, None, Some(3))]);
        (0..3).for_each(|_| slots.take(1, NOW));
        slots.set_channels(vec![channel(1, None, Some(1))]);
        slots.give_back(1);
        assert_eq!(slots.free(1, NOW), 0);
        slots.give_back(1);
        slots.give_back(1);
        assert_eq!(slots.free(1, NOW), 1);
    }
}
