//! What a schedule's clock comes to at a moment: pure, so that every jump of the clock can be tried.

use std::time::Duration;

use super::Timetable;
use crate::{
    base::Timestamp,
    model::{
        job::{NewJob, Scope},
        schedule::{Missed, Overlap, Schedule},
    },
};

/// How late a time may be seen to and still counts as seen to in time.
const GRACE: Duration = Duration::from_secs(60);
/// How far ahead of now a plan may have been made: clocks are set back by less all the time.
const AHEAD: Duration = Duration::from_secs(60);

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// A moment that lies so far ahead that a plan made then was made by a clock that has been set back since.
pub fn ahead(now: Timestamp) -> Timestamp {
    Timestamp(now.0.saturating_add(micros(AHEAD)))
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing: the time has not come.
    Wait,
    /// The clock was set back: plan anew.
    Replan,
    /// Enqueue the job.
    Run,
    /// The time passed unseen and is left out.
    LeaveOut,
}

/// Whose turn it is.
pub fn turn(schedule: &Schedule, now: Timestamp) -> Turn {
    if schedule.planned > ahead(now) {
        return Turn::Replan;
    }
    match schedule.next {
        Some(next) if next <= now => {
            let is_late = now.0 - next.0 > micros(GRACE);
            if is_late && schedule.times.missed == Missed::Skip { Turn::LeaveOut } else { Turn::Run }
        }
        _ => Turn::Wait,
    }
}

/// Works out the next time: after the last one, or after now where that one was seen to late.
pub fn advance(schedule: &mut Schedule, table: &Timetable, now: Timestamp) {
    let in_time = schedule.due.filter(|due| schedule.planned <= ahead(now) && now.0 - due.0 <= lateness(schedule));
    plan_after(schedule, table, in_time.unwrap_or(now), now);
}

/// How long after its time by the expression a time is still in time.
fn lateness(schedule: &Schedule) -> i64 {
    micros(GRACE) + schedule.times.jitter.saturating_mul(1_000_000)
}

/// Plans the first time after a moment.
pub fn plan_after(schedule: &mut Schedule, table: &Timetable, after: Timestamp, now: Timestamp) {
    schedule.due = table.next(after);
    schedule.next = schedule.due.map(|due| due.plus_millis(delay(schedule, due)));
    schedule.planned = now;
}

/// The same whenever it is asked for, another for each schedule and time.
fn delay(schedule: &Schedule, due: Timestamp) -> i64 {
    let most = schedule.times.jitter.max(0).unsigned_abs().saturating_mul(1_000);
    let mut bytes = [0_u8; 16];
    bytes[..8].copy_from_slice(&schedule.id.to_le_bytes());
    bytes[8..].copy_from_slice(&due.0.to_le_bytes());
    i64::try_from(xxhash_rust::xxh3::xxh3_64(&bytes) % (most + 1)).unwrap_or_default()
}

/// The job of a time.
pub fn job(schedule: &Schedule) -> NewJob {
    let own = || format!("schedule:{}", schedule.id);
    let identity = match schedule.times.overlap {
        // The job's own identity, where it has one, keeps it from overlapping with what a person started, too.
        Overlap::Skip => Some((schedule.job.identity.clone().map_or_else(own, |(key, _)| key), Scope::UntilDone)),
        Overlap::QueueOne => Some((own(), Scope::UntilStart)),
        Overlap::Allow => None,
    };
    NewJob { identity, ..schedule.job.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schedule::Times;

    const DAY: i64 = 86_400;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).expect("a time")
    }

    fn hourly(jitter: i64, missed: Missed) -> (Schedule, Timetable) {
        let times = Times { cron: "0 * * * *".into(), zone: "UTC".into(), jitter, overlap: Overlap::Skip, missed };
        let table = Timetable::read(&times).expect("it can be read");
        let mut schedule = Schedule {
            id: 7,
            backend: None,
            task: "prune".into(),
            times,
            paused: false,
            job: NewJob::new("test", serde_json::Value::Null),
            due: None,
            next: None,
            planned: Timestamp(0),
            last: None,
        };
        plan_after(&mut schedule, &table, at("2026-11-24T10:30:00Z"), at("2026-11-24T10:30:00Z"));
        (schedule, table)
    }

    /// Runs a clock minute by minute; answers when jobs were enqueued.
    fn run(schedule: &mut Schedule, table: &Timetable, from: Timestamp, minutes: i64) -> Vec<Timestamp> {
        let mut runs = Vec::new();
        for minute in 0..minutes {
            let now = from.plus_seconds(60 * minute);
            match turn(schedule, now) {
                Turn::Wait => continue,
                Turn::Run => runs.push(now),
                Turn::LeaveOut | Turn::Replan => {}
            }
            advance(schedule, table, now);
        }
        runs
    }

    #[test]
    fn each_time_comes_once() {
        let (mut schedule, table) = hourly(0, Missed::RunOnce);
        let runs = run(&mut schedule, &table, at("2026-11-24T10:30:00Z"), 24 * 60);
        assert_eq!(runs.len(), 24);
        assert!(runs.iter().all(|run| run.0 % 3_600_000_000 == 0), "{runs:?}");
    }

    #[test]
    fn jitter_puts_times_off_within_its_bounds_and_loses_none() {
        let (mut schedule, table) = hourly(1_800, Missed::RunOnce);
        let runs = run(&mut schedule, &table, at("2026-11-24T10:30:00Z"), 24 * 60);
        assert!((23..=24).contains(&runs.len()), "{}", runs.len());
        let minutes: std::collections::BTreeSet<i64> = runs.iter().map(|run| run.0 / 60_000_000 % 60).collect();
        assert!(minutes.len() > 8 && minutes.iter().all(|minute| *minute <= 31), "{minutes:?}");
    }

    #[test]
    fn a_jump_of_a_day_ahead_runs_once_or_not_at_all() {
        for (missed, more) in [(Missed::RunOnce, 1), (Missed::Skip, 0)] {
            let (mut schedule, table) = hourly(0, missed);
            let jumped = at("2026-11-24T10:31:00Z").plus_seconds(DAY);
            let runs = run(&mut schedule, &table, jumped, 60);
            assert_eq!(runs.len(), 1 + more, "{missed:?}");
        }
    }

    #[test]
    fn a_jump_of_a_day_back_does_not_silence_it_for_a_day() {
        let (mut schedule, table) = hourly(0, Missed::RunOnce);
        run(&mut schedule, &table, at("2026-11-24T10:30:00Z"), 120);
        let back = at("2026-11-24T12:30:00Z").plus_seconds(-DAY);
        let runs = run(&mut schedule, &table, back, 180);
        assert_eq!(runs.len(), 3, "{runs:?}");
    }

    #[test]
    fn a_clock_that_is_put_back_a_little_repeats_nothing() {
        let (mut schedule, table) = hourly(0, Missed::RunOnce);
        let noon = at("2026-11-24T12:00:00Z");
        assert_eq!(run(&mut schedule, &table, noon.plus_seconds(-3600), 61).len(), 2);
        let runs = run(&mut schedule, &table, noon.plus_seconds(-30), 10);
        assert_eq!(runs, [], "{runs:?}");
    }
}
