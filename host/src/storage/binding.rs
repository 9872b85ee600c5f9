//! Rows of bindings. The rules (what a mark means, when to retry) are the record room's.

use super::{Error, Param, Row, Statement, Tx};
use crate::{
    base::Timestamp,
    model::binding::{Binding, Status},
};

/// The columns of a binding, in the order that [`read`] takes them. The last one is the record's version, joined.
pub(super) const COLUMNS: &str = "b.id, b.backend, b.kind, b.external_id, b.record, b.sync_date, b.sync_status, b.retry_count, \
    b.max_retries, b.retry_at, b.last_error, b.no_export, b.payload_hash, b.map_fingerprint, b.changed_by, \
    b.record_version, b.export_hash, b.external_updated_at, b.extra, b.status_at";

pub(super) fn read(row: &dyn Row) -> Result<Binding, Error> {
    Ok(Binding {
        id: row.int(0)?,
        backend: row.int(1)?,
        kind: row.int(2)?,
        external_id: row.opt_string(3)?,
        record: row.opt_int(4)?,
        sync_date: row.opt_int(5)?.map(Timestamp),
        sync_status: status(row.int(6)?)?,
        retry_count: row.int(7)?,
        max_retries: row.int(8)?,
        retry_at: row.opt_int(9)?.map(Timestamp),
        last_error: row.opt_string(10)?,
        no_export: row.bool(11)?,
        payload_hash: hash(row.opt_blob(12)?),
        map_fingerprint: row.opt_int(13)?,
        changed_by: row.opt_string(14)?,
        record_version: row.opt_int(15)?,
        export_hash: hash(row.opt_blob(16)?),
        external_updated_at: row.opt_string(17)?,
        extra: row.opt_string(18)?,
        status_at: Timestamp(row.int(19)?),
        current_version: row.opt_int(20)?,
    })
}

pub(super) fn hash(bytes: Option<&[u8]>) -> Option<[u8; 16]> {
    bytes.and_then(|bytes| bytes.try_into().ok())
}

pub(super) fn status(number: i64) -> Result<Status, Error> {
    let found = usize::try_from(number).ok().and_then(|number| Status::ALL.get(number));
    found.copied().ok_or_else(|| Error::Shape(format!("a binding has status {number}")))
}

/// The number of a status in the store.
pub const fn number(status: Status) -> i64 {
    match status {
        Status::Pending => 0,
        Status::InProgress => 1,
        Status::Success => 2,
        Status::Failed => 3,
        Status::Skipped => 4,
    }
}

/// Record ids by external ids: what references need of a page.
pub fn records(tx: &mut dyn Tx, backend: i64, kind: i64, ids: &[&str]) -> Result<Vec<(String, i64)>, Error> {
    static SELECT: Statement = Statement::new(
        "select external_id, record from binding where backend = ?1 and kind = ?2 and external_id {texts:3} \
         and record is not null",
    );
    let params = [Param::Int(backend), Param::Int(kind), Param::Texts(ids)];
    tx.query(&SELECT, &params, |row| Ok((row.string(0)?, row.int(1)?)))
}

/// A binding by id, without the record's version.
pub fn get(tx: &mut dyn Tx, id: i64) -> Result<Option<Binding>, Error> {
    static SELECT: std::sync::LazyLock<Statement> = std::sync::LazyLock::new(|| {
        Statement::generated(format!("select {COLUMNS}, null from binding b where b.id = ?1"))
    });
    tx.first(&SELECT, &[Param::Int(id)], read)
}

/// Bindings of a kind by ids, in no order, without the versions of their records.
pub fn by_ids(tx: &mut dyn Tx, kind: i64, ids: &[i64]) -> Result<Vec<Binding>, Error> {
    static SELECT: std::sync::LazyLock<Statement> = std::sync::LazyLock::new(|| {
        Statement::generated(format!("select {COLUMNS}, null from binding b where b.id {{ints:2}} and b.kind = ?1"))
    });
    tx.query(&SELECT, &[Param::Int(kind), Param::Ints(ids)], read)
}

/// A new binding after a successful sync.
#[derive(Debug, Clone, Copy)]
pub struct SyncedRow<'a> {
    /// When.
    pub now: Timestamp,
    /// Digest of the payload.
    pub payload_hash: Option<&'a [u8]>,
    /// Digest of everything else that decides what a payload is mapped to.
    pub map_fingerprint: Option<i64>,
    /// Digests for `changed_by`.
    pub changed_by: Option<&'a str>,
    /// The record's version.
    pub record_version: Option<i64>,
    /// The remote's date of the last change.
    pub external_updated_at: Option<&'a str>,
    /// Extra fields, all of them, as JSON text.
    pub extra: Option<&'a str>,
    /// Digest of what was sent.
    pub export_hash: Option<&'a [u8]>,
}

/// Adds a binding with the outcome of the sync that made it; answers its id.
pub fn insert_synced(
    tx: &mut dyn Tx,
    backend: i64,
    kind: i64,
    external_id: &str,
    record: i64,
    row: &SyncedRow<'_>,
) -> Result<i64, Error> {
    static INSERT: Statement = Statement::new(
        "insert into binding(id, backend, kind, external_id, record, sync_date, sync_status, status_at, payload_hash, \
         map_fingerprint, changed_by, record_version, external_updated_at, extra) \
         values ({next_id:binding}, ?1, ?2, ?3, ?4, ?5, 2, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    );
    tx.insert(
        &INSERT,
        &[
            Param::Int(backend),
            Param::Int(kind),
            Param::Text(external_id),
            Param::Int(record),
            Param::Int(row.now.0),
            row.payload_hash.into(),
            row.map_fingerprint.into(),
            row.changed_by.into(),
            row.record_version.into(),
            row.external_updated_at.into(),
            row.extra.into(),
        ],
    )
}

/// Keeps the outcome of a successful sync. Without extra fields those that are there stay. Where nothing was sent,
/// what was sent last no longer tells what stands there.
pub fn update_synced(tx: &mut dyn Tx, id: i64, record: i64, row: &SyncedRow<'_>) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new(
        "update binding set record = ?2, sync_date = ?3, status_at = ?3, sync_status = 2, retry_count = 0, retry_at = null, \
         last_error = null, payload_hash = ?4, map_fingerprint = ?5, changed_by = ?6, record_version = ?7, \
         external_updated_at = ?8, extra = coalesce(?9, extra), export_hash = ?10 where id = ?1",
    );
    tx.execute(
        &UPDATE,
        &[
            Param::Int(id),
            Param::Int(record),
            Param::Int(row.now.0),
            row.payload_hash.into(),
            row.map_fingerprint.into(),
            row.changed_by.into(),
            row.record_version.into(),
            row.external_updated_at.into(),
            row.extra.into(),
            row.export_hash.into(),
        ],
    )
}

/// Adds a binding that has not been synced; answers its id.
pub fn insert(
    tx: &mut dyn Tx,
    backend: i64,
    kind: i64,
    external_id: Option<&str>,
    record: Option<i64>,
    extra: Option<&str>,
    now: Timestamp,
) -> Result<i64, Error> {
    static INSERT: Statement = Statement::new(
        "insert into binding(id, backend, kind, external_id, record, sync_status, status_at, extra) \
         values ({next_id:binding}, ?1, ?2, ?3, ?4, 0, ?6, ?5)",
    );
    let params =
        [Param::Int(backend), Param::Int(kind), external_id.into(), record.into(), extra.into(), Param::Int(now.0)];
    tx.insert(&INSERT, &params)
}

/// Sets the ends and the extra fields of a binding.
pub fn update_ends(
    tx: &mut dyn Tx,
    id: i64,
    external_id: Option<&str>,
    record: Option<i64>,
    extra: Option<&str>,
) -> Result<u64, Error> {
    static UPDATE: Statement =
        Statement::new("update binding set external_id = ?2, record = ?3, extra = ?4 where id = ?1");
    tx.execute(&UPDATE, &[Param::Int(id), external_id.into(), record.into(), extra.into()])
}

/// Notes up to which version a record is in step.
pub fn update_record_version(tx: &mut dyn Tx, id: i64, version: i64) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new("update binding set record_version = ?2 where id = ?1");
    tx.execute(&UPDATE, &[Param::Int(id), Param::Int(version)])
}

/// Forgets the external id, and what the last syncs learned.
pub fn forget_external(tx: &mut dyn Tx, id: i64) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new(
        "update binding set external_id = null, sync_date = null, payload_hash = null, map_fingerprint = null, \
         changed_by = null, record_version = null, export_hash = null, external_updated_at = null \
         where id = ?1 and record is not null",
    );
    tx.execute(&UPDATE, &[Param::Int(id)])
}

/// Sets `no_export` and the number of attempts allowed.
pub fn update_policy(tx: &mut dyn Tx, id: i64, no_export: bool, max_retries: i64) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new("update binding set no_export = ?2, max_retries = ?3 where id = ?1");
    tx.execute(&UPDATE, &[Param::Int(id), no_export.into(), Param::Int(max_retries)])
}

/// In step.
pub fn mark_success(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new(
        "update binding set sync_status = 2, sync_date = ?2, status_at = ?2, retry_count = 0, retry_at = null, last_error = null \
         where id = ?1",
    );
    tx.execute(&UPDATE, &[Param::Int(id), Param::Int(now.0)])
}

/// Failed once more.
pub fn mark_failed(
    tx: &mut dyn Tx,
    id: i64,
    message: &str,
    retry_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new(
        "update binding set sync_status = 3, retry_count = retry_count + 1, last_error = ?2, retry_at = ?3, \
         status_at = ?4 where id = ?1",
    );
    tx.execute(&UPDATE, &[Param::Int(id), Param::Text(message), retry_at.map(|at| at.0).into(), Param::Int(now.0)])
}

/// All attempts anew.
pub fn renew(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<u64, Error> {
    static UPDATE: Statement =
        Statement::new("update binding set retry_count = 0, retry_at = ?2 where id = ?1 and sync_status = 3");
    tx.execute(&UPDATE, &[Param::Int(id), Param::Int(now.0)])
}

/// Sets the status alone.
pub fn set_status(tx: &mut dyn Tx, id: i64, status: Status, now: Timestamp) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new("update binding set sync_status = ?2, status_at = ?3 where id = ?1");
    tx.execute(&UPDATE, &[Param::Int(id), Param::Int(number(status)), Param::Int(now.0)])
}

/// Forgets what the last import learned.
pub fn forget(tx: &mut dyn Tx, id: i64, now: Timestamp) -> Result<u64, Error> {
    static UPDATE: Statement = Statement::new(
        "update binding set sync_status = 0, retry_count = 0, retry_at = null, last_error = null, payload_hash = null, \
         map_fingerprint = null, changed_by = null, status_at = ?2 where id = ?1",
    );
    tx.execute(&UPDATE, &[Param::Int(id), Param::Int(now.0)])
}

/// Removes a binding.
pub fn delete(tx: &mut dyn Tx, id: i64) -> Result<u64, Error> {
    static DELETE: Statement = Statement::new("delete from binding where id = ?1");
    tx.execute(&DELETE, &[Param::Int(id)])
}

/// Removes the bindings of a record under all kinds over its model, hidden ones too.
pub fn delete_of_record(tx: &mut dyn Tx, model: i64, record: i64) -> Result<u64, Error> {
    static DELETE: Statement = Statement::new(
        "delete from binding where kind in (select id from record_kind where model = ?1) and record = ?2",
    );
    tx.execute(&DELETE, &[Param::Int(model), Param::Int(record)])
}

/// Which bindings are listed; absent parts don't narrow.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Of a backend.
    pub backend: Option<i64>,
    /// Of a kind.
    pub kind: Option<i64>,
    /// With a status.
    pub status: Option<Status>,
    /// Of a record.
    pub record: Option<i64>,
    /// Failed ones whose time to try again has come, with attempts left.
    pub due: Option<Timestamp>,
    /// After this id, for paging.
    pub after: i64,
    /// At most this many; 0: 100.
    pub limit: u64,
}

/// Bindings by id, without the versions of their records.
pub fn list(tx: &mut dyn Tx, filter: &Filter) -> Result<Vec<Binding>, Error> {
    let mut text = format!("select {COLUMNS}, null from binding b where b.id > ?1");
    let mut params = vec![Param::Int(filter.after)];
    let narrowing = [
        ("b.backend", filter.backend),
        ("b.kind", filter.kind),
        ("b.record", filter.record),
        ("b.sync_status", filter.status.map(number)),
    ];
    for (column, value) in narrowing {
        if let Some(value) = value {
            params.push(Param::Int(value));
            text.push_str(&format!(" and {column} = ?{}", params.len()));
        }
    }
    if let Some(due) = filter.due {
        params.push(Param::Int(due.0));
        text.push_str(&format!(
            " and b.sync_status = 3 and b.retry_at <= ?{} and b.retry_count < b.max_retries",
            params.len()
        ));
    }
    params.push(Param::Int(i64::try_from(if filter.limit == 0 { 100 } else { filter.limit }).unwrap_or(i64::MAX)));
    text.push_str(&format!(" order by b.id limit ?{}", params.len()));
    tx.query(&Statement::generated(text), &params, read)
}

/// (kind, status, how many) of a backend's bindings.
pub fn tally(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(i64, Status, u64)>, Error> {
    static SELECT: Statement = Statement::new(
        "select kind, sync_status, count(*) from binding where backend = ?1 group by kind, sync_status order by 1, 2",
    );
    tx.query(&SELECT, &[Param::Int(backend)], |row| Ok((row.int(0)?, status(row.int(1)?)?, row.int(2)?.unsigned_abs())))
}

/// (kind, how many) of a backend's failed bindings that no sweep tries again and nobody has on review or as a conflict.
pub fn given_up(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(i64, u64)>, Error> {
    static SELECT: Statement = Statement::new(
        "select b.kind, count(*) from binding b where b.backend = ?1 and b.sync_status = 3 \
         and (b.retry_at is null or b.retry_count >= b.max_retries) \
         and not exists (select 1 from review r where r.binding = b.id and r.state = 0) \
         and not exists (select 1 from conflict c where c.binding = b.id and c.state = 0) group by b.kind order by 1",
    );
    tx.query(&SELECT, &[Param::Int(backend)], |row| Ok((row.int(0)?, row.int(1)?.unsigned_abs())))
}

/// Groups of values of a constraint that stand several times among the bindings of a kind, at most ten, as text.
pub fn duplicates(tx: &mut dyn Tx, kind: i64, columns: &[String]) -> Result<Vec<String>, Error> {
    let list = columns.join(", ");
    let filled: String = columns.iter().map(|column| format!(" and {column} is not null")).collect();
    let shown = columns.iter().map(|c| format!("cast({c} as text)")).collect::<Vec<_>>().join(" || ' / ' || ");
    let statement = Statement::generated(format!(
        "select {shown}, count(*) from binding where kind = ?1{filled} group by {list} having count(*) > 1 \
         order by 1 limit 10"
    ));
    tx.query(&statement, &[Param::Int(kind)], |row| Ok(format!("{} ({} times)", row.text(0)?, row.int(1)?)))
}

/// The expression of a constraint's column over bindings.
pub fn expression(name: &str, extra: bool) -> String {
    if extra { format!("{{extra_text:{name}}}") } else { format!("\"{name}\"") }
}

/// Makes a group of columns unique among the bindings of a kind. Look for [`duplicates`] first.
pub fn create_constraint(tx: &mut dyn Tx, index: &str, kind: i64, columns: &[String]) -> Result<(), Error> {
    let list = columns.join(", ");
    tx.define(&format!("create unique index if not exists \"{index}\" on binding({list}) where kind = {kind}"))
}

/// Takes a constraint away.
pub fn drop_constraint(tx: &mut dyn Tx, index: &str) -> Result<(), Error> {
    tx.define(&format!("drop index if exists \"{index}\""))
}
