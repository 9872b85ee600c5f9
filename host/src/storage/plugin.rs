//! SQL of installed plugins. One row for each plugin: the version that serves, or the last that was refused.

use super::{Error, Param, Statement, Tx};
use crate::base::Timestamp;

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Digest of its file, in hexadecimal.
    pub sha256: String,
    /// The file it was installed from.
    pub file: String,
    /// `in_process` or `worker`.
    pub isolation: String,
    /// `ready`, `stale` or `refused`.
    pub state: String,
    /// Why it is not ready: JSON.
    pub error: Option<String>,
    /// What it says about itself: JSON.
    pub manifest: String,
    /// When it was installed.
    pub installed_at: Timestamp,
}

static ALL: Statement = Statement::new(
    "select id, version, sha256, file, isolation, state, error, manifest, installed_at from plugin order by id",
);
static PUT: Statement = Statement::new(
    "insert into plugin(id, version, sha256, file, isolation, state, error, manifest, installed_at) \
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
     on conflict (id) do update set version = excluded.version, sha256 = excluded.sha256, file = excluded.file, \
     isolation = excluded.isolation, state = excluded.state, error = excluded.error, manifest = excluded.manifest, \
     installed_at = excluded.installed_at",
);
static MARK: Statement = Statement::new("update plugin set state = ?2, error = ?3 where id = ?1");
static ISOLATE: Statement = Statement::new("update plugin set isolation = ?2 where id = ?1");

/// All plugins, by id.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Row>, Error> {
    tx.query(&ALL, &[], |row| {
        Ok(Row {
            id: row.string(0)?,
            version: row.string(1)?,
            sha256: row.string(2)?,
            file: row.string(3)?,
            isolation: row.string(4)?,
            state: row.string(5)?,
            error: row.opt_string(6)?,
            manifest: row.string(7)?,
            installed_at: Timestamp(row.int(8)?),
        })
    })
}

/// Writes a plugin, in place of an older version of it.
pub fn put(tx: &mut dyn Tx, row: &Row) -> Result<(), Error> {
    tx.execute(
        &PUT,
        &[
            Param::Text(&row.id),
            Param::Text(&row.version),
            Param::Text(&row.sha256),
            Param::Text(&row.file),
            Param::Text(&row.isolation),
            Param::Text(&row.state),
            row.error.as_deref().into(),
            Param::Text(&row.manifest),
            Param::Int(row.installed_at.0),
        ],
    )?;
    Ok(())
}

/// Notes that a plugin is refused, or is again fine.
pub fn mark(tx: &mut dyn Tx, id: &str, state: &str, error: Option<&str>) -> Result<(), Error> {
    tx.execute(&MARK, &[Param::Text(id), Param::Text(state), error.into()])?;
    Ok(())
}

/// Changes where a plugin runs.
pub fn isolate(tx: &mut dyn Tx, id: &str, isolation: &str) -> Result<(), Error> {
    tx.execute(&ISOLATE, &[Param::Text(id), Param::Text(isolation)])?;
    Ok(())
}
