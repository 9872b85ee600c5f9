//! Rows of the kinds that are exported by themselves, and of those that are not now, with the place up to which changes
//! were read for them. Which is which, is the sync room's.

use super::{Error, Statement, Tx};

/// A kind of a backend that can be exported by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// The place in the outbox up to which changes were read for it; absent: it is read with all others.
    pub paused_at: Option<i64>,
}

/// All of them.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Known>, Error> {
    static SELECT: Statement =
        Statement::new("select backend, kind, paused_at from export_pause order by backend, kind");
    tx.query(&SELECT, &[], |row| Ok(Known { backend: row.int(0)?, kind: row.string(1)?, paused_at: row.opt_int(2)? }))
}

/// Keeps one, in place of what was known of it.
pub fn put(tx: &mut dyn Tx, known: &Known) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into export_pause(backend, kind, paused_at) values (?1, ?2, ?3) \
         on conflict(backend, kind) do update set paused_at = excluded.paused_at",
    );
    tx.execute(&UPSERT, &[known.backend.into(), known.kind.as_str().into(), known.paused_at.into()])?;
    Ok(())
}

/// Forgets those of backends that are gone.
pub fn forget_removed(tx: &mut dyn Tx) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from export_pause where backend not in (select id from backend)");
    tx.execute(&DELETE, &[])?;
    Ok(())
}
