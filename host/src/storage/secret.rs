//! SQL of secrets: sealed bytes beside the id of the key that sealed them. It never sees a secret in clear.

use super::{Error, Param, Statement, Tx};
use crate::base::Timestamp;

/// A sealed secret of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its backend.
    pub backend: i64,
    /// The setting that it is.
    pub field: String,
    /// The key that sealed it.
    pub key_id: String,
    /// Version, nonce and ciphertext.
    pub sealed: Vec<u8>,
    /// When it was set.
    pub updated_at: Timestamp,
}

static DATA_ID: Statement = Statement::new("select data_id from vault where id = 1");
static NAME_DATA: Statement = Statement::new("insert into vault(id, data_id, created_at) values (1, ?1, ?2)");
static ALL: Statement =
    Statement::new("select backend, field, key_id, sealed, updated_at from backend_secret order by backend, field");
static OF: Statement = Statement::new(
    "select backend, field, key_id, sealed, updated_at from backend_secret where backend = ?1 order by field",
);
static PUT: Statement = Statement::new(
    "insert into backend_secret(backend, field, key_id, sealed, updated_at) values (?1, ?2, ?3, ?4, ?5) \
     on conflict (backend, field) do update set key_id = excluded.key_id, sealed = excluded.sealed, \
     updated_at = excluded.updated_at",
);
static REMOVE: Statement = Statement::new("delete from backend_secret where backend = ?1 and field = ?2");

/// The identity of this data, made on first use from what is proposed.
pub fn data_id(tx: &mut dyn Tx, proposed: &str, now: Timestamp) -> Result<String, Error> {
    if let Some(known) = tx.first(&DATA_ID, &[], |row| row.string(0))? {
        return Ok(known);
    }
    tx.execute(&NAME_DATA, &[Param::Text(proposed), Param::Int(now.0)])?;
    Ok(proposed.to_owned())
}

/// All secrets.
pub fn all(tx: &mut dyn Tx) -> Result<Vec<Row>, Error> {
    tx.query(&ALL, &[], read)
}

/// The secrets of one backend.
pub fn of(tx: &mut dyn Tx, backend: i64) -> Result<Vec<Row>, Error> {
    tx.query(&OF, &[Param::Int(backend)], read)
}

/// Sets a secret, in place of the one before.
pub fn put(tx: &mut dyn Tx, row: &Row) -> Result<(), Error> {
    let Row { backend, field, key_id, sealed, updated_at } = row;
    let params = [Param::Int(*backend), field.into(), key_id.into(), Param::Blob(sealed), Param::Int(updated_at.0)];
    tx.execute(&PUT, &params)?;
    Ok(())
}

/// Removes a secret; answers whether there was one.
pub fn remove(tx: &mut dyn Tx, backend: i64, field: &str) -> Result<bool, Error> {
    Ok(tx.execute(&REMOVE, &[Param::Int(backend), Param::Text(field)])? > 0)
}

fn read(row: &dyn super::Row) -> Result<Row, Error> {
    Ok(Row {
        backend: row.int(0)?,
        field: row.string(1)?,
        key_id: row.string(2)?,
        sealed: row.blob(3)?.to_vec(),
        updated_at: Timestamp(row.int(4)?),
    })
}
