//! Rows of the small values that connectors keep.

use super::{Error, Param, Statement, Tx};

/// A value as JSON text, with its format.
pub fn get(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<Option<(String, i64)>, Error> {
    static SELECT: Statement = Statement::new("select value, state_format from kv where backend = ?1 and key = ?2");
    tx.first(&SELECT, &[Param::Int(backend), Param::Text(key)], |row| Ok((row.string(0)?, row.int(1)?)))
}

/// Stores a value.
pub fn put(tx: &mut dyn Tx, backend: i64, key: &str, value: &str, format: i64, now: i64) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into kv(backend, key, value, state_format, moved_at) values (?1, ?2, ?3, ?4, ?5) \
         on conflict (backend, key) do update set value = ?3, state_format = ?4, moved_at = ?5",
    );
    let params = [Param::Int(backend), Param::Text(key), Param::Text(value), Param::Int(format), Param::Int(now)];
    tx.execute(&UPSERT, &params)?;
    Ok(())
}

/// Removes a value.
pub fn delete(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from kv where backend = ?1 and key = ?2");
    tx.execute(&DELETE, &[Param::Int(backend), Param::Text(key)])?;
    Ok(())
}

/// All keys of a backend.
pub fn keys(tx: &mut dyn Tx, backend: i64) -> Result<Vec<String>, Error> {
    static SELECT: Statement = Statement::new("select key from kv where backend = ?1 order by key");
    tx.query(&SELECT, &[Param::Int(backend)], |row| row.string(0))
}
