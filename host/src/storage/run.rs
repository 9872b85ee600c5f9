//! Runs of a sync: their place, their account, how they ended; and the ids that a complete run has listed.

use super::{Error, Param, Row, Statement, Tx};

/// Which way the records of a run go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Theirs become ours.
    #[default]
    Import,
    /// Ours become theirs.
    Export,
}

impl Direction {
    fn number(self) -> i64 {
        i64::from(self == Self::Export)
    }
}

/// A stored run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: i64,
    /// The job that runs it.
    pub job: Option<i64>,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Which way.
    pub direction: Direction,
    /// 0 running, 1 done, 2 failed, 3 cancelled.
    pub state: i64,
    /// Start, microseconds.
    pub started_at: i64,
    /// End, microseconds.
    pub ended_at: Option<i64>,
    /// Whether what looks unchanged is mapped all the same.
    pub forced: bool,
    /// Whether an operator's filters narrow it.
    pub filtered: bool,
    /// Whether it lists everything there is.
    pub complete: bool,
    /// Where it started.
    pub since: Option<String>,
    /// The version of the cursor at its start.
    pub cursor_version: i64,
    /// The page that comes next.
    pub page_cursor: Option<String>,
    /// Pages committed.
    pub page_number: i64,
    /// The outside system's clock at the first page.
    pub seen_as_of: Option<String>,
    /// The latest date of change.
    pub seen_latest: Option<String>,
    /// Whether the cursor moved at its end.
    pub moved_cursor: bool,
    /// Code of the error that ended it.
    pub error_code: Option<String>,
    /// The error that ended it.
    pub error: Option<String>,
    /// Its account, in the order of the columns.
    pub counts: [i64; 15],
    /// The connector's state format that the page cursor is of.
    pub state_format: Option<i64>,
}

macro_rules! columns {
    () => {
        "id, job, backend, kind, state, started_at, ended_at, forced, filtered, complete, since, cursor_version, \
         page_cursor, page_number, seen_as_of, seen_latest, moved_cursor, error_code, error, offered, created, \
         updated, unchanged, skipped, quarantined, failed, matched, held, gone, requeued, duplicates, lines, \
         dependencies, pages, state_format, direction"
    };
}

static INSERT: Statement = Statement::new(
    "insert into sync_run(job, backend, kind, direction, state, started_at, forced, filtered, complete, since, \
     cursor_version, page_number, moved_cursor, offered, created, updated, unchanged, skipped, quarantined, failed, \
     matched, held, gone, requeued, duplicates, lines, dependencies, pages, state_format) \
     values (?1, ?2, ?3, ?11, 0, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ?10)",
);
static PAGE: Statement = Statement::new(
    "update sync_run set page_cursor = ?2, page_number = page_number + ?3, seen_as_of = ?4, seen_latest = ?5, \
     offered = offered + ?6, created = created + ?7, updated = updated + ?8, unchanged = unchanged + ?9, \
     skipped = skipped + ?10, quarantined = quarantined + ?11, failed = failed + ?12, matched = matched + ?13, \
     held = held + ?14, gone = gone + ?15, requeued = requeued + ?16, duplicates = duplicates + ?17, \
     lines = lines + ?18, dependencies = dependencies + ?19, pages = pages + ?20 where id = ?1 and state = 0",
);
static END: Statement = Statement::new(
    "update sync_run set state = ?2, ended_at = ?3, moved_cursor = ?4, error_code = ?5, error = ?6 \
     where id = ?1 and state = 0",
);
static PLACE: Statement = Statement::new("select state, page_number from sync_run where id = ?1");
static RESTART: Statement = Statement::new(
    "update sync_run set page_cursor = null, page_number = 0, seen_as_of = null, seen_latest = null, since = ?2, \
     cursor_version = ?3, complete = ?4, state_format = ?5 where id = ?1 and state = 0",
);
static GET: Statement = Statement::new(concat!("select ", columns!(), " from sync_run where id = ?1"));
static OPEN: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from sync_run where job = ?1 and kind = ?2 and direction = ?3 and state = 0 order by id desc limit 1"
));
static OF_JOB: Statement =
    Statement::new(concat!("select ", columns!(), " from sync_run where job = ?1 and direction = ?2 order by id"));
static LATEST: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from sync_run where id in (select max(id) from sync_run where backend = ?1 group by kind, direction) \
     order by kind, direction"
));
static LIST: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from sync_run where backend = ?1 and (?2 is null or kind = ?2) order by id desc limit ?3"
));
static STALLED: Statement = Statement::new(
    "select count(*) from sync_run r where r.backend = ?1 and r.kind = ?2 and r.direction = 0 and r.state = 1 \
     and r.complete = 0 and r.filtered = 0 and r.created + r.updated > 0 and r.id > coalesce((select max(m.id) from sync_run m where m.backend = ?1 \
     and m.kind = ?2 and m.moved_cursor = 1), 0)",
);
static SEE: Statement = Statement::new("insert into sync_seen(run, page, ids) values (?1, ?2, ?3)");
static SEEN: Statement = Statement::new("select ids from sync_seen where run = ?1 order by page");
static FORGET: Statement = Statement::new("delete from sync_seen where run = ?1");
static ABANDON: Statement = Statement::new(
    "update sync_run set state = 2, ended_at = ?4, error_code = 'sync.abandoned', error = ?5 \
     where backend = ?1 and kind = ?2 and direction = ?6 and state = 0 and id <> ?3 \
     and (job is null or not exists (select 1 from job where job.id = sync_run.job and job.state in (0, 1, 2, 6, 7)))",
);
static PRUNE: Statement = Statement::new(
    "delete from sync_run where id in (select id from sync_run where state <> 0 and started_at < ?1 \
     and id not in (select max(id) from sync_run group by backend, kind, direction) order by id limit ?2)",
);

/// What a run starts with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Start<'a> {
    /// The job.
    pub job: Option<i64>,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: &'a str,
    /// Which way.
    pub direction: Direction,
    /// Microseconds.
    pub now: i64,
    /// Map what looks unchanged too.
    pub forced: bool,
    /// Narrowed by filters.
    pub filtered: bool,
    /// Lists everything.
    pub complete: bool,
    /// Where it starts.
    pub since: Option<String>,
    /// The cursor's version.
    pub cursor_version: i64,
    /// The connector's state format.
    pub state_format: u32,
}

/// Starts a run.
pub fn insert(tx: &mut dyn Tx, start: &Start<'_>) -> Result<i64, Error> {
    tx.insert(
        &INSERT,
        &[
            start.job.into(),
            start.backend.into(),
            start.kind.into(),
            start.now.into(),
            start.forced.into(),
            start.filtered.into(),
            start.complete.into(),
            start.since.as_deref().into(),
            start.cursor_version.into(),
            i64::from(start.state_format).into(),
            start.direction.number().into(),
        ],
    )
}

/// Where a run stands after a page.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Place<'a> {
    /// The page that comes next.
    pub page_cursor: Option<&'a str>,
    /// Pages committed with this.
    pub pages: i64,
    /// The outside system's clock at the first page.
    pub seen_as_of: Option<&'a str>,
    /// The latest date of change.
    pub seen_latest: Option<&'a str>,
}

/// Moves a running run on and adds to its account. `false`: it is not running any more.
pub fn advance(tx: &mut dyn Tx, run: i64, place: &Place<'_>, counts: &[i64; 15]) -> Result<bool, Error> {
    let mut params: [Param<'_>; 20] = [Param::Null; 20];
    params[0] = run.into();
    params[1] = place.page_cursor.into();
    params[2] = place.pages.into();
    params[3] = place.seen_as_of.into();
    params[4] = place.seen_latest.into();
    for (param, count) in params[5..].iter_mut().zip(counts) {
        *param = (*count).into();
    }
    Ok(tx.execute(&PAGE, &params)? == 1)
}

/// State of a run and pages committed.
pub fn place(tx: &mut dyn Tx, run: i64) -> Result<Option<(i64, i64)>, Error> {
    tx.first(&PLACE, &[run.into()], |row| Ok((row.int(0)?, row.int(1)?)))
}

/// How a run ends.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct End<'a> {
    /// 1 done, 2 failed, 3 cancelled.
    pub state: i64,
    /// Microseconds.
    pub now: i64,
    /// Whether the cursor moved.
    pub moved_cursor: bool,
    /// Code and text of the error.
    pub error: Option<(&'a str, &'a str)>,
}

/// Ends a running run.
pub fn end(tx: &mut dyn Tx, run: i64, end: &End<'_>) -> Result<(), Error> {
    let (code, error) = end.error.unzip();
    tx.execute(
        &END,
        &[run.into(), end.state.into(), end.now.into(), end.moved_cursor.into(), code.into(), error.into()],
    )?;
    Ok(())
}

/// Puts a running run back to its first page, with where it starts now; its account stays.
pub fn restart(tx: &mut dyn Tx, run: i64, start: &Start<'_>) -> Result<(), Error> {
    let format = i64::from(start.state_format);
    let since = start.since.as_deref().into();
    tx.execute(&RESTART, &[run.into(), since, start.cursor_version.into(), start.complete.into(), format.into()])?;
    tx.execute(&FORGET, &[run.into()])?;
    Ok(())
}

/// A run by id.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Run>, Error> {
    tx.first(&GET, &[id.into()], read)
}

/// The run of a kind that a job left unfinished.
pub fn open_of_job(tx: &mut dyn Tx, job: i64, kind: &str, direction: Direction) -> Result<Option<Run>, Error> {
    tx.first(&OPEN, &[job.into(), kind.into(), direction.number().into()], read)
}

/// All runs of a job in a direction, in order.
pub fn of_job(tx: &mut dyn Tx, job: i64, direction: Direction) -> Result<Vec<Run>, Error> {
    tx.query(&OF_JOB, &[job.into(), direction.number().into()], read)
}

/// The latest run of each kind of a backend, in each direction.
pub fn latest(tx: &mut dyn Tx, backend: i64) -> Result<Vec<Run>, Error> {
    tx.query(&LATEST, &[backend.into()], read)
}

/// Runs of a backend, newest first.
pub fn list(tx: &mut dyn Tx, backend: i64, kind: Option<&str>, limit: i64) -> Result<Vec<Run>, Error> {
    tx.query(&LIST, &[backend.into(), kind.into(), limit.into()], read)
}

/// How many incremental runs of a kind succeeded with records since the cursor last moved.
pub fn stalled(tx: &mut dyn Tx, backend: i64, kind: &str) -> Result<i64, Error> {
    Ok(tx.first(&STALLED, &[backend.into(), kind.into()], |row| row.int(0))?.unwrap_or(0))
}

/// Ends the runs like one that has begun whose jobs have ended without a word.
pub fn abandon(tx: &mut dyn Tx, but: i64, start: &Start<'_>, why: &str) -> Result<(), Error> {
    let of: [Param<'_>; 2] = [start.backend.into(), start.kind.into()];
    let direction = start.direction.number().into();
    tx.execute(&ABANDON, &[of[0], of[1], but.into(), start.now.into(), why.into(), direction])?;
    Ok(())
}

/// Keeps the ids that a page of a complete run listed.
pub fn see(tx: &mut dyn Tx, run: i64, page: i64, ids: &[u64]) -> Result<(), Error> {
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    tx.execute(&SEE, &[run.into(), page.into(), Param::Blob(&bytes)])?;
    Ok(())
}

/// All ids that a complete run listed.
pub fn seen(tx: &mut dyn Tx, run: i64) -> Result<Vec<u64>, Error> {
    let mut ids = Vec::new();
    tx.visit(&SEEN, &[run.into()], &mut |row| {
        let bytes = row.blob(0)?;
        ids.extend(bytes.as_chunks::<8>().0.iter().map(|id| u64::from_le_bytes(*id)));
        Ok(())
    })?;
    Ok(ids)
}

/// Forgets the ids that a run listed.
pub fn forget(tx: &mut dyn Tx, run: i64) -> Result<(), Error> {
    tx.execute(&FORGET, &[run.into()])?;
    Ok(())
}

/// Takes ended runs away that started before a moment, but for the latest of each kind; at most some at a time.
pub fn prune(tx: &mut dyn Tx, before: i64, limit: i64) -> Result<u64, Error> {
    tx.execute(&PRUNE, &[before.into(), limit.into()])
}

fn read(row: &dyn Row) -> Result<Run, Error> {
    let mut counts = [0; 15];
    for (at, count) in counts.iter_mut().enumerate() {
        *count = row.int(19 + at)?;
    }
    Ok(Run {
        id: row.int(0)?,
        job: row.opt_int(1)?,
        backend: row.int(2)?,
        kind: row.string(3)?,
        state: row.int(4)?,
        started_at: row.int(5)?,
        ended_at: row.opt_int(6)?,
        forced: row.bool(7)?,
        filtered: row.bool(8)?,
        complete: row.bool(9)?,
        since: row.opt_string(10)?,
        cursor_version: row.int(11)?,
        page_cursor: row.opt_string(12)?,
        page_number: row.int(13)?,
        seen_as_of: row.opt_string(14)?,
        seen_latest: row.opt_string(15)?,
        moved_cursor: row.bool(16)?,
        error_code: row.opt_string(17)?,
        error: row.opt_string(18)?,
        counts,
        state_format: row.opt_int(34)?,
        direction: if row.int(35)? == 0 { Direction::Import } else { Direction::Export },
    })
}
