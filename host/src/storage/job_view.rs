//! SQL of jobs that only reads them: lists, one job with its attempts and log, counts.

use std::sync::LazyLock;

use super::{Error, Param, Row, Statement, Tx, job::Stored};
use crate::{
    base::Timestamp,
    model::job::{Attempt, Counts, Failure, Filter, Job, LogLine, Progress, State},
};

const SELECT: &str = "select job.id, coalesce(job.root, job.id), job.kind, job.description, job.payload, job.backend,
  job_channel.name, job.state, job.parked_reason, job.cancel_requested, job.priority, job.eta, job.attempt, job.charged,
  job.max_retries, job.expires, job.timeout, job.identity, job.merged_into, job.progress_done, job.progress_total,
  job.progress_message, job.created, job.started, job.ended, job.result, job.error_code, job.error_message,
  job.error_cure from job join job_channel on job_channel.id = job.channel";

fn read(row: &dyn Row) -> Result<Job, Error> {
    let json = |text: Option<&str>| {
        text.map(serde_json::from_str).transpose().map_err(|e| Error::Shape(format!("a job's JSON: {e}")))
    };
    let error = row.opt_string(26)?.map(|code| {
        Ok::<_, Error>(Failure {
            code,
            message: row.opt_string(27)?.unwrap_or_default(),
            cure: row.opt_string(28)?.unwrap_or_default(),
        })
    });
    Ok(Job {
        id: row.int(0)?,
        root: row.int(1)?,
        kind: row.string(2)?,
        description: row.string(3)?,
        payload: json(Some(row.text(4)?))?.unwrap_or_default(),
        backend: row.opt_int(5)?,
        channel: row.string(6)?,
        state: Stored::from_number(row.int(7)?)?.shown(),
        parked: row.opt_string(8)?,
        cancel_requested: row.int(9)? == 1,
        priority: row.int(10)?,
        eta: Timestamp(row.int(11)?),
        attempt: row.int(12)?,
        charged: row.int(13)?,
        max_retries: row.int(14)?,
        expires: row.opt_int(15)?.map(Timestamp),
        timeout: row.opt_int(16)?,
        identity: row.opt_string(17)?,
        merged_into: row.opt_int(18)?,
        progress: Progress {
            done: row.int(19)?,
            total: row.opt_int(20)?,
            message: row.opt_string(21)?.unwrap_or_default(),
        },
        created: Timestamp(row.int(22)?),
        started: row.opt_int(23)?.map(Timestamp),
        ended: row.opt_int(24)?.map(Timestamp),
        result: json(row.opt_text(25)?)?,
        error: error.transpose()?,
    })
}

static BY_ID: LazyLock<Statement> = LazyLock::new(|| Statement::generated(format!("{SELECT} where job.id = ?1")));

/// One job.
pub fn find(tx: &mut dyn Tx, id: i64) -> Result<Option<Job>, Error> {
    tx.first(&BY_ID, &[id.into()], read)
}

/// Where the conditions of a filter stand in a statement, and their values.
struct Conditions<'a> {
    text: String,
    params: Vec<Param<'a>>,
}

impl<'a> Conditions<'a> {
    fn add(&mut self, condition: &str, param: Param<'a>) {
        self.params.push(param);
        self.text.push_str(if self.params.len() == 1 { " where " } else { " and " });
        self.text.push_str(&condition.replace('#', &self.params.len().to_string()));
    }
}

fn conditions<'a>(filter: &'a Filter, states: &'a [i64]) -> Conditions<'a> {
    let mut all = Conditions { text: String::new(), params: Vec::new() };
    if !states.is_empty() {
        all.add("job.state {ints:#}", Param::Ints(states));
    }
    if let Some(kind) = &filter.kind {
        all.add("job.kind = ?#", kind.into());
    }
    if let Some(backend) = filter.backend {
        all.add("job.backend = ?#", backend.into());
    }
    if let Some(channel) = &filter.channel {
        all.add("job_channel.name = ?#", channel.into());
    }
    if let Some(root) = filter.root {
        all.add("(job.id = ?# or (job.root is not null and job.root = ?#))", root.into());
    }
    if let Some(before) = filter.before {
        all.add("job.id < ?#", before.into());
    }
    all
}

fn states(filter: &Filter) -> Vec<i64> {
    if filter.parked {
        return vec![Stored::Parked as i64];
    }
    filter.states.iter().flat_map(|state| Stored::behind(*state)).map(|state| *state as i64).collect()
}

/// Jobs, newest first.
pub fn list(tx: &mut dyn Tx, filter: &Filter) -> Result<Vec<Job>, Error> {
    let states = states(filter);
    let mut all = conditions(filter, &states);
    all.params.push(filter.limit.unwrap_or(Filter::LIMIT).into());
    let text = format!("{SELECT}{} order by job.id desc limit ?{}", all.text, all.params.len());
    tx.query(&Statement::generated(text), &all.params, read)
}

/// Ids of jobs, newest first.
pub fn ids(tx: &mut dyn Tx, filter: &Filter) -> Result<Vec<i64>, Error> {
    let states = states(filter);
    let mut all = conditions(filter, &states);
    all.params.push(filter.limit.unwrap_or(Filter::LIMIT).into());
    let from = "select job.id from job join job_channel on job_channel.id = job.channel";
    let text = format!("{from}{} order by job.id desc limit ?{}", all.text, all.params.len());
    tx.query(&Statement::generated(text), &all.params, |row| row.int(0))
}

static ATTEMPTS: Statement = Statement::new(
    "select job_attempt.attempt, job_attempt.started, job_attempt.ended, job_claim.host, job_claim.process,
       job_attempt.outcome, job_attempt.code, job_attempt.message
     from job_attempt left join job_claim on job_claim.id = job_attempt.claim
     where job_attempt.job = ?1 order by job_attempt.attempt",
);

/// Names of the outcomes of an attempt, by the number in the database.
pub const OUTCOMES: [&str; 7] = ["done", "retry", "failed", "parked", "cancelled", "handed_back", "lost"];

/// How a job's attempts went.
pub fn attempts(tx: &mut dyn Tx, job: i64) -> Result<Vec<Attempt>, Error> {
    tx.query(&ATTEMPTS, &[job.into()], |row| {
        let host = row.opt_string(3)?.unwrap_or_default();
        let process = row.opt_int(4)?.unwrap_or_default();
        let outcome = usize::try_from(row.int(5)?).ok().and_then(|at| OUTCOMES.get(at));
        Ok(Attempt {
            attempt: row.int(0)?,
            started: Timestamp(row.int(1)?),
            ended: Timestamp(row.int(2)?),
            host: format!("{host}:{process}"),
            outcome: outcome.copied().unwrap_or("unknown").to_owned(),
            code: row.opt_string(6)?,
            message: row.opt_string(7)?,
        })
    })
}

static LOG: Statement =
    Statement::new("select attempt, at, level, text from job_log where job = ?1 order by id limit ?2");

/// Names of log levels, by the number in the database.
pub const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What was logged while a job ran, oldest first.
pub fn log(tx: &mut dyn Tx, job: i64, limit: i64) -> Result<Vec<LogLine>, Error> {
    tx.query(&LOG, &[job.into(), limit.into()], |row| {
        let level = usize::try_from(row.int(2)?).ok().and_then(|at| LEVELS.get(at));
        Ok(LogLine {
            attempt: row.int(0)?,
            at: Timestamp(row.int(1)?),
            level: level.copied().unwrap_or("info").to_owned(),
            text: row.string(3)?,
        })
    })
}

static COUNTS: Statement = Statement::new("select state, count(*) from job group by state");

/// Jobs by state.
pub fn counts(tx: &mut dyn Tx) -> Result<Counts, Error> {
    let mut counts = Counts::default();
    for (state, count) in tx.query(&COUNTS, &[], |row| Ok((Stored::from_number(row.int(0)?)?, row.int(1)?)))? {
        if state == Stored::Parked {
            counts.parked += count;
        }
        *match state.shown() {
            State::WaitDependencies => &mut counts.wait_dependencies,
            State::Pending => &mut counts.pending,
            State::Started => &mut counts.started,
            State::Done => &mut counts.done,
            State::Failed => &mut counts.failed,
            State::Cancelled => &mut counts.cancelled,
        } += count;
    }
    Ok(counts)
}

static OPEN_OF_RUN: Statement = Statement::new(
    "select 1 from job where id = ?1 and state in (0, 1, 2, 6, 7)
     union all select 1 from job where root is not null and root = ?1 and state in (0, 1, 2, 6, 7) limit 1",
);

/// Whether a job of a run has not ended.
pub fn is_run_open(tx: &mut dyn Tx, root: i64) -> Result<bool, Error> {
    Ok(tx.first(&OPEN_OF_RUN, &[root.into()], |_| Ok(()))?.is_some())
}
