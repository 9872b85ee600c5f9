//! Review items: what waits for a person, and why.

use super::{Error, Param, Row, Statement, Tx};

/// Several records of ours match one of theirs.
pub const SEVERAL_MATCHES: &str = "several_matches";
/// Nobody knows whether a record of ours was created there.
pub const UNKNOWN_CREATE: &str = "unknown_create";
/// What is sent of a record of ours comes back changed, again and again.
pub const BOUNCE: &str = "bounce";

/// Settled: it was bound.
pub const BOUND: i64 = 1;
/// Settled: it is sent again.
pub const SENT: i64 = 4;

/// A stored item.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Why it waits, in a word.
    pub cause: String,
    /// Our record that waits to be sent; absent: the item is about a record of theirs.
    pub ours: Option<i64>,
    /// External id; empty where there is none.
    pub external_id: String,
    /// The binding that holds it.
    pub binding: Option<i64>,
    /// Why it waits: what the records have in common, what came of the send.
    pub reason: String,
    /// Ids of the records, as a JSON list.
    pub candidates: String,
    /// The payload as it was sent.
    pub payload: String,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<String>,
    /// Microseconds.
    pub created_at: i64,
    /// 0 open, 1 bound, 2 created, 3 skipped, 4 sent again, 5 gone by itself.
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
    /// Why it waits, in a word.
    pub cause: &'a str,
    /// Our record that waits to be sent.
    pub ours: Option<i64>,
    /// External id; empty where there is none.
    pub external_id: &'a str,
    /// The binding; absent: ours is gone.
    pub binding: Option<i64>,
    /// Why it waits.
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
         record, resolved_at, resolved_by, cause, ours"
    };
}

static HOLD: Statement = Statement::new(
    "insert into review(backend, kind, external_id, binding, reason, candidates, payload, external_updated_at, \
     created_at, state, cause, ours) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11) \
     on conflict(backend, kind, cause, external_id, ours) where state = 0 do update set reason = excluded.reason, \
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
     where backend = ?1 and kind = ?2 and external_id = ?3 and cause = 'several_matches' and state = 0",
);
static CLOSE_OURS: Statement = Statement::new(
    "update review set state = ?5, record = ?4, resolved_at = ?6, resolved_by = 'sync' \
     where backend = ?1 and kind = ?2 and cause = ?3 and ours = ?4 and state = 0",
);
static CLOSE_BOUND: Statement = Statement::new(
    "update review set state = 5, resolved_at = ?3, resolved_by = 'sync' where binding {ints:1} and cause = ?2 and state = 0",
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
            hold.cause.into(),
            hold.ours.unwrap_or_default().into(),
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

/// Settles the open item of a record of ours that is settled by other means.
pub fn close_ours(
    tx: &mut dyn Tx,
    (backend, kind, cause, ours): (i64, &str, &str, i64),
    state: i64,
    now: i64,
) -> Result<(), Error> {
    let params = &[backend.into(), kind.into(), cause.into(), ours.into(), state.into(), now.into()];
    tx.execute(&CLOSE_OURS, params).map(drop)
}

/// Settles the open items of bindings that wait for one cause, which is gone.
pub fn close_bound(tx: &mut dyn Tx, bindings: &[i64], cause: &str, now: i64) -> Result<(), Error> {
    tx.execute(&CLOSE_BOUND, &[Param::Ints(bindings), cause.into(), now.into()]).map(drop)
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
        cause: row.string(14)?,
        ours: Some(row.int(15)?).filter(|ours| *ours != 0),
    })
}
