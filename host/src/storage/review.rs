//! Review items: records of an outside system that several of ours match, waiting for a person.

use super::{Error, Row, Statement, Tx};

/// A stored item.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// External id.
    pub external_id: String,
    /// The binding that holds it.
    pub binding: Option<i64>,
    /// What the records have in common.
    pub reason: String,
    /// Ids of the records, as a JSON list.
    pub candidates: String,
    /// The payload as it was sent.
    pub payload: String,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<String>,
    /// Microseconds.
    pub created_at: i64,
    /// 0 open, 1 bound, 2 created, 3 skipped.
    pub state: i64,
    /// The record that it was settled with.
    pub record: Option<i64>,
    /// Microseconds.
    pub resolved_at: Option<i64>,
    /// Who settled it.
    pub resolved_by: Option<String>,
}

/// What is held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hold<'a> {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: &'a str,
    /// External id.
    pub external_id: &'a str,
    /// The binding.
    pub binding: i64,
    /// What the records have in common.
    pub reason: &'a str,
    /// Ids of the records, as a JSON list.
    pub candidates: &'a str,
    /// The payload.
    pub payload: &'a str,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<&'a str>,
    /// Microseconds.
    pub now: i64,
}

macro_rules! columns {
    () => {
        "id, backend, kind, external_id, binding, reason, candidates, payload, external_updated_at, created_at, state, \
         record, resolved_at, resolved_by"
    };
}

static HOLD: Statement = Statement::new(
    "insert into review(backend, kind, external_id, binding, reason, candidates, payload, external_updated_at, \
     created_at, state) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0) \
     on conflict(backend, kind, external_id) where state = 0 do update set reason = excluded.reason, \
     candidates = excluded.candidates, payload = excluded.payload, external_updated_at = excluded.external_updated_at, \
     binding = excluded.binding",
);
static GET: Statement = Statement::new(concat!("select ", columns!(), " from review where id = ?1"));
static LIST: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from review where (?1 is null or backend = ?1) and (?2 = 1 or state = 0) and id > ?3 order by id limit ?4"
));
static COUNT: Statement =
    Statement::new("select kind, count(*) from review where backend = ?1 and state = 0 group by kind");
static RESOLVE: Statement = Statement::new(
    "update review set state = ?2, record = ?3, resolved_at = ?4, resolved_by = ?5 where id = ?1 and state = 0",
);
static CLOSE: Statement = Statement::new(
    "update review set state = ?4, record = ?5, resolved_at = ?6, resolved_by = ?7 \
     where backend = ?1 and kind = ?2 and external_id = ?3 and state = 0",
);

/// Holds a record; an open item of the same record is brought up to date.
pub fn hold(tx: &mut dyn Tx, hold: &Hold<'_>) -> Result<(), Error> {
    tx.execute(
        &HOLD,
        &[
            hold.backend.into(),
            hold.kind.into(),
            hold.external_id.into(),
            hold.binding.into(),
            hold.reason.into(),
            hold.candidates.into(),
            hold.payload.into(),
            hold.external_updated_at.into(),
            hold.now.into(),
        ],
    )?;
    Ok(())
}

/// An item by id.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Review>, Error> {
    tx.first(&GET, &[id.into()], read)
}

/// Items, by id; open ones, or all.
pub fn list(tx: &mut dyn Tx, backend: Option<i64>, all: bool, after: i64, limit: i64) -> Result<Vec<Review>, Error> {
    tx.query(&LIST, &[backend.into(), all.into(), after.into(), limit.into()], read)
}

/// How many items of a backend are open, by kind.
pub fn open_by_kind(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(String, i64)>, Error> {
    tx.query(&COUNT, &[backend.into()], |row| Ok((row.string(0)?, row.int(1)?)))
}

/// Settles an open item. `false`: it is not open any more.
pub fn resolve(
    tx: &mut dyn Tx,
    id: i64,
    state: i64,
    record: Option<i64>,
    now: i64,
    actor: &str,
) -> Result<bool, Error> {
    Ok(tx.execute(&RESOLVE, &[id.into(), state.into(), record.into(), now.into(), actor.into()])? == 1)
}

/// Settles the open item of a record that was bound by other means.
pub fn close(
    tx: &mut dyn Tx,
    (backend, kind, external_id): (i64, &str, &str),
    state: i64,
    record: Option<i64>,
    now: i64,
    actor: &str,
) -> Result<(), Error> {
    let params =
        &[backend.into(), kind.into(), external_id.into(), state.into(), record.into(), now.into(), actor.into()];
    tx.execute(&CLOSE, params)?;
    Ok(())
}

fn read(row: &dyn Row) -> Result<Review, Error> {
    Ok(Review {
        id: row.int(0)?,
        backend: row.int(1)?,
        kind: row.string(2)?,
        external_id: row.string(3)?,
        binding: row.opt_int(4)?,
        reason: row.string(5)?,
        candidates: row.string(6)?,
        payload: row.string(7)?,
        external_updated_at: row.opt_string(8)?,
        created_at: row.int(9)?,
        state: row.int(10)?,
        record: row.opt_int(11)?,
        resolved_at: row.opt_int(12)?,
        resolved_by: row.opt_string(13)?,
    })
}
