//! Rows of schedules.

use std::sync::LazyLock;

use serde::{Serialize, de::DeserializeOwned};

use super::{Error, Param, Row, Statement, Tx};
use crate::{
    base::Timestamp,
    model::schedule::{Last, Schedule, Times},
};

const COLUMNS: &str =
    "id, backend, task, cron, zone, jitter, overlap, missed, paused, job, due, next, planned, last_at,
  last_outcome, last_job";

fn select(rest: &str) -> Statement {
    Statement::generated(format!("select {COLUMNS} from schedule {rest}"))
}

/// A word as it is stored.
fn word<T: Serialize>(value: &T) -> Result<String, Error> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(Error::Shape(format!("a word of a schedule: {other:?}"))),
    }
}

fn read_word<T: DeserializeOwned>(word: &str) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| Error::Shape(format!("a word of a schedule: {error}")))
}

fn read(row: &dyn Row) -> Result<Schedule, Error> {
    let last = match (row.opt_int(13)?, row.opt_text(14)?) {
        (Some(at), Some(outcome)) => {
            Some(Last { at: Timestamp(at), outcome: read_word(outcome)?, job: row.opt_int(15)? })
        }
        _ => None,
    };
    let job =
        serde_json::from_str(row.text(9)?).map_err(|error| Error::Shape(format!("the job of a schedule: {error}")))?;
    Ok(Schedule {
        id: row.int(0)?,
        backend: row.opt_int(1)?,
        task: row.string(2)?,
        times: Times {
            cron: row.string(3)?,
            zone: row.string(4)?,
            jitter: row.int(5)?,
            overlap: read_word(row.text(6)?)?,
            missed: read_word(row.text(7)?)?,
        },
        paused: row.bool(8)?,
        job,
        due: row.opt_int(10)?.map(Timestamp),
        next: row.opt_int(11)?.map(Timestamp),
        planned: Timestamp(row.int(12)?),
        last,
    })
}

/// All schedules, by backend and task.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Schedule>, Error> {
    static ALL: LazyLock<Statement> = LazyLock::new(|| select("order by coalesce(backend, 0), task"));
    tx.query(&ALL, &[], read)
}

/// The schedule of a task of a backend, or of the host.
pub fn find(tx: &mut dyn Tx, backend: Option<i64>, task: &str) -> Result<Option<Schedule>, Error> {
    static ONE: LazyLock<Statement> = LazyLock::new(|| select("where backend is not distinct from ?1 and task = ?2"));
    tx.first(&ONE, &[backend.into(), task.into()], read)
}

/// Those whose time has come, or that were planned by a clock that went ahead of this moment; at most so many.
pub fn due(tx: &mut dyn Tx, now: Timestamp, ahead: Timestamp, limit: i64) -> Result<Vec<Schedule>, Error> {
    static DUE: LazyLock<Statement> =
        LazyLock::new(|| select("where paused = 0 and (next <= ?1 or planned > ?2) order by next, id limit ?3"));
    tx.query(&DUE, &[now.0.into(), ahead.0.into(), limit.into()], read)
}

/// When the next time comes.
pub fn next(tx: &mut dyn Tx) -> Result<Option<Timestamp>, Error> {
    static NEXT: Statement = Statement::new("select min(next) from schedule where paused = 0");
    Ok(tx.first(&NEXT, &[], |row| row.opt_int(0))?.flatten().map(Timestamp))
}

/// Adds a schedule; answers its id. The one given has none yet.
pub fn insert(tx: &mut dyn Tx, schedule: &Schedule) -> Result<i64, Error> {
    static INSERT: Statement = Statement::new(
        "insert into schedule(backend, task, cron, zone, jitter, overlap, missed, paused, job, due, next, planned)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    );
    let values = Values::of(schedule)?;
    let params = [schedule.backend.into(), Param::Text(&schedule.task)];
    tx.insert(&INSERT, &[&params[..], &values.params(schedule)].concat())
}

/// Keeps a schedule as it is now.
pub fn update(tx: &mut dyn Tx, schedule: &Schedule) -> Result<(), Error> {
    static UPDATE: Statement = Statement::new(
        "update schedule set cron = ?5, zone = ?6, jitter = ?7, overlap = ?8, missed = ?9, paused = ?10, job = ?11,
           due = ?12, next = ?13, planned = ?14, last_at = ?2, last_outcome = ?3, last_job = ?4
         where id = ?1",
    );
    let values = Values::of(schedule)?;
    let last = schedule.last.as_ref();
    let params = [
        schedule.id.into(),
        last.map(|last| last.at.0).into(),
        values.outcome.as_deref().into(),
        last.and_then(|last| last.job).into(),
    ];
    tx.execute(&UPDATE, &[&params[..], &values.params(schedule)].concat()).map(drop)
}

/// Removes a schedule.
pub fn remove(tx: &mut dyn Tx, id: i64) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from schedule where id = ?1");
    tx.execute(&DELETE, &[id.into()]).map(drop)
}

/// What of a schedule is stored as text.
struct Values {
    overlap: String,
    missed: String,
    job: String,
    outcome: Option<String>,
}

impl Values {
    fn of(schedule: &Schedule) -> Result<Self, Error> {
        Ok(Self {
            overlap: word(&schedule.times.overlap)?,
            missed: word(&schedule.times.missed)?,
            job: serde_json::to_string(&schedule.job)
                .map_err(|error| Error::Shape(format!("the job of a schedule: {error}")))?,
            outcome: schedule.last.as_ref().map(|last| word(&last.outcome)).transpose()?,
        })
    }

    fn params<'a>(&'a self, schedule: &'a Schedule) -> Vec<Param<'a>> {
        vec![
            Param::Text(&schedule.times.cron),
            Param::Text(&schedule.times.zone),
            schedule.times.jitter.into(),
            Param::Text(&self.overlap),
            Param::Text(&self.missed),
            schedule.paused.into(),
            Param::Text(&self.job),
            schedule.due.map(|at| at.0).into(),
            schedule.next.map(|at| at.0).into(),
            schedule.planned.0.into(),
        ]
    }
}
