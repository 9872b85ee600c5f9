//! Records that were changed on both sides, waiting for a person.

use super::{Error, Row, Statement, Tx};

/// A stored conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// The binding.
    pub binding: i64,
    /// Ours.
    pub record: i64,
    /// Theirs.
    pub external_id: String,
    /// Theirs as it was sent.
    pub payload: String,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<String>,
    /// For each field what was agreed, ours and theirs, as JSON.
    pub fields: String,
    /// Microseconds.
    pub created_at: i64,
    /// 0 open, 1 settled, 2 gone by itself.
    pub state: i64,
    /// Whose value stands, as JSON.
    pub decision: Option<String>,
    /// Microseconds.
    pub settled_at: Option<i64>,
    /// Who settled it.
    pub settled_by: Option<String>,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hold<'a> {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: &'a str,
    /// The binding.
    pub binding: i64,
    /// Ours.
    pub record: i64,
    /// Theirs.
    pub external_id: &'a str,
    /// Theirs as it was sent.
    pub payload: &'a str,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<&'a str>,
    /// For each field what was agreed, ours and theirs, as JSON.
    pub fields: &'a str,
    /// Microseconds.
    pub now: i64,
}

macro_rules! columns {
    () => {
        "id, backend, kind, binding, record, external_id, payload, external_updated_at, fields, created_at, state, \
         decision, settled_at, settled_by"
    };
}

static HOLD: Statement = Statement::new(
    "insert into conflict(backend, kind, binding, record, external_id, payload, external_updated_at, fields, created_at, \
     state) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0) \
     on conflict(binding) where state = 0 do update set payload = excluded.payload, fields = excluded.fields, \
     record = excluded.record, external_updated_at = excluded.external_updated_at",
);
static GET: Statement = Statement::new(concat!("select ", columns!(), " from conflict where id = ?1"));
static LIST: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from conflict where (?1 is null or backend = ?1) and (?2 = 1 or state = 0) and id > ?3 order by id limit ?4"
));
static COUNT: Statement =
    Statement::new("select kind, count(*) from conflict where backend = ?1 and state = 0 group by kind");
static OPEN: Statement = Statement::new("select id from conflict where binding = ?1 and state = 0");
static SETTLE: Statement = Statement::new(
    "update conflict set state = 1, decision = ?2, settled_at = ?3, settled_by = ?4 where id = ?1 and state = 0",
);
static CLOSE: Statement =
    Statement::new("update conflict set state = 2, settled_at = ?2 where binding = ?1 and state = 0");

/// Holds a record; an open conflict of the same record is brought up to date.
pub fn hold(tx: &mut dyn Tx, hold: &Hold<'_>) -> Result<(), Error> {
    let params = [
        hold.backend.into(),
        hold.kind.into(),
        hold.binding.into(),
        hold.record.into(),
        hold.external_id.into(),
        hold.payload.into(),
        hold.external_updated_at.into(),
        hold.fields.into(),
        hold.now.into(),
    ];
    tx.execute(&HOLD, &params).map(drop)
}

/// A conflict by id.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Conflict>, Error> {
    tx.first(&GET, &[id.into()], read)
}

/// Conflicts, by id; open ones, or all.
pub fn list(tx: &mut dyn Tx, backend: Option<i64>, all: bool, after: i64, limit: i64) -> Result<Vec<Conflict>, Error> {
    tx.query(&LIST, &[backend.into(), all.into(), after.into(), limit.into()], read)
}

/// How many of a backend are open, by kind.
pub fn open_by_kind(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(String, i64)>, Error> {
    tx.query(&COUNT, &[backend.into()], |row| Ok((row.string(0)?, row.int(1)?)))
}

/// The open conflict of a binding.
pub fn open(tx: &mut dyn Tx, binding: i64) -> Result<Option<i64>, Error> {
    tx.first(&OPEN, &[binding.into()], |row| row.int(0))
}

/// Keeps what a person decided. `false`: it is not open any more.
pub fn settle(tx: &mut dyn Tx, id: i64, decision: &str, now: i64, actor: &str) -> Result<bool, Error> {
    Ok(tx.execute(&SETTLE, &[id.into(), decision.into(), now.into(), actor.into()])? == 1)
}

/// Ends the open conflict of a binding whose sides came together by themselves.
pub fn close(tx: &mut dyn Tx, binding: i64, now: i64) -> Result<(), Error> {
    tx.execute(&CLOSE, &[binding.into(), now.into()]).map(drop)
}

fn read(row: &dyn Row) -> Result<Conflict, Error> {
    Ok(Conflict {
        id: row.int(0)?,
        backend: row.int(1)?,
        kind: row.string(2)?,
        binding: row.int(3)?,
        record: row.int(4)?,
        external_id: row.string(5)?,
        payload: row.string(6)?,
        external_updated_at: row.opt_string(7)?,
        fields: row.string(8)?,
        created_at: row.int(9)?,
        state: row.int(10)?,
        decision: row.opt_string(11)?,
        settled_at: row.opt_int(12)?,
        settled_by: row.opt_string(13)?,
    })
}
