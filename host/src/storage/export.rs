//! Rows of what is to be exported, and of what removed records were bound to. What is folded into what is the sync room's.

use super::{Error, Param, Row, Statement, Tx};

/// A record that is to be exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Our record.
    pub record: i64,
    /// Names of the fields that changed, separated by commas; absent: all of them.
    pub changed: Option<String>,
    /// Backends that the changes have passed through, as a JSON list.
    pub chain: Option<String>,
    /// Rises with every change that is folded in.
    pub revision: i64,
    /// Even where nothing differs from what was sent last.
    pub forced: bool,
    /// When the first of the changes came, in microseconds.
    pub since: i64,
}

fn read(row: &dyn Row) -> Result<Due, Error> {
    Ok(Due {
        backend: row.int(0)?,
        kind: row.string(1)?,
        record: row.int(2)?,
        changed: row.opt_string(3)?,
        chain: row.opt_string(4)?,
        revision: row.int(5)?,
        forced: row.bool(6)?,
        since: row.int(7)?,
    })
}

/// What is due of a record.
pub fn due(tx: &mut dyn Tx, backend: i64, kind: &str, record: i64) -> Result<Option<Due>, Error> {
    static SELECT: Statement = Statement::new(
        "select backend, kind, record, changed, chain, revision, forced, since from export_due \
         where backend = ?1 and kind = ?2 and record = ?3",
    );
    tx.first(&SELECT, &[backend.into(), kind.into(), record.into()], read)
}

/// Keeps what is due of a record, in place of what was.
pub fn put_due(tx: &mut dyn Tx, due: &Due) -> Result<(), Error> {
    static UPSERT: Statement = Statement::new(
        "insert into export_due(backend, kind, record, changed, chain, revision, forced, since) \
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict(backend, kind, record) do update set \
         changed = excluded.changed, chain = excluded.chain, revision = excluded.revision, forced = excluded.forced",
    );
    tx.execute(
        &UPSERT,
        &[
            due.backend.into(),
            due.kind.as_str().into(),
            due.record.into(),
            due.changed.as_deref().into(),
            due.chain.as_deref().into(),
            due.revision.into(),
            due.forced.into(),
            due.since.into(),
        ],
    )?;
    Ok(())
}

/// Takes what is due away, unless something was folded in since that revision; whether it is gone.
pub fn settle_due(tx: &mut dyn Tx, backend: i64, kind: &str, record: i64, revision: i64) -> Result<bool, Error> {
    static DELETE: Statement =
        Statement::new("delete from export_due where backend = ?1 and kind = ?2 and record = ?3 and revision = ?4");
    Ok(tx.execute(&DELETE, &[backend.into(), kind.into(), record.into(), revision.into()])? > 0)
}

/// Which records of a kind are looked for: of a backend, in a record table, after an id.
#[derive(Debug, Clone, Copy)]
pub struct Among<'a> {
    /// The backend.
    pub backend: i64,
    /// The kind, by its id in the catalogue.
    pub kind: i64,
    /// Its name.
    pub name: &'a str,
    /// The table of its records.
    pub table: &'a str,
    /// After this record.
    pub after: i64,
    /// At most so many.
    pub limit: u64,
}

impl Among<'_> {
    fn records(&self, tx: &mut dyn Tx, text: String, kind: Param<'_>) -> Result<Vec<i64>, Error> {
        let limit = Param::Int(i64::try_from(self.limit).unwrap_or(i64::MAX));
        tx.query(&Statement::generated(text), &[self.backend.into(), kind, self.after.into(), limit], |row| row.int(0))
    }
}

/// Records of which something is due.
pub fn records_due(tx: &mut dyn Tx, among: &Among<'_>) -> Result<Vec<i64>, Error> {
    let text =
        "select record from export_due where backend = ?1 and kind = ?2 and record > ?3 order by record limit ?4";
    among.records(tx, text.to_owned(), among.name.into())
}

/// Records of which something is due that no failed attempt has left to the sweep, or to a person.
pub fn records_ready(tx: &mut dyn Tx, among: &Among<'_>) -> Result<Vec<i64>, Error> {
    static SELECT: Statement = Statement::new(
        "select d.record from export_due d where d.backend = ?1 and d.kind = ?5 and d.record > ?3 and not exists \
         (select 1 from binding b where b.backend = ?1 and b.kind = ?2 and b.record = d.record and b.sync_status = 3) \
         order by d.record limit ?4",
    );
    let limit = Param::Int(i64::try_from(among.limit).unwrap_or(i64::MAX));
    let params = [among.backend.into(), among.kind.into(), among.after.into(), limit, among.name.into()];
    tx.query(&SELECT, &params, |row| row.int(0))
}

/// Bound records that have changed since they were in step, or that were never sent.
pub fn records_differing(tx: &mut dyn Tx, among: &Among<'_>) -> Result<Vec<i64>, Error> {
    let text = format!(
        "select b.record from binding b join \"{}\" r on r.id = b.record where b.backend = ?1 and b.kind = ?2 \
         and b.record > ?3 and b.no_export = 0 and (b.external_id is null or b.record_version <> r.version) \
         order by b.record limit ?4",
        among.table
    );
    among.records(tx, text, among.kind.into())
}

/// Records bound to one of theirs that have changed since they were in step, and of which nothing is due.
pub fn records_behind(tx: &mut dyn Tx, among: &Among<'_>) -> Result<Vec<i64>, Error> {
    let text = format!(
        "select b.record from binding b join \"{}\" r on r.id = b.record where b.backend = ?1 and b.kind = ?2 \
         and b.record > ?3 and b.no_export = 0 and b.external_id is not null and b.record_version <> r.version \
         and not exists (select 1 from export_due d where d.backend = ?1 and d.kind = ?5 and d.record = b.record) \
         order by b.record limit ?4",
        among.table
    );
    let limit = Param::Int(i64::try_from(among.limit).unwrap_or(i64::MAX));
    let params = [among.backend.into(), among.kind.into(), among.after.into(), limit, among.name.into()];
    tx.query(&Statement::generated(text), &params, |row| row.int(0))
}

/// Records that are not bound.
pub fn records_unbound(tx: &mut dyn Tx, among: &Among<'_>) -> Result<Vec<i64>, Error> {
    let text = format!(
        "select r.id from \"{}\" r where r.id > ?3 and not exists (select 1 from binding b where b.backend = ?1 \
         and b.kind = ?2 and b.record = r.id) order by r.id limit ?4",
        among.table
    );
    among.records(tx, text, among.kind.into())
}

/// How many records of each kind of a backend are to be exported, and since when the first of them is.
pub fn tally_due(tx: &mut dyn Tx, backend: i64) -> Result<Vec<(String, u64, i64)>, Error> {
    static SELECT: Statement = Statement::new(
        "select kind, count(*), min(since) from export_due where backend = ?1 group by kind order by kind",
    );
    tx.query(&SELECT, &[backend.into()], |row| Ok((row.string(0)?, row.int(1)?.unsigned_abs(), row.int(2)?)))
}

/// What a removed record was bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The backend.
    pub backend: i64,
    /// The kind.
    pub kind: String,
    /// Theirs.
    pub external_id: String,
}

/// Notes what a record that is about to be removed is bound to, but for the backend that wants it so.
pub fn keep_bound(tx: &mut dyn Tx, model: i64, record: i64, origin: Option<i64>) -> Result<(), Error> {
    static INSERT: Statement = Statement::new(
        "insert into outbox_bound(model, record, backend, kind, external_id) select k.model, b.record, b.backend, k.name, \
         b.external_id from binding b join record_kind k on k.id = b.kind \
         where k.model = ?1 and b.record = ?2 and b.external_id is not null and b.backend <> ?3",
    );
    tx.execute(&INSERT, &[model.into(), record.into(), origin.unwrap_or_default().into()])?;
    Ok(())
}

/// What a removed record was bound to, by backend and kind.
pub fn bound(tx: &mut dyn Tx, model: i64, record: i64) -> Result<Vec<Bound>, Error> {
    static SELECT: Statement = Statement::new(
        "select backend, kind, external_id from outbox_bound where model = ?1 and record = ?2 order by backend, kind",
    );
    tx.query(&SELECT, &[model.into(), record.into()], |row| {
        Ok(Bound { backend: row.int(0)?, kind: row.string(1)?, external_id: row.string(2)? })
    })
}

/// Forgets what removed records were bound to in backends that export nothing.
pub fn forget_bound_of_others(tx: &mut dyn Tx, backends: &[i64]) -> Result<(), Error> {
    static DELETE: Statement = Statement::new("delete from outbox_bound where not (backend {ints:1})");
    tx.execute(&DELETE, &[Param::Ints(backends)])?;
    Ok(())
}

/// Forgets what a removed record was bound to, and what of it was to be exported.
pub fn forget_removed(tx: &mut dyn Tx, model: i64, record: i64) -> Result<(), Error> {
    static BOUND: Statement = Statement::new("delete from outbox_bound where model = ?1 and record = ?2");
    static DUE: Statement = Statement::new(
        "delete from export_due where record = ?2 and kind in (select name from record_kind where model = ?1)",
    );
    tx.execute(&BOUND, &[model.into(), record.into()])?;
    tx.execute(&DUE, &[model.into(), record.into()])?;
    Ok(())
}
