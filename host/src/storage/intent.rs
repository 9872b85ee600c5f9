//! Rows of intents: what is about to be created outside, kept before it is sent. What a state allows is the sync room's.

use super::{Error, Param, Row, Statement, Tx, review};

/// A create outside on its way. Its number is what the store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Written, and not sent.
    Planned,
    /// Sent, or about to be: whether it arrived is told by the answer.
    Sent,
    /// The outside system has answered with an id.
    Known,
    /// Our record is bound to that id.
    Bound,
    /// Sent, and nothing can tell whether it arrived: a person decides.
    Unknown,
}

impl State {
    const ALL: [Self; 5] = [Self::Planned, Self::Sent, Self::Known, Self::Bound, Self::Unknown];

    const fn number(self) -> i64 {
        self as i64
    }
}

/// A stored intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Our record.
    pub record: i64,
    /// The same for all attempts.
    pub idempotency_key: String,
    /// What is sent, byte for byte.
    pub payload: Vec<u8>,
    /// Where it stands.
    pub state: State,
    /// Theirs, once it is known.
    pub external_id: Option<String>,
    /// How often it was sent.
    pub attempts: i64,
    /// Why the last attempt did not tell.
    pub error: Option<String>,
    /// Microseconds.
    pub updated_at: i64,
}

macro_rules! columns {
    () => {
        "id, backend, kind, record, idempotency_key, payload, state, external_id, attempts, error, updated_at"
    };
}

fn read(row: &dyn Row) -> Result<Intent, Error> {
    let number = row.int(6)?;
    let state = usize::try_from(number).ok().and_then(|number| State::ALL.get(number).copied());
    Ok(Intent {
        id: row.int(0)?,
        backend: row.int(1)?,
        kind: row.string(2)?,
        record: row.int(3)?,
        idempotency_key: row.string(4)?,
        payload: row.opt_blob(5)?.map(<[u8]>::to_vec).unwrap_or_default(),
        state: state.ok_or_else(|| Error::Shape(format!("an intent has state {number}")))?,
        external_id: row.opt_string(7)?,
        attempts: row.int(8)?,
        error: row.opt_string(9)?,
        updated_at: row.int(10)?,
    })
}

/// Plans a create; answers its id. There is at most one open for a record.
pub fn plan(
    tx: &mut dyn Tx,
    (backend, kind, record): (i64, &str, i64),
    idempotency_key: &str,
    payload: &[u8],
    now: i64,
) -> Result<i64, Error> {
    static INSERT: Statement = Statement::new(
        "insert into intent(backend, kind, record, idempotency_key, payload, state, attempts, created_at, updated_at) \
         values (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6)",
    );
    let params = [backend.into(), kind.into(), record.into(), idempotency_key.into(), Param::Blob(payload), now.into()];
    tx.insert(&INSERT, &params)
}

/// An intent by id.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Intent>, Error> {
    static SELECT: Statement = Statement::new(concat!("select ", columns!(), " from intent where id = ?1"));
    tx.first(&SELECT, &[id.into()], read)
}

/// The open intent of a record.
pub fn open(tx: &mut dyn Tx, backend: i64, kind: &str, record: i64) -> Result<Option<Intent>, Error> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        columns!(),
        " from intent where backend = ?1 and kind = ?2 and record = ?3 and state <> 3"
    ));
    tx.first(&SELECT, &[backend.into(), kind.into(), record.into()], read)
}

/// Records of a kind that are being created: sent since a moment, and not bound yet.
pub fn under_way(tx: &mut dyn Tx, backend: i64, kind: &str, since: i64) -> Result<Vec<i64>, Error> {
    static SELECT: Statement = Statement::new(
        "select record from intent where backend = ?1 and kind = ?2 and state in (1, 2) and updated_at > ?3 \
         order by id limit 1000",
    );
    tx.query(&SELECT, &[backend.into(), kind.into(), since.into()], |row| row.int(0))
}

/// The open intents of a kind, oldest first.
pub fn of_kind(tx: &mut dyn Tx, backend: i64, kind: &str) -> Result<Vec<Intent>, Error> {
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        columns!(),
        " from intent where backend = ?1 and kind = ?2 and state <> 3 order by id limit 1000"
    ));
    tx.query(&SELECT, &[backend.into(), kind.into()], read)
}

/// Notes that it is sent now.
pub fn sent(tx: &mut dyn Tx, id: i64, now: i64) -> Result<(), Error> {
    static UPDATE: Statement =
        Statement::new("update intent set state = 1, attempts = attempts + 1, updated_at = ?2 where id = ?1");
    tx.execute(&UPDATE, &[id.into(), now.into()])?;
    Ok(())
}

/// Notes where it stands, with their id, or the reason why that is not known.
pub fn put(
    tx: &mut dyn Tx,
    id: i64,
    state: State,
    external_id: Option<&str>,
    error: Option<&str>,
    now: i64,
) -> Result<(), Error> {
    static UPDATE: Statement = Statement::new(
        "update intent set state = ?2, external_id = coalesce(?3, external_id), error = ?4, updated_at = ?5 where id = ?1",
    );
    tx.execute(&UPDATE, &[id.into(), state.number().into(), external_id.into(), error.into(), now.into()])?;
    Ok(())
}

/// Closes the open intent of a record, bound to an id of theirs; whether there was one.
pub fn close(
    tx: &mut dyn Tx,
    backend: i64,
    kind: &str,
    record: i64,
    external_id: &str,
    now: i64,
) -> Result<bool, Error> {
    static UPDATE: Statement = Statement::new(
        "update intent set state = 3, external_id = ?4, error = null, updated_at = ?5 \
         where backend = ?1 and kind = ?2 and record = ?3 and state <> 3",
    );
    let params = [backend.into(), kind.into(), record.into(), external_id.into(), now.into()];
    review::close_ours(tx, (backend, kind, review::UNKNOWN_CREATE, record), review::BOUND, now)?;
    Ok(tx.execute(&UPDATE, &params)? > 0)
}

/// Gives up an intent whose fate nobody knows: a person says that it made nothing.
pub fn drop_unknown(tx: &mut dyn Tx, backend: i64, kind: &str, record: i64, now: i64) -> Result<bool, Error> {
    static DELETE: Statement =
        Statement::new("delete from intent where backend = ?1 and kind = ?2 and record = ?3 and state = 4");
    review::close_ours(tx, (backend, kind, review::UNKNOWN_CREATE, record), review::SENT, now)?;
    Ok(tx.execute(&DELETE, &[backend.into(), kind.into(), record.into()])? > 0)
}

/// Gives an intent up: what it planned was refused, or is planned anew.
pub fn drop(tx: &mut dyn Tx, id: i64) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from intent where id = ?1");
    tx.execute(&DELETE, &[id.into()])?;
    Ok(())
}

/// Removes intents that were bound before a moment, at most `limit`; answers how many.
pub fn prune(tx: &mut dyn Tx, before: i64, limit: u64) -> Result<u64, Error> {
    static DELETE: Statement = Statement::new(
        "delete from intent where id in (select id from intent where state = 3 and updated_at < ?1 order by id limit ?2)",
    );
    tx.execute(&DELETE, &[before.into(), Param::Int(i64::try_from(limit).unwrap_or(i64::MAX))])
}
