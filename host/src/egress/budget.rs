//! The rate budget of one backend towards one host: learned from answers, spent before a call leaves.
//!
//! It only counts and tells how long to wait; waiting is the exchange's business.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;

use super::limit_header::Said;
use crate::base::Timestamp;

/// A window whose end the server does not tell is taken to be this long.
const UNKNOWN_WINDOW: Duration = Duration::from_secs(1);

/// What is known of a budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Scheme, host and port.
    pub host: String,
    /// Requests allowed in a window, where the server said so.
    pub limit: Option<u64>,
    /// Requests left, those on their way taken off.
    pub remaining: Option<u64>,
    /// Milliseconds until the window ends.
    pub reset_ms: Option<u64>,
    /// Milliseconds for which the server wants to be left alone.
    pub blocked_ms: Option<u64>,
}

#[derive(Default)]
pub(super) struct Meter(Mutex<State>);

#[derive(Default)]
struct State {
    limit: Option<u64>,
    remaining: Option<u64>,
    resets_at: Option<Timestamp>,
    blocked_until: Option<Timestamp>,
    in_flight: u64,
}

impl Meter {
    /// Takes one request off the budget, or tells how long to wait before asking again.
    pub(super) fn reserve(&self, now: Timestamp) -> Result<(), Duration> {
        let mut state = self.lock();
        state.expire(now);
        let wait = match (state.blocked_until, state.remaining, state.resets_at) {
            (Some(until), ..) | (None, Some(0), Some(until)) => Some(until),
            _ => None,
        };
        if let Some(until) = wait {
            return Err(between(now, until));
        }
        if let Some(left) = &mut state.remaining {
            *left = left.saturating_sub(1);
        }
        state.in_flight += 1;
        Ok(())
    }

    /// Takes in what an answer said.
    pub(super) fn learn(&self, said: &Said, now: Timestamp) {
        let mut state = self.lock();
        if said.limit.is_some() {
            state.limit = said.limit;
        }
        if let Some(remaining) = said.remaining {
            // Others on their way were not counted by the server yet; this one was.
            state.remaining = Some(remaining.saturating_sub(state.in_flight.saturating_sub(1)));
            state.resets_at = Some(later(now, said.reset.unwrap_or(UNKNOWN_WINDOW)));
        }
    }

    /// Leaves the server alone for a while, whoever wants to call it.
    pub(super) fn block(&self, now: Timestamp, time: Duration) {
        let until = later(now, time);
        let mut state = self.lock();
        state.blocked_until = Some(state.blocked_until.map_or(until, |before| before.max(until)));
    }

    /// A reserved request has ended, one way or the other.
    pub(super) fn release(&self) {
        let mut state = self.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
    }

    pub(super) fn read(&self, host: &str, now: Timestamp) -> Budget {
        let mut state = self.lock();
        state.expire(now);
        let millis = |until: Timestamp| u64::try_from(between(now, until).as_millis()).unwrap_or(u64::MAX);
        Budget {
            host: host.to_owned(),
            limit: state.limit,
            remaining: state.remaining,
            reset_ms: state.resets_at.map(millis),
            blocked_ms: state.blocked_until.map(millis),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn expire(&mut self, now: Timestamp) {
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
        }
        if self.resets_at.is_some_and(|at| at <= now) {
            self.resets_at = None;
            self.remaining = None;
        }
    }
}

fn later(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX)))
}

fn between(now: Timestamp, until: Timestamp) -> Duration {
    Duration::from_micros(u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn said(remaining: u64, reset: u64) -> Said {
        Said { limit: Some(10), remaining: Some(remaining), reset: Some(Duration::from_secs(reset)), retry_after: None }
    }

    #[test]
    fn an_empty_budget_waits_for_its_window() {
        let meter = Meter::default();
        assert_eq!(meter.reserve(NOW), Ok(()));
        meter.learn(&said(1, 30), NOW);
        meter.release();
        assert_eq!(meter.reserve(NOW), Ok(()));
        assert_eq!(meter.reserve(NOW), Err(Duration::from_secs(30)));
        assert_eq!(meter.reserve(NOW.plus_seconds(29)), Err(Duration::from_secs(1)));
        assert_eq!(meter.reserve(NOW.plus_seconds(30)), Ok(()));
    }

    #[test]
    fn requests_on_their_way_are_taken_off() {
        let meter = Meter::default();
        for _ in 0..3 {
            assert_eq!(meter.reserve(NOW), Ok(()));
        }
        meter.learn(&said(2, 30), NOW);
        meter.release();
        assert_eq!(meter.read("x", NOW).remaining, Some(0));
        assert!(meter.reserve(NOW).is_err());
    }

    #[test]
    fn a_block_holds_for_everybody_and_ends() {
        let meter = Meter::default();
        meter.block(NOW, Duration::from_secs(5));
        meter.block(NOW, Duration::from_secs(2));
        assert_eq!(meter.reserve(NOW), Err(Duration::from_secs(5)));
        assert_eq!(meter.reserve(NOW.plus_seconds(5)), Ok(()));
    }
}
