//! SQL of claiming: what is due, what is ready where, taking it, and finding what a dead host left.

use super::{Error, Param, Row, Statement, Tx};
use crate::{base::Timestamp, model::job::Progress};

static REGISTER: Statement =
    Statement::new("insert into job_claim(host, process, boot, started) values (?1, ?2, ?3, ?4)");

/// Registers a runner; answers the claim id that its fences carry. It is never given out again.
pub fn register(tx: &mut dyn Tx, now: Timestamp, host: &str, process: i64, boot: &str) -> Result<i64, Error> {
    tx.insert(&REGISTER, &[host.into(), process.into(), boot.into(), now.0.into()])
}

static SWEEP: Statement = Statement::new(
    "update job set state = 1, eta = case when attempt > 0 and channel in
       (select id from job_channel where sequential = 1) then created else eta end where id in
       (select id from job where state = 7 and eta <= ?1 order by eta limit ?2 {skip_locked})",
);
static NEXT_ETA: Statement = Statement::new("select min(eta) from job where state = 7");

/// Makes jobs ready whose eta has come, at most so many. Cheap where there is none.
pub fn sweep_due(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Result<u64, Error> {
    tx.execute(&SWEEP, &[now.0.into(), limit.into()])
}

/// When the next job is due.
pub fn next_eta(tx: &mut dyn Tx) -> Result<Option<Timestamp>, Error> {
    Ok(tx.first(&NEXT_ETA, &[], |row| row.opt_int(0))?.flatten().map(Timestamp))
}

static READY_CHANNELS: Statement = Statement::new(
    "select id from job_channel where exists (select 1 from job where state = 1 and channel = job_channel.id)
     order by id",
);

/// Channels in which jobs are ready.
pub fn ready_channels(tx: &mut dyn Tx) -> Result<Vec<i64>, Error> {
    tx.query(&READY_CHANNELS, &[], |row| row.int(0))
}

/// A job that has just been claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Its id.
    pub id: i64,
    /// The first job of its run.
    pub root: i64,
    /// Its channel.
    pub channel: i64,
    /// Which attempt this is.
    pub attempt: i64,
    /// Attempts that count, this one included.
    pub charged: i64,
    /// Attempts allowed.
    pub max_retries: i64,
    /// Which handler.
    pub kind: String,
    /// What the handler needs, as JSON.
    pub payload: String,
    /// The backend it works for.
    pub backend: Option<i64>,
    /// 0 first.
    pub priority: i64,
    /// Its place among equals.
    pub eta: i64,
    /// Seconds that the attempt may take.
    pub timeout: Option<i64>,
    /// How far an earlier attempt came.
    pub progress: Progress,
}

const CLAIMED: &str = "returning id, coalesce(root, id), attempt, charged, max_retries, kind, payload, backend,
  priority, eta, timeout, progress_done, progress_total, progress_message";

fn claim_text(condition: &str) -> Statement {
    Statement::generated(format!(
        "update job set state = 2, attempt = attempt + 1, charged = charged + 1, claim = ?2, started = ?3 where id in
           (select id from job where state = 1 and channel = ?1{condition} order by priority, eta, id limit ?4
            {{skip_locked}}) {CLAIMED}"
    ))
}

static CLAIM: std::sync::LazyLock<Statement> = std::sync::LazyLock::new(|| claim_text(""));
static CLAIM_OF_RUNS: std::sync::LazyLock<Statement> =
    std::sync::LazyLock::new(|| claim_text(" and (id {ints:5} or (root is not null and root {ints:5}))"));

/// Claims at most `limit` ready jobs of a channel, only those of some runs where `runs` says so; in order.
pub fn claim(
    tx: &mut dyn Tx,
    now: Timestamp,
    channel: i64,
    claim: i64,
    limit: i64,
    runs: Option<&[i64]>,
) -> Result<Vec<Claimed>, Error> {
    let all = [channel.into(), claim.into(), now.0.into(), limit.into(), Param::Ints(runs.unwrap_or_default())];
    let read = |row: &dyn Row| read_claimed(row, channel);
    let mut jobs = match runs {
        None => tx.query(&CLAIM, &all[..4], read)?,
        Some(_) => tx.query(&CLAIM_OF_RUNS, &all, read)?,
    };
    // No engine promises an order for what an update returns.
    jobs.sort_by_key(|job| (job.priority, job.eta, job.id));
    Ok(jobs)
}

fn read_claimed(row: &dyn Row, channel: i64) -> Result<Claimed, Error> {
    Ok(Claimed {
        id: row.int(0)?,
        root: row.int(1)?,
        channel,
        attempt: row.int(2)?,
        charged: row.int(3)?,
        max_retries: row.int(4)?,
        kind: row.string(5)?,
        payload: row.string(6)?,
        backend: row.opt_int(7)?,
        priority: row.int(8)?,
        eta: row.int(9)?,
        timeout: row.opt_int(10)?,
        progress: Progress {
            done: row.int(11)?,
            total: row.opt_int(12)?,
            message: row.opt_string(13)?.unwrap_or_default(),
        },
    })
}

static LOST: Statement =
    Statement::new("select id from job where state = 2 and claim <> ?1 and id > ?2 order by id limit ?3");

/// Started jobs of other claims than ours, after an id. Reads the whole table: there is no index of started jobs,
/// which would cost every claim and every completion.
pub fn lost(tx: &mut dyn Tx, ours: i64, after: i64, limit: i64) -> Result<Vec<i64>, Error> {
    tx.query(&LOST, &[ours.into(), after.into(), limit.into()], |row| row.int(0))
}

static STOPPING: Statement = Statement::new(
    "select id, 0 from job where state = 2 and cancel_requested = 1 and claim = ?1
     union all select id, 1 from job where state = 2 and cancel_requested = 2 and claim = ?1",
);

/// Jobs of a claim that were asked to stop, and whether they go back into the queue.
pub fn stopping(tx: &mut dyn Tx, ours: i64) -> Result<Vec<(i64, bool)>, Error> {
    tx.query(&STOPPING, &[ours.into()], |row| Ok((row.int(0)?, row.bool(1)?)))
}

static PARKED: Statement =
    Statement::new("select kind, backend from job where state = 6 group by backend, kind order by backend, kind");

/// Kinds and backends of parked jobs.
pub fn parked(tx: &mut dyn Tx) -> Result<Vec<(String, Option<i64>)>, Error> {
    tx.query(&PARKED, &[], |row| Ok((row.string(0)?, row.opt_int(1)?)))
}

static SAY_WHY: Statement = Statement::new(
    "update job set parked_reason = ?3 where id in
       (select id from job where state = 6 and kind = ?1 and backend is not distinct from ?2
          and parked_reason is distinct from ?3 order by id limit ?4)",
);

/// Says why parked jobs of a kind and backend wait now, where that is another reason than before; at most so many jobs,
/// answers how many.
pub fn say_why(tx: &mut dyn Tx, kind: &str, backend: Option<i64>, reason: &str, limit: i64) -> Result<u64, Error> {
    tx.execute(&SAY_WHY, &[kind.into(), backend.into(), reason.into(), limit.into()])
}

static UNPARK: Statement = Statement::new(
    "update job set state = case when eta > ?3 then 7 else 1 end, parked_reason = null where id in
       (select id from job where state = 6 and kind = ?1 and backend is not distinct from ?2 order by id limit ?4)",
);

/// Lets parked jobs of a kind and backend run, at most so many; answers how many.
pub fn unpark(tx: &mut dyn Tx, now: Timestamp, kind: &str, backend: Option<i64>, limit: i64) -> Result<u64, Error> {
    tx.execute(&UNPARK, &[kind.into(), backend.into(), now.0.into(), limit.into()])
}
