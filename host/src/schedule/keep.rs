//! Setting schedules, and looking at them. Each function is part of the caller's transaction.

use super::{Error, Timetable, plan};
use crate::{
    base::Timestamp,
    model::{
        job::{Enqueued, NewJob},
        schedule::{Schedule, Times},
    },
    queue,
    storage::{Signal, Tx, schedule as rows},
};

/// Most seconds of jitter.
const MOST_JITTER: i64 = 86_400;

/// All schedules, by backend and task.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Schedule>, Error> {
    Ok(rows::all(tx)?)
}

/// The schedule of a task, where one is set.
pub fn find(tx: &mut dyn Tx, backend: Option<i64>, task: &str) -> Result<Option<Schedule>, Error> {
    Ok(rows::find(tx, backend, task)?)
}

/// Sets the times of a task, and what it enqueues. A paused one stays paused.
pub fn set(
    tx: &mut dyn Tx,
    now: Timestamp,
    backend: Option<i64>,
    task: &str,
    times: &Times,
    job: &NewJob,
) -> Result<Schedule, Error> {
    let table = check(times, now)?;
    let known = rows::find(tx, backend, task)?;
    let is_new = known.is_none();
    let mut schedule = known.unwrap_or_else(|| Schedule {
        id: 0,
        backend,
        task: task.to_owned(),
        times: times.clone(),
        paused: false,
        job: job.clone(),
        due: None,
        next: None,
        planned: now,
        last: None,
    });
    (schedule.times, schedule.job) = (times.clone(), job.clone());
    if is_new {
        schedule.id = rows::insert(tx, &schedule)?;
    }
    // The jitter follows from the id, which is known only now.
    plan::plan_after(&mut schedule, &table, now, now);
    rows::update(tx, &schedule)?;
    tx.signal(Signal::Schedule);
    Ok(schedule)
}

fn check(times: &Times, now: Timestamp) -> Result<Timetable, Error> {
    if !(0..=MOST_JITTER).contains(&times.jitter) {
        return Err(Error::Jitter(times.jitter));
    }
    let table = Timetable::read(times)?;
    if table.next(now).is_none() {
        return Err(Error::Never(times.cron.clone()));
    }
    Ok(table)
}

/// Enqueues nothing until it is resumed.
pub fn pause(tx: &mut dyn Tx, mut schedule: Schedule) -> Result<Schedule, Error> {
    schedule.paused = true;
    rows::update(tx, &schedule)?;
    tx.signal(Signal::Schedule);
    Ok(schedule)
}

/// Goes on with the next time; what passed meanwhile is not made up for.
pub fn resume(tx: &mut dyn Tx, now: Timestamp, mut schedule: Schedule) -> Result<Schedule, Error> {
    let table = Timetable::read(&schedule.times)?;
    schedule.paused = false;
    plan::plan_after(&mut schedule, &table, now, now);
    rows::update(tx, &schedule)?;
    tx.signal(Signal::Schedule);
    Ok(schedule)
}

/// Ends a schedule.
pub fn remove(tx: &mut dyn Tx, schedule: &Schedule) -> Result<(), Error> {
    rows::remove(tx, schedule.id)?;
    tx.signal(Signal::Schedule);
    Ok(())
}

/// Enqueues the job of a schedule now, besides its times.
pub fn enqueue_now(tx: &mut dyn Tx, now: Timestamp, schedule: &Schedule) -> Result<Enqueued, Error> {
    Ok(queue::enqueue(tx, now, &plan::job(schedule))?)
}
