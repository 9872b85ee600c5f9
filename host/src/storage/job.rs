//! SQL of jobs that changes them: insert, claim, fence, end, release. What the changes mean is the queue's.

use super::{Error, Param, Row, Statement, Tx};
use crate::{
    base::Timestamp,
    model::job::{Fence, NewJob, Progress, Scope, State},
};

/// A state as it is stored. Two of them are inner: they show as pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i64)]
pub enum Stored {
    /// Waits for other jobs.
    Waiting = 0,
    /// May be claimed.
    Ready = 1,
    /// Claimed.
    Started = 2,
    /// Succeeded.
    Done = 3,
    /// Failed for good.
    Failed = 4,
    /// Called off.
    Cancelled = 5,
    /// The gate said no. Out of the ready index, so that it costs nothing.
    Parked = 6,
    /// Its eta lies ahead. Out of the ready index, swept in when it is due.
    Later = 7,
}

impl Stored {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Ready,
        Self::Started,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
        Self::Parked,
        Self::Later,
    ];

    /// From the number in the database.
    pub fn from_number(number: i64) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| *state as i64 == number)
            .ok_or_else(|| Error::Shape(format!("{number} is no state of a job")))
    }

    /// As people see it.
    pub fn shown(self) -> State {
        match self {
            Self::Waiting => State::WaitDependencies,
            Self::Ready | Self::Parked | Self::Later => State::Pending,
            Self::Started => State::Started,
            Self::Done => State::Done,
            Self::Failed => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }

    /// The stored states that show as one.
    pub fn behind(shown: State) -> &'static [Self] {
        match shown {
            State::WaitDependencies => &[Self::Waiting],
            State::Pending => &[Self::Ready, Self::Parked, Self::Later],
            State::Started => &[Self::Started],
            State::Done => &[Self::Done],
            State::Failed => &[Self::Failed],
            State::Cancelled => &[Self::Cancelled],
        }
    }
}

const fn scope_number(scope: Scope) -> i64 {
    match scope {
        Scope::UntilStart => 1,
        Scope::UntilDone => 2,
    }
}

static INSERT: Statement = Statement::new(
    "insert into job(root, kind, payload, description, backend, channel, state, priority, eta, created, max_retries,
       retry_pattern, expires, timeout, waiting) values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
);
static INSERT_UNTIL_START: Statement = Statement::new(
    "insert into job(root, kind, payload, description, backend, channel, state, priority, eta, created, max_retries,
       retry_pattern, expires, timeout, waiting, identity, scope)
     values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,1)
     on conflict(identity) where scope = 1 and state in (0, 1, 6, 7) do nothing returning id",
);
static INSERT_UNTIL_DONE: Statement = Statement::new(
    "insert into job(root, kind, payload, description, backend, channel, state, priority, eta, created, max_retries,
       retry_pattern, expires, timeout, waiting, identity, scope)
     values (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,2)
     on conflict(identity) where scope = 2 and state in (0, 1, 2, 6, 7) do nothing returning id",
);
static TWIN_UNTIL_START: Statement =
    Statement::new("select id from job where identity = ?1 and scope = 1 and state in (0, 1, 6, 7)");
static TWIN_UNTIL_DONE: Statement =
    Statement::new("select id from job where identity = ?1 and scope = 2 and state in (0, 1, 2, 6, 7)");

/// What the queue has decided about a new job.
#[derive(Debug, Clone)]
pub struct Placement<'a> {
    /// First job of its run; none: itself.
    pub root: Option<i64>,
    /// Its channel.
    pub channel: i64,
    /// Where it starts.
    pub state: Stored,
    /// Not before.
    pub eta: Timestamp,
    /// No attempt after this.
    pub expires: Option<Timestamp>,
    /// The retry pattern as JSON.
    pub retry_pattern: Option<&'a str>,
    /// Parents that have not ended as wanted yet.
    pub waiting: i64,
}

/// Inserts a job, or answers `None` where an equal one is there.
pub fn insert(
    tx: &mut dyn Tx,
    now: Timestamp,
    job: &NewJob,
    payload: &str,
    at: &Placement<'_>,
) -> Result<Option<i64>, Error> {
    let identity = job.identity.as_ref();
    let all = [
        at.root.into(),
        Param::Text(&job.kind),
        Param::Text(payload),
        Param::Text(&job.description),
        job.backend.into(),
        at.channel.into(),
        (at.state as i64).into(),
        job.priority.into(),
        at.eta.0.into(),
        now.0.into(),
        job.max_retries.into(),
        at.retry_pattern.into(),
        at.expires.map(|t| t.0).into(),
        job.timeout.into(),
        at.waiting.into(),
        identity.map(|(key, _)| key).into(),
    ];
    match identity {
        None => tx.insert(&INSERT, &all[..15]).map(Some),
        Some((_, Scope::UntilStart)) => tx.first(&INSERT_UNTIL_START, &all, |row| row.int(0)),
        Some((_, Scope::UntilDone)) => tx.first(&INSERT_UNTIL_DONE, &all, |row| row.int(0)),
    }
}

/// The job that holds an identity.
pub fn twin(tx: &mut dyn Tx, identity: &str, scope: Scope) -> Result<Option<i64>, Error> {
    let statement = if scope_number(scope) == 1 { &TWIN_UNTIL_START } else { &TWIN_UNTIL_DONE };
    tx.first(statement, &[identity.into()], |row| row.int(0))
}

static ROOT: Statement = Statement::new("select coalesce(root, id) from job where id = ?1");
static ADOPT: Statement =
    Statement::new("update job set root = ?2 where id = ?1 and id <> ?2 and state in (0, 1, 6, 7)");

/// The first job of the run that a job belongs to.
pub fn root(tx: &mut dyn Tx, job: i64) -> Result<Option<i64>, Error> {
    tx.first(&ROOT, &[job.into()], |row| row.int(0))
}

/// Takes a job that has not started into another run.
pub fn adopt(tx: &mut dyn Tx, job: i64, root: i64) -> Result<(), Error> {
    tx.execute(&ADOPT, &[job.into(), root.into()]).map(drop)
}

/// What a decision about the end of an attempt needs to know of a job.
#[derive(Debug, Clone)]
pub struct Head {
    /// Its id.
    pub id: i64,
    /// Where it stands.
    pub state: Stored,
    /// How often it was started.
    pub attempt: i64,
    /// Starts that count.
    pub charged: i64,
    /// Attempts allowed; 0: endless.
    pub max_retries: i64,
    /// The retry pattern as JSON.
    pub retry_pattern: Option<String>,
    /// No attempt after this.
    pub expires: Option<Timestamp>,
    /// Folds equal jobs.
    pub identity: Option<(String, Scope)>,
    /// Not before.
    pub eta: Timestamp,
    /// Parents that have not ended as wanted yet.
    pub waiting: i64,
    /// How many jobs wait for it.
    pub dependents: i64,
    /// When the last attempt began.
    pub started: Option<Timestamp>,
    /// Who claimed it last.
    pub claim: Option<i64>,
    /// Somebody asked it to end.
    pub cancel_requested: bool,
}

const HEAD: &str = "id, state, attempt, charged, max_retries, retry_pattern, expires, identity, scope, eta, waiting,
  dependents, started, claim, cancel_requested";
static HEAD_BY_ID: std::sync::LazyLock<Statement> =
    std::sync::LazyLock::new(|| Statement::generated(format!("select {HEAD} from job where id = ?1")));

fn read_head(row: &dyn Row) -> Result<Head, Error> {
    let scope = row.int(8)?;
    Ok(Head {
        id: row.int(0)?,
        state: Stored::from_number(row.int(1)?)?,
        attempt: row.int(2)?,
        charged: row.int(3)?,
        max_retries: row.int(4)?,
        retry_pattern: row.opt_string(5)?,
        expires: row.opt_int(6)?.map(Timestamp),
        identity: row.opt_string(7)?.map(|key| (key, if scope == 1 { Scope::UntilStart } else { Scope::UntilDone })),
        eta: Timestamp(row.int(9)?),
        waiting: row.int(10)?,
        dependents: row.int(11)?,
        started: row.opt_int(12)?.map(Timestamp),
        claim: row.opt_int(13)?,
        cancel_requested: row.int(14)? == 1,
    })
}

/// A job's head.
pub fn head(tx: &mut dyn Tx, job: i64) -> Result<Option<Head>, Error> {
    tx.first(&HEAD_BY_ID, &[job.into()], read_head)
}

static OWNED: Statement =
    Statement::new("select 1 from job where id = ?1 and attempt = ?2 and claim = ?3 and state = 2");

/// Whether an attempt still owns its job.
pub fn is_owned(tx: &mut dyn Tx, fence: &Fence) -> Result<bool, Error> {
    Ok(tx.first(&OWNED, &[fence.job.into(), fence.attempt.into(), fence.claim.into()], |_| Ok(()))?.is_some())
}

static DONE: Statement = Statement::new(
    "update job set state = 3, ended = ?4, result = ?5, error_code = null, error_message = null, error_cure = null
     where id = ?1 and attempt = ?2 and claim = ?3 and state = 2 returning dependents, started",
);

/// Ends a job well; answers how many wait for it and when it began, or `None` where the attempt doesn't own it.
pub fn complete(
    tx: &mut dyn Tx,
    now: Timestamp,
    fence: &Fence,
    result: Option<&str>,
) -> Result<Option<(i64, Timestamp)>, Error> {
    let params = [fence.job.into(), fence.attempt.into(), fence.claim.into(), now.0.into(), result.into()];
    tx.first(&DONE, &params, |row| Ok((row.int(0)?, Timestamp(row.int(1)?))))
}

static END: Statement = Statement::new(
    "update job set state = ?2, ended = ?3, error_code = ?4, error_message = ?5, error_cure = ?6, merged_into = ?7,
       parked_reason = null
     where id = ?1",
);

/// Why a job ended without success.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reason<'a> {
    /// Code of the error.
    pub code: Option<&'a str>,
    /// Its text.
    pub message: Option<&'a str>,
    /// What to do.
    pub cure: Option<&'a str>,
    /// The equal job that took over.
    pub merged_into: Option<i64>,
}

/// Ends a job without success. The caller has checked the fence.
pub fn end(tx: &mut dyn Tx, now: Timestamp, job: i64, state: Stored, why: Reason<'_>) -> Result<(), Error> {
    tx.execute(
        &END,
        &[
            job.into(),
            (state as i64).into(),
            now.0.into(),
            why.code.into(),
            why.message.into(),
            why.cure.into(),
            why.merged_into.into(),
        ],
    )
    .map(drop)
}

static RELEASE: Statement = Statement::new(
    "update job set state = ?2, eta = ?3, charged = ?4, parked_reason = ?5, error_code = ?6, error_message = ?7,
       error_cure = ?8, ended = null, result = null, merged_into = null, cancel_requested = 0
     where id = ?1",
);

/// Where a job goes back to.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// Ready, later, parked or waiting.
    pub state: Stored,
    /// Not before.
    pub eta: Timestamp,
    /// Starts that count from now on.
    pub charged: i64,
    /// Why it is parked.
    pub parked_reason: Option<&'a str>,
    /// Why it is tried again.
    pub why: Reason<'a>,
}

/// Puts a job back into the queue. The caller has checked fence and identity.
pub fn release(tx: &mut dyn Tx, job: i64, to: &Release<'_>) -> Result<(), Error> {
    tx.execute(
        &RELEASE,
        &[
            job.into(),
            (to.state as i64).into(),
            to.eta.0.into(),
            to.charged.into(),
            to.parked_reason.into(),
            to.why.code.into(),
            to.why.message.into(),
            to.why.cure.into(),
        ],
    )
    .map(drop)
}

static PROGRESS: Statement = Statement::new(
    "update job set progress_done = ?4, progress_total = ?5, progress_message = ?6
     where id = ?1 and attempt = ?2 and claim = ?3 and state = 2",
);

/// Stores how far a job is; answers whether the attempt owns it.
pub fn set_progress(tx: &mut dyn Tx, fence: &Fence, progress: &Progress) -> Result<bool, Error> {
    let params = [
        fence.job.into(),
        fence.attempt.into(),
        fence.claim.into(),
        progress.done.into(),
        progress.total.into(),
        Param::Text(&progress.message),
    ];
    Ok(tx.execute(&PROGRESS, &params)? == 1)
}

static RENEW: Statement = Statement::new(
    "update job set charged = 0 where id = ?1 and attempt = ?2 and claim = ?3 and state = 2 and charged <> 0",
);

/// Forgets the attempts that count so far, this one included, where the attempt owns the job.
pub fn renew(tx: &mut dyn Tx, fence: &Fence) -> Result<(), Error> {
    tx.execute(&RENEW, &[fence.job.into(), fence.attempt.into(), fence.claim.into()]).map(drop)
}

static ATTEMPT: Statement = Statement::new(
    "insert into job_attempt(job, attempt, claim, started, ended, outcome, code, message)
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
);

/// Keeps how an attempt went.
pub fn insert_attempt(
    tx: &mut dyn Tx,
    fence: &Fence,
    started: Timestamp,
    ended: Timestamp,
    outcome: i64,
    why: Reason<'_>,
) -> Result<(), Error> {
    tx.execute(
        &ATTEMPT,
        &[
            fence.job.into(),
            fence.attempt.into(),
            fence.claim.into(),
            started.0.into(),
            ended.0.into(),
            outcome.into(),
            why.code.into(),
            why.message.into(),
        ],
    )
    .map(drop)
}

static LOG: Statement =
    Statement::new("insert into job_log(job, attempt, at, level, text) values (?1, ?2, ?3, ?4, ?5)");

/// Keeps a line that was logged while a job ran.
pub fn insert_log(tx: &mut dyn Tx, job: i64, attempt: i64, at: Timestamp, level: i64, text: &str) -> Result<(), Error> {
    tx.execute(&LOG, &[job.into(), attempt.into(), at.0.into(), level.into(), text.into()]).map(drop)
}

static LOG_IF_THERE: Statement = Statement::new(
    "insert into job_log(job, attempt, at, level, text) select id, ?2, ?3, ?4, ?5 from job where id = ?1",
);

/// The same, unless the job was removed meanwhile.
pub fn insert_log_if_there(
    tx: &mut dyn Tx,
    job: i64,
    attempt: i64,
    at: Timestamp,
    level: i64,
    text: &str,
) -> Result<(), Error> {
    tx.execute(&LOG_IF_THERE, &[job.into(), attempt.into(), at.0.into(), level.into(), text.into()]).map(drop)
}

static REQUEST_CANCEL: Statement = Statement::new("update job set cancel_requested = 1 where id = ?1 and state = 2");
static REQUEST_BACK: Statement =
    Statement::new("update job set cancel_requested = 2 where id = ?1 and state = 2 and cancel_requested = 0");

/// Asks a started job to stop and go back into the queue. One that was called off stays so.
pub fn request_back(tx: &mut dyn Tx, job: i64) -> Result<(), Error> {
    tx.execute(&REQUEST_BACK, &[job.into()]).map(drop)
}

/// Asks a started job to stop.
pub fn request_cancel(tx: &mut dyn Tx, job: i64) -> Result<bool, Error> {
    Ok(tx.execute(&REQUEST_CANCEL, &[job.into()])? == 1)
}
