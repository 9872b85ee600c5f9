//! Rows of the outbox: what happened to records, in order, and how far its consumers have read.

use super::{Error, Param, Row, Statement, Tx};

/// The op of a record that was made.
pub const CREATED: i64 = 0;

/// A row to be added.
#[derive(Debug, Clone, Copy)]
pub struct NewRow<'a> {
    /// The model.
    pub model: i64,
    /// The record.
    pub record: i64,
    /// 0 create, 1 write, 2 unlink.
    pub op: i64,
    /// The backend it came in from.
    pub backend: Option<i64>,
    /// Backends it has passed through, as a JSON list.
    pub chain: Option<&'a str>,
    /// Who asked.
    pub actor: Option<&'a str>,
    /// Names of the fields that changed, separated by commas.
    pub changed: Option<&'a str>,
    /// When.
    pub at: i64,
}

/// A row as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRow {
    /// Its place.
    pub id: i64,
    /// The model.
    pub model: i64,
    /// The record.
    pub record: i64,
    /// 0 create, 1 write, 2 unlink.
    pub op: i64,
    /// The backend it came in from.
    pub backend: Option<i64>,
    /// Backends it has passed through, as a JSON list.
    pub chain: Option<String>,
    /// Who asked.
    pub actor: Option<String>,
    /// Names of the fields that changed, separated by commas.
    pub changed: Option<String>,
    /// When.
    pub at: i64,
}

/// Adds a row.
pub fn insert(tx: &mut dyn Tx, row: &NewRow<'_>) -> Result<(), Error> {
    static INSERT: Statement = Statement::new(
        "insert into outbox(id, model, record, op, backend, chain, actor, changed, at) \
         values ({next_id:outbox}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    );
    tx.execute(
        &INSERT,
        &[
            Param::Int(row.model),
            Param::Int(row.record),
            Param::Int(row.op),
            row.backend.into(),
            row.chain.into(),
            row.actor.into(),
            row.changed.into(),
            Param::Int(row.at),
        ],
    )?;
    Ok(())
}

/// Rows after a place, oldest first.
pub fn after(tx: &mut dyn Tx, id: i64, limit: u64) -> Result<Vec<StoredRow>, Error> {
    static SELECT: Statement = Statement::new(
        "select id, model, record, op, backend, chain, actor, changed, at from outbox where id > ?1 order by id limit ?2",
    );
    tx.query(&SELECT, &[Param::Int(id), Param::Int(i64::try_from(limit).unwrap_or(i64::MAX))], read)
}

fn read(row: &dyn Row) -> Result<StoredRow, Error> {
    Ok(StoredRow {
        id: row.int(0)?,
        model: row.int(1)?,
        record: row.int(2)?,
        op: row.int(3)?,
        backend: row.opt_int(4)?,
        chain: row.opt_string(5)?,
        actor: row.opt_string(6)?,
        changed: row.opt_string(7)?,
        at: row.int(8)?,
    })
}

/// Rows after a place that did not come in from a backend, oldest first.
pub fn after_of_others(tx: &mut dyn Tx, id: i64, backend: i64, limit: u64) -> Result<Vec<StoredRow>, Error> {
    static SELECT: Statement = Statement::new(
        "select id, model, record, op, backend, chain, actor, changed, at from outbox \
         where id > ?1 and (backend is null or backend <> ?2) order by id limit ?3",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(&SELECT, &[Param::Int(id), Param::Int(backend), Param::Int(limit)], read)
}

/// The place of the newest row; 0 where there is none.
pub fn last(tx: &mut dyn Tx) -> Result<i64, Error> {
    static SELECT: Statement = Statement::new("select coalesce(max(id), 0) from outbox");
    Ok(tx.first(&SELECT, &[], |row| row.int(0))?.unwrap_or_default())
}

/// The place of the oldest row that is still there; none: there is no row.
pub fn first(tx: &mut dyn Tx) -> Result<Option<i64>, Error> {
    static SELECT: Statement = Statement::new("select min(id) from outbox");
    Ok(tx.first(&SELECT, &[], |row| row.opt_int(0))?.flatten())
}

/// How far a consumer has read; `None` where nobody of that name reads.
pub fn position(tx: &mut dyn Tx, consumer: &str) -> Result<Option<i64>, Error> {
    static SELECT: Statement = Statement::new("select position from outbox_consumer where name = ?1");
    tx.first(&SELECT, &[Param::Text(consumer)], |row| row.int(0))
}

/// Notes how far a consumer has read; never back.
pub fn advance(tx: &mut dyn Tx, consumer: &str, position: i64, now: i64) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into outbox_consumer(name, position, seen_at) values (?1, ?2, ?3) \
         on conflict (name) do update set position = ?2, seen_at = ?3 where outbox_consumer.position < ?2",
    );
    tx.execute(&UPSERT, &[Param::Text(consumer), Param::Int(position), Param::Int(now)])?;
    Ok(())
}

/// Ends a consumer.
pub fn forget(tx: &mut dyn Tx, consumer: &str) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from outbox_consumer where name = ?1");
    tx.execute(&DELETE, &[Param::Text(consumer)])?;
    Ok(())
}

/// A consumer as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// How far it has read.
    pub position: i64,
    /// When it moved last.
    pub seen_at: i64,
    /// When it was cut off, where it has not looked at everything since.
    pub cut_off_at: Option<i64>,
    /// Changes that it missed by that.
    pub missed: i64,
}

/// All consumers, by name.
pub fn consumers(tx: &mut dyn Tx) -> Result<Vec<Consumer>, Error> {
    static SELECT: Statement =
        Statement::new("select name, position, seen_at, cut_off_at, missed from outbox_consumer order by name");
    tx.query(&SELECT, &[], |row| {
        Ok(Consumer {
            name: row.string(0)?,
            position: row.int(1)?,
            seen_at: row.int(2)?,
            cut_off_at: row.opt_int(3)?,
            missed: row.int(4)?,
        })
    })
}

/// Moves consumers that are behind a place up to it, and notes that they missed what lies between; answers how many.
pub fn cut_off(tx: &mut dyn Tx, place: i64, now: i64) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new(
        "update outbox_consumer set missed = missed + (?1 - position), position = ?1, \
         cut_off_at = coalesce(cut_off_at, ?2) where position < ?1",
    );
    tx.execute(&UPDATE, &[place.into(), now.into()])
}

/// Notes that a consumer that was cut off has looked at everything since.
pub fn resynced(tx: &mut dyn Tx, consumer: &str) -> Result<(), Error> {
    static UPDATE: Statement =
        Statement::new("update outbox_consumer set cut_off_at = null, missed = 0 where name = ?1");
    tx.execute(&UPDATE, &[consumer.into()])?;
    Ok(())
}

/// Removes rows that every consumer has read, or, where nobody reads, that are older than a moment; at most `limit`.
pub fn prune(tx: &mut dyn Tx, older_than: i64, limit: u64) -> Result<u64, Error> {
    static DELETE: Statement = Statement::new(
        "delete from outbox where id in (select id from outbox where id <= coalesce((select min(position) from \
         outbox_consumer), (select max(id) from outbox)) and at < ?1 order by id limit ?2)",
    );
    tx.execute(&DELETE, &[Param::Int(older_than), Param::Int(i64::try_from(limit).unwrap_or(i64::MAX))])
}
