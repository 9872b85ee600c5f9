//! Rows of cursors and of their history.

use super::{Error, Param, Row, Statement, Tx};

/// A cursor's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorRow {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: Option<String>,
    /// The format of the value.
    pub state_format: i64,
    /// Rises with each move.
    pub version: i64,
    /// When it was moved.
    pub moved_at: i64,
    /// Who moved it.
    pub moved_by: String,
}

fn read(row: &dyn Row) -> Result<CursorRow, Error> {
    Ok(CursorRow {
        key: row.string(0)?,
        value: row.opt_string(1)?,
        state_format: row.int(2)?,
        version: row.int(3)?,
        moved_at: row.int(4)?,
        moved_by: row.string(5)?,
    })
}

/// A cursor.
pub fn get(tx: &mut dyn Tx, backend: i64, key: &str) -> Result<Option<CursorRow>, Error> {
    static SELECT: Statement = Statement::new(
        "select key, value, state_format, version, moved_at, moved_by from cursor where backend = ?1 and key = ?2",
    );
    tx.first(&SELECT, &[Param::Int(backend), Param::Text(key)], read)
}

/// All cursors of a backend.
pub fn list(tx: &mut dyn Tx, backend: i64) -> Result<Vec<CursorRow>, Error> {
    static SELECT: Statement = Statement::new(
        "select key, value, state_format, version, moved_at, moved_by from cursor where backend = ?1 order by key",
    );
    tx.query(&SELECT, &[Param::Int(backend)], read)
}

/// What a cursor was, newest first.
pub fn history(tx: &mut dyn Tx, backend: i64, key: &str, limit: u64) -> Result<Vec<CursorRow>, Error> {
    static SELECT: Statement = Statement::new(
        "select key, value, state_format, version, moved_at, moved_by from cursor_history \
         where backend = ?1 and key = ?2 order by version desc limit ?3",
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.query(&SELECT, &[Param::Int(backend), Param::Text(key), Param::Int(limit)], read)
}

/// Writes a cursor and its history, and drops history beyond the last `keep` moves.
pub fn put(tx: &mut dyn Tx, backend: i64, row: &CursorRow, keep: i64) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into cursor(backend, key, value, state_format, version, moved_at, moved_by) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7) on conflict (backend, key) do update set value = ?3, state_format = ?4, \
         version = ?5, moved_at = ?6, moved_by = ?7",
    );
    static HISTORY: Statement = Statement::new(
        "insert into cursor_history(backend, key, value, state_format, version, moved_at, moved_by) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    );
    static PRUNE: Statement =
        Statement::new("delete from cursor_history where backend = ?1 and key = ?2 and version <= ?3");
    let params = [
        Param::Int(backend),
        Param::Text(&row.key),
        row.value.as_deref().into(),
        Param::Int(row.state_format),
        Param::Int(row.version),
        Param::Int(row.moved_at),
        Param::Text(&row.moved_by),
    ];
    tx.execute(&UPSERT, &params)?;
    tx.execute(&HISTORY, &params)?;
    tx.execute(&PRUNE, &[Param::Int(backend), Param::Text(&row.key), Param::Int(row.version - keep)])?;
    Ok(())
}
