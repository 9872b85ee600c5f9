//! SQL of backends: one row each, its settings as JSON without secrets.

use super::{Error, Param, Statement, Tx};
use crate::base::Timestamp;

/// A backend as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id; ignored where it is inserted.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its type.
    pub backend_type: String,
    /// The plugin that provides the type.
    pub plugin: String,
    /// Whether its jobs run.
    pub enabled: bool,
    /// Raised by whatever makes work under way stale.
    pub epoch: i64,
    /// JSON object of settings, secrets left out.
    pub settings: String,
    /// JSON object of business settings.
    pub business: String,
    /// `unknown`, `ok` or `failed`.
    pub connection_status: String,
    /// What the last check said.
    pub connection_message: Option<String>,
    /// When it was.
    pub checked_at: Option<Timestamp>,
    /// When the backend was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

static ALL: Statement = Statement::new(
    "select id, name, type, plugin, enabled, epoch, settings, business, connection_status, \
     connection_message, checked_at, created_at, updated_at from backend order by id",
);
static ONE: Statement = Statement::new(
    "select id, name, type, plugin, enabled, epoch, settings, business, connection_status, \
     connection_message, checked_at, created_at, updated_at from backend where id = ?1",
);
static INSERT: Statement = Statement::new(
    "insert into backend(name, type, plugin, enabled, epoch, settings, business, connection_status, \
     created_at, updated_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'unknown', ?8, ?8)",
);
static UPDATE: Statement = Statement::new(
    "update backend set enabled = ?2, settings = ?3, business = ?4, epoch = epoch + ?5, \
     updated_at = ?6 where id = ?1 and epoch = ?7",
);
static RAISE: Statement = Statement::new("update backend set epoch = epoch + 1, updated_at = ?2 where id = ?1");
static CHECKED: Statement =
    Statement::new("update backend set connection_status = ?2, connection_message = ?3, checked_at = ?4 where id = ?1");
static EPOCH: Statement = Statement::new("select epoch, enabled from backend where id = ?1");
static REMOVE: Statement = Statement::new("delete from backend where id = ?1");

/// All backends, by id.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Row>, Error> {
    tx.query(&ALL, &[], read)
}

/// One backend.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Row>, Error> {
    tx.first(&ONE, &[Param::Int(id)], read)
}

/// Adds a backend; answers its id.
pub fn insert(tx: &mut dyn Tx, row: &Row) -> Result<i64, Error> {
    tx.insert(
        &INSERT,
        &[
            (&row.name).into(),
            (&row.backend_type).into(),
            (&row.plugin).into(),
            row.enabled.into(),
            row.epoch.into(),
            (&row.settings).into(),
            (&row.business).into(),
            row.created_at.0.into(),
        ],
    )
}

/// Changes what an operator sets, where nobody changed it since it was read; answers whether it did.
pub fn update(tx: &mut dyn Tx, row: &Row, raise: bool) -> Result<bool, Error> {
    let changed = tx.execute(
        &UPDATE,
        &[
            row.id.into(),
            row.enabled.into(),
            (&row.settings).into(),
            (&row.business).into(),
            raise.into(),
            row.updated_at.0.into(),
            row.epoch.into(),
        ],
    )?;
    Ok(changed == 1)
}

/// Makes work under way for a backend stale.
pub fn raise_epoch(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<(), Error> {
    tx.execute(&RAISE, &[Param::Int(id), Param::Int(now.0)])?;
    Ok(())
}

/// Keeps what a check of the connection found.
pub fn checked(tx: &mut dyn Tx, id: i64, status: &str, message: &str, now: Timestamp) -> Result<(), Error> {
    tx.execute(&CHECKED, &[Param::Int(id), Param::Text(status), Param::Text(message), Param::Int(now.0)])?;
    Ok(())
}

/// The epoch of a backend and whether it is enabled.
pub fn epoch(tx: &mut dyn Tx, id: i64) -> Result<Option<(i64, bool)>, Error> {
    tx.first(&EPOCH, &[Param::Int(id)], |row| Ok((row.int(0)?, row.bool(1)?)))
}

/// Removes a backend and its secrets. Refused by the store while bindings refer to it.
pub fn remove(tx: &mut dyn Tx, id: i64) -> Result<bool, Error> {
    Ok(tx.execute(&REMOVE, &[Param::Int(id)])? > 0)
}

fn read(row: &dyn super::Row) -> Result<Row, Error> {
    Ok(Row {
        id: row.int(0)?,
        name: row.string(1)?,
        backend_type: row.string(2)?,
        plugin: row.string(3)?,
        enabled: row.bool(4)?,
        epoch: row.int(5)?,
        settings: row.string(6)?,
        business: row.string(7)?,
        connection_status: row.string(8)?,
        connection_message: row.opt_string(9)?,
        checked_at: row.opt_int(10)?.map(Timestamp),
        created_at: Timestamp(row.int(11)?),
        updated_at: Timestamp(row.int(12)?),
    })
}
