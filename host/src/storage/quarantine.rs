//! Quarantined payloads: kept as they were sent, beside the error that stopped them.

use super::{Error, Row, Statement, Tx};

/// A stored payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Quarantined {
    /// Its id.
    pub id: i64,
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// The binding that it waits on.
    pub binding: Option<i64>,
    /// External id, where it has one.
    pub external_id: Option<String>,
    /// The payload as it was sent.
    pub payload: String,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<String>,
    /// Code of the error.
    pub error_code: String,
    /// The error.
    pub error: String,
    /// JSON pointer to the value at fault.
    pub error_path: Option<String>,
    /// Field at fault.
    pub error_field: Option<String>,
    /// Since when, microseconds.
    pub created_at: i64,
    /// The last attempt, microseconds.
    pub updated_at: i64,
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keep<'a> {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: &'a str,
    /// The binding.
    pub binding: Option<i64>,
    /// External id.
    pub external_id: Option<&'a str>,
    /// The run.
    pub run: Option<i64>,
    /// The payload.
    pub payload: &'a str,
    /// The outside system's date of the last change.
    pub external_updated_at: Option<&'a str>,
    /// Digest of what mapped it.
    pub map_fingerprint: i64,
    /// Code of the error.
    pub code: &'a str,
    /// The error.
    pub error: &'a str,
    /// JSON pointer to the value at fault.
    pub path: Option<&'a str>,
    /// Field at fault.
    pub field: Option<&'a str>,
    /// Microseconds.
    pub now: i64,
}

macro_rules! columns {
    () => {
        "id, backend, kind, binding, external_id, payload, external_updated_at, error_code, error, error_path, \
         error_field, created_at, updated_at"
    };
}

static KEEP: Statement = Statement::new(
    "insert into quarantine(backend, kind, binding, external_id, run, payload, external_updated_at, error_code, error, \
     error_path, error_field, created_at, updated_at, map_fingerprint) \
     values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13) \
     on conflict(binding) where binding is not null do update set run = excluded.run, payload = excluded.payload, \
     external_updated_at = excluded.external_updated_at, error_code = excluded.error_code, error = excluded.error, \
     error_path = excluded.error_path, error_field = excluded.error_field, updated_at = excluded.updated_at, \
     map_fingerprint = excluded.map_fingerprint",
);
static RELEASE: Statement = Statement::new("delete from quarantine where binding {ints:1}");
static OF_BINDING: Statement = Statement::new(concat!("select ", columns!(), " from quarantine where binding = ?1"));
static LIST: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from quarantine where backend = ?1 and (?2 is null or kind = ?2) and id > ?3 order by id limit ?4"
));
static KINDS: Statement =
    Statement::new("select distinct kind from quarantine where backend = ?1 and binding is not null order by kind");
static MAPPED_OTHERWISE: Statement = Statement::new(
    "select binding, external_id from quarantine where backend = ?1 and kind = ?2 and binding is not null \
     and external_id is not null and (map_fingerprint is null or map_fingerprint <> ?3) order by id limit ?4",
);
static MAPPED_BY: Statement = Statement::new("update quarantine set map_fingerprint = ?2 where binding = ?1");
static NAMELESS: Statement = Statement::new(
    "delete from quarantine where backend = ?1 and kind = ?2 and binding is null and (run is null or run <> ?3)",
);
static OF_RUN: Statement = Statement::new(concat!(
    "select ",
    columns!(),
    " from quarantine where backend = ?1 and kind = ?2 and run = ?3 order by id limit ?4"
));
static TALLY_NAMELESS: Statement = Statement::new(
    "select kind, count(*) from quarantine where backend = ?1 and binding is null group by kind order by kind",
);

/// Keeps a payload; one that waits on the same binding is replaced.
pub fn keep(tx: &mut dyn Tx, keep: &Keep<'_>) -> Result<(), Error> {
    tx.execute(
        &KEEP,
        &[
            keep.backend.into(),
            keep.kind.into(),
            keep.binding.into(),
            keep.external_id.into(),
            keep.run.into(),
            keep.payload.into(),
            keep.external_updated_at.into(),
            keep.code.into(),
            keep.error.into(),
            keep.path.into(),
            keep.field.into(),
            keep.now.into(),
            keep.map_fingerprint.into(),
        ],
    )?;
    Ok(())
}

/// Lets go of the payloads that wait on bindings.
pub fn release(tx: &mut dyn Tx, bindings: &[i64]) -> Result<(), Error> {
    if !bindings.is_empty() {
        tx.execute(&RELEASE, &[super::Param::Ints(bindings)])?;
    }
    Ok(())
}

/// The payload that waits on a binding.
pub fn of_binding(tx: &mut dyn Tx, binding: i64) -> Result<Option<Quarantined>, Error> {
    tx.first(&OF_BINDING, &[binding.into()], read)
}

/// Payloads of a backend, by id.
pub fn list(
    tx: &mut dyn Tx,
    backend: i64,
    kind: Option<&str>,
    after: i64,
    limit: i64,
) -> Result<Vec<Quarantined>, Error> {
    tx.query(&LIST, &[backend.into(), kind.into(), after.into(), limit.into()], read)
}

/// Kinds of which a backend has kept payloads that wait on bindings.
pub fn kinds(tx: &mut dyn Tx, backend: i64) -> Result<Vec<String>, Error> {
    tx.query(&KINDS, &[backend.into()], |row| row.string(0))
}

/// Bindings, and their external ids, whose payload was mapped by something else than what this digest stands for.
pub fn mapped_otherwise(
    tx: &mut dyn Tx,
    backend: i64,
    kind: &str,
    map_fingerprint: i64,
    limit: u64,
) -> Result<Vec<(i64, String)>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = [backend.into(), kind.into(), map_fingerprint.into(), limit.into()];
    tx.query(&MAPPED_OTHERWISE, &params, |row| Ok((row.int(0)?, row.string(1)?)))
}

/// Notes by what the payload of a binding is mapped next.
pub fn mapped_by(tx: &mut dyn Tx, binding: i64, map_fingerprint: i64) -> Result<(), Error> {
    tx.execute(&MAPPED_BY, &[binding.into(), map_fingerprint.into()])?;
    Ok(())
}

/// The first payloads that a run of a kind kept.
pub fn of_run(tx: &mut dyn Tx, (backend, kind): (i64, &str), run: i64, limit: i64) -> Result<Vec<Quarantined>, Error> {
    tx.query(&OF_RUN, &[backend.into(), kind.into(), run.into(), limit.into()], read)
}

/// Kinds of a backend with payloads that have no id, and how many.
pub fn tally_nameless(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(String, i64)>, Error> {
    tx.query(&TALLY_NAMELESS, &[backend.into()], |row| Ok((row.string(0)?, row.int(1)?)))
}

/// Takes payloads without an id away that runs before this one kept: they came again, or they are gone.
pub fn drop_nameless(tx: &mut dyn Tx, backend: i64, kind: &str, but_of_run: i64) -> Result<u64, Error> {
    tx.execute(&NAMELESS, &[backend.into(), kind.into(), but_of_run.into()])
}

fn read(row: &dyn Row) -> Result<Quarantined, Error> {
    Ok(Quarantined {
        id: row.int(0)?,
        backend: row.int(1)?,
        kind: row.string(2)?,
        binding: row.opt_int(3)?,
        external_id: row.opt_string(4)?,
        payload: row.string(5)?,
        external_updated_at: row.opt_string(6)?,
        error_code: row.string(7)?,
        error: row.string(8)?,
        error_path: row.opt_string(9)?,
        error_field: row.opt_string(10)?,
        created_at: row.int(11)?,
        updated_at: row.int(12)?,
    })
}
