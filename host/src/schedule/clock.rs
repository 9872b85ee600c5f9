//! The clock of schedules: sleeps until the next time, then enqueues what is due.

use std::time::Duration;

use super::{
    Error, Timetable,
    plan::{self, Turn},
};
use crate::{
    base::{Clock, Timestamp},
    model::schedule::{Last, Outcome, Schedule},
    queue,
    storage::{Durability, Signal, Store, Tx, schedule as rows},
};

/// Longest sleep: the clock may be set meanwhile, and a look is cheap.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Schedules that one transaction sees to.
const CHUNK: i64 = 100;

/// Enqueues what is due for as long as the host runs.
pub async fn follow(store: Store, clock: Clock) {
    let mut changes = store.listen(Signal::Schedule);
    loop {
        changes.mark_unchanged();
        let sleep = match tick(&store, &clock).await {
            Ok(Some(next)) => until(&clock, next).min(LONGEST_SLEEP),
            Ok(None) => LONGEST_SLEEP,
            Err(error) => {
                // The store says once by itself that there is no room.
                if store.refusal().is_none() {
                    tracing::error!(%error, "schedules could not be seen to; they are looked at again");
                }
                LONGEST_SLEEP
            }
        };
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            changed = changes.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

fn until(clock: &Clock, at: Timestamp) -> Duration {
    let micros = at.0.saturating_sub(clock.now().0).max(0);
    // The timer is coarser than the clock: a little late is better than twice.
    Duration::from_micros(u64::try_from(micros).unwrap_or(0)) + Duration::from_millis(1)
}

/// Enqueues what is due now; answers when the next time comes.
pub async fn tick(store: &Store, clock: &Clock) -> Result<Option<Timestamp>, Error> {
    loop {
        let now = clock.now();
        // Looked for by a reader, so that the writer does nothing where there is nothing to do.
        let (is_due, next) = store
            .read(move |tx| Ok::<_, Error>((!rows::due(tx, now, plan::ahead(now), 1)?.is_empty(), rows::next(tx)?)))
            .await?;
        if !is_due {
            return Ok(next);
        }
        store.write(Durability::Durable, move |tx| see_to(tx, now)).await?;
    }
}

fn see_to(tx: &mut dyn Tx, now: Timestamp) -> Result<(), Error> {
    for mut schedule in rows::due(tx, now, plan::ahead(now), CHUNK)? {
        let Ok(table) = Timetable::read(&schedule.times) else {
            // It could be read when it was set: another version of the program knows another calendar.
            tracing::error!(task = schedule.task, times = ?schedule.times, "a schedule can't be read any more; it is paused");
            schedule.paused = true;
            rows::update(tx, &schedule)?;
            continue;
        };
        match plan::turn(&schedule, now) {
            Turn::Wait => continue,
            Turn::Replan => {}
            Turn::LeaveOut => schedule.last = Some(Last { at: now, outcome: Outcome::Missed, job: None }),
            Turn::Run => schedule.last = Some(enqueue(tx, now, &schedule)?),
        }
        plan::advance(&mut schedule, &table, now);
        rows::update(tx, &schedule)?;
    }
    Ok(())
}

fn enqueue(tx: &mut dyn Tx, now: Timestamp, schedule: &Schedule) -> Result<Last, Error> {
    let enqueued = queue::enqueue(tx, now, &plan::job(schedule))?;
    let outcome = if enqueued.deduplicated { Outcome::Overlapped } else { Outcome::Queued };
    Ok(Last { at: now, outcome, job: Some(enqueued.id) })
}
